//! Keys: made, seen once, used, changed, rotated and revoked.

mod documents;
mod mishaps;

use fantoccini::key::Key;
use serde_json::json;

use super::developer;
use crate::harness::{Bitting, Browser, Reply, Upstream, get};

/// The new key that the page shows.
pub(super) async fn shown_key(bitting: &Bitting, browser: &Browser) -> String {
    assert_eq!(browser.heading().await, "Copy your key now");
    let key = browser.section("The key").await.text().await.lines().next().unwrap().trim().to_owned();
    bitting.traces.issued(&key);
    key
}

/// Makes a key in the dialog as it comes up, giving it a name alone.
pub(super) async fn make(bitting: &Bitting, browser: &Browser, words: &str, name_label: &str, name: &str) -> String {
    browser.press(words).await;
    browser.fill(name_label, name).await;
    browser.press(words).await;
    shown_key(bitting, browser).await
}

pub(super) async fn ask(bitting: &Bitting, path: &str, key: &str) -> Reply {
    get(bitting.gateway, path, &[("authorization", &format!("Bearer {key}"))]).await
}

/// Opens Backbone's page of usage when a new key has been used three times, and waits until that is seen there.
pub(super) async fn see_three_requests(bitting: &Bitting, browser: &Browser) {
    let key = make(bitting, browser, "Create API Key", "Name", "Agent").await;
    for _ in 0..3 {
        ask(bitting, "/api/v1/models", &key).await;
    }
    browser.open("/apis/backbone/usage").await;
    browser.comes_to_say("GET /api/v1/*").await;
}

#[tokio::test]
async fn pa1_a_key_is_made_with_description_preset_limit_and_expiry_and_shown_once() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = developer(&bitting, "product-api").await;
    browser.allow_copying().await;
    browser.inspect("keys-empty").await;
    browser.press("Generate New Key").await;
    browser.inspect("key-dialog").await;
    assert!(browser.is_chosen("Test").await && browser.is_chosen("Read").await, "the smallest is chosen");
    browser.fill("Name", "Partner portal").await;
    browser.fill("Description", "Order status for partners").await;
    browser.choose("Live").await;
    browser.choose("Read and write").await;
    browser.choose("In 90 days").await;
    browser.press("Rate limit, addresses").await;
    browser.fill("Requests an hour", "50").await;
    browser.press("Generate New Key").await;
    let key = shown_key(&bitting, &browser).await;
    assert!(key.starts_with("sk_live_"));
    browser.inspect("key-made").await;
    browser.press("Copy key").await;
    browser.sees("Copied").await;
    assert_eq!(browser.copied().await, key);
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.header("x-ratelimit-limit"), "50");
    browser.sees("It works. The last request came").await;

    browser.reload().await;
    browser.sees("This key was made already, and shown once").await;
    assert!(!browser.says(&key).await);
    browser.inspect("key").await;
    assert_eq!(browser.heading().await, "Partner portal");
    browser.sees("Order status for partners").await;
    browser.back().await;
    assert!(!browser.text().await.contains(&key), "going back does not show it");
    browser.open("/apis/product-api/keys").await;
    let rows = browser.table("API keys").await;
    assert_eq!(rows.len(), 1, "neither reload nor going back has made another");
    browser.row("Partner portal").await.sees("Order status for partners").await;
    let listed = &bitting.json(&["keys", "list"])[0];
    assert_eq!((&listed["name"], &listed["description"]), (&json!("Partner portal"), &json!("Order status for partners")));
    browser.inspect("keys").await;
}

#[tokio::test]
async fn a_key_is_used_edited_rotated_and_revoked_and_refused_on_the_very_next_request() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = developer(&bitting, "product-api").await;
    let key = make(&bitting, &browser, "Generate New Key", "Name", "Billing sync").await;
    browser.press("See the key’s page").await;
    assert_eq!(browser.fact("Last used").await, "Never");
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.status, 200);
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.status, 200);
    browser.comes_to_say("from 127.0.0.1").await;
    assert_eq!(browser.fact("Requests today").await, "2 let through since 00:00 UTC");

    let body = json!({"title": "x"}).to_string();
    let bearer = format!("Bearer {key}");
    let write = async || crate::harness::post(bitting.gateway, "/v1/tasks", &[("authorization", &bearer)], &body).await.status;
    assert_eq!(write().await, 403);
    browser.section("Settings").await.follow("Edit").await;
    browser.choose("Read and write").await;
    browser.fill("Name", "Billing sync 2").await;
    browser.press("Save").await;
    browser.sees("Saved. It holds from the next request on.").await;
    assert_eq!((browser.heading().await.as_str(), write().await.as_u16()), ("Billing sync 2", 200));

    browser.press("Rotate").await;
    browser.inspect("key-rotate").await;
    browser.choose("In 1 hour").await;
    browser.press("Rotate key").await;
    let successor = shown_key(&bitting, &browser).await;
    browser.inspect("key-rotated").await;
    assert_ne!(successor, key);
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.status, 200, "the old one lives on for an hour");
    assert_eq!(ask(&bitting, "/v1/tasks", &successor).await.status, 200);
    browser.press("I have stored it").await;
    assert_eq!(browser.table("API keys").await.len(), 2);
    browser.row("Replaced").await.follow("Billing sync 2").await;
    browser.inspect("key-replaced").await;
    browser.press("Revoke").await;
    let question = browser.dialog("Revoke Billing sync 2?").await;
    assert!(question.says("It was last used").await && question.says("from the next request on").await);
    browser.inspect("key-revoke").await;
    browser.press("Keep key").await;
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.status, 200);
    browser.press("Revoke").await;
    browser.press("Revoke key").await;
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.status, 401);
    assert_eq!(ask(&bitting, "/v1/tasks", &successor).await.status, 200);
    browser.sees("It is revoked.").await;
    browser.inspect("key-revoked").await;
}

#[tokio::test]
async fn without_script_a_key_is_made_seen_rotated_and_revoked() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = developer(&bitting, "product-api").await;
    browser.with_script(false).await;
    browser.reload().await;
    let key = make(&bitting, &browser, "Generate New Key", "Name", "No script").await;
    assert!(!browser.offers("Copy key").await);
    browser.press("See the key’s page").await;
    browser.press("Rotate").await;
    browser.choose("At once").await;
    browser.press("Rotate key").await;
    let successor = shown_key(&bitting, &browser).await;
    assert_eq!(ask(&bitting, "/v1/tasks", &key).await.status, 401);
    browser.press("See the key’s page").await;
    browser.press("Revoke").await;
    browser.press("Revoke key").await;
    browser.sees("It is revoked.").await;
    assert_eq!(ask(&bitting, "/v1/tasks", &successor).await.status, 401);
}

#[tokio::test]
async fn in_the_dialog_the_keyboard_reaches_everything_and_nothing_covers_what_has_the_focus() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = developer(&bitting, "product-api").await;
    browser.press("Generate New Key").await;
    browser.press("Rate limit, addresses").await;
    browser.choose("Choose each").await;
    browser.fill("Name", "By keyboard").await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "Generate New Key") {
        assert!(seen.len() < 40, "the focus goes in circles: {seen:?}");
        browser.press_key(Key::Tab).await;
        let focus = browser.focus().await;
        assert!(browser.focus_is_seen().await, "“{focus}” is covered");
        seen.push(focus);
    }
    assert!(seen.contains(&"Addresses".to_owned()) && seen.iter().any(|name| name.contains("admin:*")), "{seen:?}");
    browser.press_key(Key::Escape).await;
    assert_eq!(browser.focus().await, "Generate New Key", "the focus is back on what opened the dialog");
    assert_eq!(browser.path().await, "/apis/product-api/keys");
}

#[tokio::test]
async fn a_wrong_form_says_what_is_right_and_loses_nothing() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("product-api", &upstream);
    let browser = developer(&bitting, "product-api").await;
    browser.press("Generate New Key").await;
    browser.fill("Name", "שלום <script>alert(1)</script> 🗝\u{202e}").await;
    browser.press("Rate limit, addresses").await;
    browser.fill("Addresses", "203.0.113.0/24\n198.51.100.300").await;
    browser.press("Generate New Key").await;
    assert_eq!(browser.status().await, 422);
    browser.inspect("key-form-wrong").await;
    assert_eq!(browser.value("Name").await, "שלום <script>alert(1)</script> 🗝\u{202e}");
    assert_eq!(browser.value("Addresses").await, "203.0.113.0/24\n198.51.100.300");
    browser.fill("Addresses", "203.0.113.0/24").await;
    browser.press("Generate New Key").await;
    shown_key(&bitting, &browser).await;
    browser.press("I have stored it").await;
    browser.row("<script>alert(1)</script>").await.sees("שלום").await;
    browser.inspect("keys-odd-names").await;
}
