//! Set-up, password, and out again.

use fantoccini::key::Key;

use super::{PASSWORD, operator, sign_in};
use crate::harness::{Bitting, Browser, Upstream};

#[tokio::test]
async fn the_first_operator_sets_up_by_the_printed_link_once_and_signs_in_from_then_on() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let link = bitting.set_up_link();
    let browser = Browser::new(bitting.dashboard()).await;
    browser.open("/").await;
    browser.arrives_at("/sign-in").await;
    browser.inspect("sign-in").await;
    browser.open(&link).await;
    browser.inspect("set-up").await;
    browser.fill("Your name", "Ada Operator").await;
    browser.fill("E-mail", "ada@example.com").await;
    browser.fill("Password", "short").await;
    browser.press("Set password and sign in").await;
    browser.inspect("set-up-refused").await;
    assert_eq!(browser.value("Your name").await, "Ada Operator");
    browser.fill("Password", PASSWORD).await;
    browser.press("Set password and sign in").await;
    browser.arrives_at("/").await;
    browser.inspect("home").await;
    browser.press("Ada Operator").await;
    browser.press("Sign out").await;
    browser.arrives_at("/sign-in").await;
    browser.open(&link).await;
    browser.sees("This link no longer works").await;
    assert_eq!(browser.status().await, 410);
    browser.inspect("link-used").await;
    browser.follow("Sign in").await;
    sign_in(&browser, "ada@example.com", "not the password").await;
    browser.sees("That e-mail and password do not match.").await;
    browser.inspect("sign-in-refused").await;
    sign_in(&browser, "ada@example.com", PASSWORD).await;
    browser.arrives_at("/").await;
}

#[tokio::test]
async fn without_script_one_sets_up_signs_out_and_in() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = operator(&bitting).await;
    browser.with_script(false).await;
    browser.reload().await;
    browser.press("Ada Operator").await;
    browser.press("Sign out").await;
    sign_in(&browser, "ada@example.com", PASSWORD).await;
    browser.arrives_at("/").await;
}

#[tokio::test]
async fn an_invited_operator_chooses_a_password_and_is_in() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let first = operator(&bitting).await;
    let browser = Browser::new(bitting.dashboard()).await;
    browser.open(&bitting.invite("Bo", "bo@example.com", &[])).await;
    browser.inspect("join").await;
    assert_eq!(browser.value("E-mail").await, "bo@example.com");
    browser.fill("Password", PASSWORD).await;
    browser.press("Set password and sign in").await;
    browser.arrives_at("/").await;
    first.follow("Members").await;
    first.row("bo@example.com").await.sees("Active").await;
}

#[tokio::test]
async fn after_a_password_that_will_not_do_the_focus_is_on_it_and_what_is_wrong_is_said_once() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = Browser::new(bitting.dashboard()).await;
    browser.open(&bitting.set_up_link()).await;
    assert_eq!(browser.focus().await, "Your name");
    browser.fill("Your name", "Ada Operator").await;
    browser.fill("E-mail", "ada@example.com").await;
    browser.fill("Password", "short").await;
    browser.press("Set password and sign in").await;
    browser.sees("This is too short.").await;
    assert_eq!(browser.focus().await, "Password");
    assert_eq!(browser.text().await.matches("characters or more").count(), 1, "{}", browser.text().await);
    browser.type_keys(PASSWORD).await;
    browser.press_key(Key::Enter).await;
    browser.arrives_at("/").await;
}
