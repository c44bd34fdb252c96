//! The dashboard in a real browser, as people see it. What a browser without script and whoever means ill meet stands in `dashboard`.

mod docs;
mod events;
mod keys;
mod looks;
mod people;
mod seeing;
mod signing_in;
mod usage;
mod webhooks;

use crate::dashboard::House;
use crate::harness::{Bitting, Browser, Person};

const PASSWORD: &str = "correct horse battery staple";

/// A browser in which the first operator has set the dashboard up and is signed in.
async fn operator(bitting: &Bitting) -> Browser {
    let browser = Browser::new(bitting.dashboard()).await;
    browser.open(&bitting.set_up_link()).await;
    browser.fill("Your name", "Ada Operator").await;
    browser.fill("E-mail", "ada@example.com").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Set password and sign in").await;
    browser.arrives_at("/").await;
    browser
}

/// Signs in with a password, from wherever the door is.
async fn sign_in(browser: &Browser, email: &str, password: &str) {
    browser.fill("E-mail", email).await;
    browser.fill("Password", password).await;
    browser.press("Sign in").await;
}

/// A browser in which somebody is signed in already.
async fn browser_of(house: &House, person: &Person) -> Browser {
    let browser = Browser::new(format!("http://{}", house.service)).await;
    browser.take_cookie("bitting_session", &person.cookie("bitting_session")).await;
    browser.open("/").await;
    browser
}

/// A browser of somebody who was never there before.
async fn stranger(house: &House) -> Browser {
    Browser::new(format!("http://{}", house.service)).await
}

/// A browser of a developer of an account of the served API, signed in, at their keys.
async fn developer(bitting: &Bitting, api: &str) -> Browser {
    bitting.json(&["accounts", "create", "northwind"]);
    let browser = Browser::new(bitting.dashboard()).await;
    browser.open(&bitting.invite("Dev", "dev@example.com", &["--api", api, "--account", "northwind"])).await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Set password and sign in").await;
    browser.arrives_at(&format!("/apis/{api}/keys")).await;
    browser
}
