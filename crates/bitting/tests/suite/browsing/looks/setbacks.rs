//! Pages for when something keeps people from going on.

use std::time::Duration;

use serde_json::json;

use super::look_at;
use crate::browsing::people::shown_link;
use crate::browsing::{browser_of, sign_in, stranger};
use crate::dashboard::{House, PASSWORD, token};
use crate::harness::{hidden, post};

#[tokio::test]
async fn what_is_not_there_and_what_is_not_theirs() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    look_at(&dev, "nothing-here", "/apis/product-api/nothing", 404, "There is nothing here").await;
    look_at(&dev, "not-theirs", "/apis/product-api/audit-log", 404, "There is nothing here").await;
    let nobody = stranger(&house).await;
    look_at(&nobody, "nothing-for-strangers", "/nothing", 404, "There is nothing here").await;
    look_at(&nobody, "link-spent", "/link?token=spent", 410, "This link no longer works").await;
}

#[tokio::test]
async fn what_became_somebody_elses_to_do_is_said() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.open("/apis/product-api/members").await;
    dev.press("Invite member").await;
    dev.fill("E-mail", "priya@northwind.example").await;
    dev.press("Create invitation").await;
    let link = shown_link(&dev).await;
    dev.press("I have sent it").await;
    let priya = house.stranger();
    let page = priya.open(link.split_once(&house.service.to_string()).unwrap().1).await;
    let (token, name) = (hidden(&page, "token").unwrap(), ("name", "Priya"));
    priya.send("/link", &[("token", &token), name, ("password", PASSWORD)]).await;
    assert!(priya.is_in().await);
    // The page is from before she came, and a link for her would let them in as her by now.
    dev.row("priya@northwind.example").await.press("New invitation").await;
    assert_eq!((dev.status().await, dev.heading().await.as_str()), (403, "This is not yours to do"));
    dev.inspect("not-yours-to-do").await;
}

#[tokio::test]
async fn a_form_of_somebody_who_was_in_before_is_out_of_date() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    mara.open("/apis/product-api/accounts/new").await;
    let again = house.stranger();
    again.sign_in("mara@example.com", PASSWORD).await;
    mara.take_cookie("bitting_session", &again.cookie("bitting_session")).await;
    mara.fill("Id", "acme").await;
    mara.press("Create account").await;
    assert_eq!((mara.status().await, mara.heading().await.as_str()), (403, "This form is out of date"));
    mara.inspect("stale").await;
}

#[tokio::test]
async fn whoever_guesses_passwords_is_told_how_long_to_wait() {
    let house = House::open().await;
    house.operator("mara@example.com").await;
    for _ in 0..6 {
        house.stranger().sign_in("mara@example.com", "not the password").await;
    }
    let browser = stranger(&house).await;
    browser.open("/sign-in").await;
    sign_in(&browser, "mara@example.com", PASSWORD).await;
    assert_eq!((browser.status().await, browser.heading().await.as_str()), (429, "Too many attempts"));
    browser.inspect("too-many-attempts").await;
}

#[tokio::test]
async fn what_was_typed_is_shown_before_it_is_sent_again() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    mara.open("/apis/product-api/accounts/new").await;
    mara.fill("Id", "acme").await;
    mara.fill("Name", "A name that is so long that it does not stand on one line of a telephone 🗝 <b>שלום</b>").await;
    house.clock.advance(Duration::from_hours(13));
    mara.press("Create account").await;
    mara.inspect("sign-in-with-kept-form").await;
    sign_in(&mara, "mara@example.com", PASSWORD).await;
    assert_eq!(mara.heading().await, "Go on where you were");
    mara.inspect("kept-form").await;
}

#[tokio::test]
async fn a_link_for_somebody_else_asks_first() {
    let house = House::open().await;
    let dev = browser_of(&house, &house.developer("acme", "dev@example.com").await).await;
    let operator = token(&house, &["portal:write"]).await;
    let headers = [("authorization", operator.as_str()), ("content-type", "application/json")];
    let body = json!({"account": "acme", "member": "Priya"}).to_string();
    let made = post(house.service, "/v1/apis/product-api/portal-sessions", &headers, &body).await;
    look_at(&dev, "portal-switch", made.json()["url"].as_str().unwrap(), 200, "Go on as Priya?").await;
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_as_such() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    house.break_store();
    look_at(&mara, "store-unavailable", "/apis/product-api/audit-log", 503, "Keys cannot be shown at the moment").await;
    mara.follow("Try again").await;
    assert_eq!(mara.status().await, 503, "it does not send them away to sign in");
}
