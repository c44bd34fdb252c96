//! Members, and what each can do about their own sign-in.

use std::time::Duration;

use bitting_engine::Clock as _;
use serde_json::json;

use super::{browser_of, sign_in, stranger};
use crate::dashboard::{House, PASSWORD, token};
use crate::harness::{Browser, code, post};

/// The code that the app of somebody shows now.
fn code_now(house: &House, secret: &str) -> String {
    code(secret, house.clock.now().as_millis() / 1_000)
}

/// The one-time link that the page shows.
pub(super) async fn shown_link(browser: &Browser) -> String {
    let text = browser.text().await;
    text.split_whitespace().find(|word| word.contains("/link?token=")).unwrap().to_owned()
}

/// The secret that the page shows in groups of letters.
async fn shown_secret(browser: &Browser) -> String {
    let text = browser.text().await;
    let is_secret = |line: &&str| line.len() > 30 && line.chars().all(|c| c.is_ascii_uppercase() || "234567 ".contains(c));
    text.lines().find(is_secret).unwrap().split_whitespace().collect()
}

#[tokio::test]
async fn a_second_factor_is_set_up_from_a_telephone_and_asked_for_from_then_on() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    mara.press("mara").await;
    mara.follow("Your sign-in").await;
    mara.inspect("you").await;
    mara.press("Set up a second factor").await;
    mara.inspect("second-factor").await;
    let secret = shown_secret(&mara).await;
    mara.fill("Code", "000000").await;
    mara.fill("Password", PASSWORD).await;
    mara.press("Ask for codes from now on").await;
    mara.inspect("second-factor-refused").await;
    mara.fill("Code", &code_now(&house, &secret)).await;
    mara.fill("Password", PASSWORD).await;
    mara.press("Ask for codes from now on").await;
    mara.sees("A code is asked for from now on").await;
    mara.inspect("you-with-second-factor").await;

    house.clock.advance(Duration::from_secs(30));
    let elsewhere = stranger(&house).await;
    elsewhere.open("/members").await;
    sign_in(&elsewhere, "mara@example.com", PASSWORD).await;
    elsewhere.sees("six digits").await;
    elsewhere.fill("Code", "123456").await;
    elsewhere.press("Sign in").await;
    elsewhere.sees("That code is not right").await;
    elsewhere.inspect("code-refused").await;
    elsewhere.fill("Code", &code_now(&house, &secret)).await;
    elsewhere.press("Sign in").await;
    elsewhere.arrives_at("/members").await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_with_a_link_from_an_operator() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    let tomasz = browser_of(&house, &house.operator("tomasz@example.com").await).await;
    mara.follow("Members").await;
    mara.inspect("members").await;
    mara.row("tomasz@example.com").await.press("Reset password").await;
    mara.sees("We cannot show it again").await;
    mara.inspect("link-made").await;
    let link = shown_link(&mara).await;
    mara.press("I have sent it").await;
    mara.arrives_at("/members").await;

    let browser = stranger(&house).await;
    browser.open(&link).await;
    browser.inspect("reset").await;
    browser.fill("Password", "another good password").await;
    browser.press("Set password").await;
    browser.arrives_at("/").await;
    tomasz.reload().await;
    tomasz.arrives_at("/sign-in").await;
    sign_in(&tomasz, "tomasz@example.com", PASSWORD).await;
    tomasz.sees("do not match").await;
    sign_in(&tomasz, "tomasz@example.com", "another good password").await;
    tomasz.arrives_at("/").await;
}

/// Invites somebody and disables somebody else.
async fn invite_and_disable(browser: &Browser) -> String {
    browser.follow("Members").await;
    browser.press("Invite operator").await;
    browser.fill("E-mail", "new@example.com").await;
    browser.fill("Name", "<b>Ö</b> \u{202e}neu 🗝").await;
    browser.press("Create invitation").await;
    browser.sees("We cannot show it again").await;
    let link = shown_link(browser).await;
    browser.press("I have sent it").await;
    browser.row("new@example.com").await.sees("<b>Ö</b> \u{202e}neu 🗝").await;
    browser.row("tomasz@example.com").await.press("Disable").await;
    browser.press("Disable member").await;
    browser.row("tomasz@example.com").await.sees("Disabled").await;
    link
}

#[tokio::test]
async fn an_operator_invites_one_and_disables_another() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    let tomasz = browser_of(&house, &house.operator("tomasz@example.com").await).await;
    invite_and_disable(&mara).await;
    mara.inspect("members-disabled").await;
    tomasz.reload().await;
    tomasz.arrives_at("/sign-in").await;
    mara.row("tomasz@example.com").await.press("Enable").await;
    mara.row("tomasz@example.com").await.sees("Active").await;
    sign_in(&tomasz, "tomasz@example.com", PASSWORD).await;
    tomasz.arrives_at("/").await;
}

#[tokio::test]
async fn without_script_an_operator_invites_and_disables_too() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    house.operator("tomasz@example.com").await;
    mara.with_script(false).await;
    mara.reload().await;
    let link = invite_and_disable(&mara).await;
    assert!(link.starts_with("http://127.0.0.1"), "{link}");
}

#[tokio::test]
async fn one_signs_out_everywhere_else_and_changes_the_password() {
    let house = House::open().await;
    let here = browser_of(&house, &house.operator("mara@example.com").await).await;
    let there = house.stranger();
    there.sign_in("mara@example.com", PASSWORD).await;
    here.open("/you").await;
    assert_eq!(here.table("Your sessions, the latest first").await.len(), 2);
    here.press("Sign out everywhere else").await;
    assert_eq!(here.table("Your sessions, the latest first").await.len(), 1);
    assert!(!there.is_in().await);
    here.fill("Present password", "not the password").await;
    here.fill("New password", "another good password").await;
    here.press("Change password").await;
    here.inspect("you-refused").await;
    here.fill("Present password", PASSWORD).await;
    here.fill("New password", "another good password").await;
    here.press("Change password").await;
    here.press("mara").await;
    here.press("Sign out").await;
    sign_in(&here, "mara@example.com", "another good password").await;
    here.arrives_at("/").await;
}

#[tokio::test]
async fn the_apis_own_site_sends_a_customer_in_who_needs_no_password() {
    let house = House::open().await;
    house.developer("acme", "dev@example.com").await;
    let operator = token(&house, &["portal:write"]).await;
    let headers = [("authorization", operator.as_str()), ("content-type", "application/json")];
    let body = json!({"account": "acme", "member": "Priya"}).to_string();
    let made = post(house.service, "/v1/apis/product-api/portal-sessions", &headers, &body).await;
    let browser = stranger(&house).await;
    browser.open(made.json()["url"].as_str().unwrap()).await;
    browser.arrives_at("/apis/product-api/keys").await;
    browser.open("/you").await;
    browser.sees("Priya").await;
    browser.inspect("you-by-portal").await;
}
