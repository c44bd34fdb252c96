//! The key pages of the five documents, each in its own words.

use super::{ask, make, see_three_requests, shown_key};
use crate::browsing::developer;
use crate::harness::{Bitting, Upstream, get};

#[tokio::test]
async fn bb5_backboards_key_page_makes_a_key_and_shows_it_once() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("backboard", &upstream);
    let browser = developer(&bitting, "backboard").await;
    let key = make(&bitting, &browser, "Create New API Key", "Name", "Assistant").await;
    assert_eq!(get(bitting.gateway, "/api/assistants", &[("x-api-key", &key)]).await.status, 200);
    for path in ["/apis/backboard/keys", "/apis/backboard/usage"] {
        browser.open(path).await;
        assert!(!browser.text().await.contains(&key), "{path}");
    }
}

#[tokio::test]
async fn bb6_a_lost_key_of_backboard_is_replaced_from_the_key_page() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("backboard", &upstream);
    let browser = developer(&bitting, "backboard").await;
    let lost = make(&bitting, &browser, "Create New API Key", "Name", "Assistant").await;
    browser.press("See the key’s page").await;
    browser.press("Rotate").await;
    browser.choose("At once").await;
    browser.press("Rotate key").await;
    let found = shown_key(&bitting, &browser).await;
    for (key, status) in [(lost, 401), (found, 200)] {
        assert_eq!(get(bitting.gateway, "/api/assistants", &[("x-api-key", &key)]).await.status, status);
    }
}

#[tokio::test]
async fn bb7_keys_of_three_environments_are_told_apart_in_the_list() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("backboard", &upstream);
    let browser = developer(&bitting, "backboard").await;
    for environment in ["Production", "Staging", "Development"] {
        browser.press("Create New API Key").await;
        browser.fill("Name", &format!("App in {environment}")).await;
        browser.choose(environment).await;
        browser.press("Create New API Key").await;
        shown_key(&bitting, &browser).await;
        browser.press("I have stored it").await;
    }
    for environment in ["Production", "Staging", "Development"] {
        let row = browser.row(&format!("App in {environment}")).await;
        assert!(row.says(&environment.to_lowercase()).await, "{}", row.text().await);
    }
    browser.inspect("keys-of-backboard").await;
    browser.section("Environment").await.follow("Staging").await;
    assert_eq!(browser.table("API keys").await.len(), 1);
}

#[tokio::test]
async fn bn5_backbones_key_page_shows_prefix_and_date_and_revokes() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("backbone", &upstream);
    let browser = developer(&bitting, "backbone").await;
    let key = make(&bitting, &browser, "Create API Key", "Name", "Agent").await;
    browser.press("I have stored it").await;
    let row = browser.row("Agent").await;
    assert!(row.says(&key[..12]).await && !row.says(&key).await && row.says("today").await, "{}", row.text().await);
    browser.follow("Agent").await;
    browser.press("Revoke").await;
    browser.press("Revoke key").await;
    assert_eq!(ask(&bitting, "/api/v1/models", &key).await.status, 401);
}

#[tokio::test]
async fn bn7_unexpected_activity_is_seen_on_the_usage_page() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("backbone", &upstream);
    let browser = developer(&bitting, "backbone").await;
    see_three_requests(&bitting, &browser).await;
    assert!(browser.fact("Requests").await.starts_with('3'), "{}", browser.fact("Requests").await);
}

#[tokio::test]
async fn lb4_a_key_of_launchboard_begins_with_the_least_role() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("launchboard", &upstream);
    let browser = developer(&bitting, "launchboard").await;
    browser.press("Create API Key").await;
    assert!(browser.is_chosen("Viewer").await && !browser.is_chosen("Admin").await);
    browser.inspect("key-dialog-roles").await;
    browser.fill("Name", "Cap table reader").await;
    browser.press("Create API Key").await;
    let key = shown_key(&bitting, &browser).await;
    assert_eq!(ask(&bitting, "/api/v1/stakeholders", &key).await.status, 200);
    let bearer = format!("Bearer {key}");
    let written = crate::harness::post(bitting.gateway, "/api/v1/stakeholders", &[("authorization", &bearer)], "{}").await;
    assert_eq!(written.status, 403);
}

#[tokio::test]
async fn lb9_a_key_of_launchboard_is_revoked_and_replaced_from_the_same_page() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("launchboard", &upstream);
    let browser = developer(&bitting, "launchboard").await;
    let first = make(&bitting, &browser, "Create API Key", "Name", "First").await;
    browser.press("I have stored it").await;
    browser.follow("First").await;
    browser.press("Revoke").await;
    browser.press("Revoke key").await;
    assert_eq!(ask(&bitting, "/api/v1/stakeholders", &first).await.status, 401);
    browser.follow("API keys").await;
    let second = make(&bitting, &browser, "Create API Key", "Name", "Second").await;
    assert_eq!(ask(&bitting, "/api/v1/stakeholders", &second).await.status, 200);
}

#[tokio::test]
async fn cs3_csboards_key_has_a_label_and_is_shown_once() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("csboard", &upstream);
    let browser = developer(&bitting, "csboard").await;
    let key = make(&bitting, &browser, "Generate key", "Label", "Price bot").await;
    assert_eq!(ask(&bitting, "/v1/listings", &key).await.status, 200);
    assert_eq!(upstream.last().header("bitting-account"), "northwind");
    browser.press("I have stored it").await;
    browser.sees("Price bot").await;
    assert!(!browser.text().await.contains(&key));
}

#[tokio::test]
async fn cs4_trading_is_not_offered_at_creation_and_switched_in_the_list_with_its_warning() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("csboard", &upstream);
    let browser = developer(&bitting, "csboard").await;
    browser.press("Generate key").await;
    assert!(!browser.says("Trading").await);
    browser.fill("Label", "Buy bot").await;
    browser.press("Generate key").await;
    let key = shown_key(&bitting, &browser).await;
    let bearer = format!("Bearer {key}");
    let order = async || crate::harness::post(bitting.gateway, "/v1/orders", &[("authorization", &bearer)], "{}").await.status;
    browser.press("I have stored it").await;
    assert_eq!(order().await, 403);
    for has_script in [true, false] {
        browser.with_script(has_script).await;
        browser.reload().await;
        browser.press("Trading enabled, Buy bot").await;
        browser.sees("Never enable trading on a key that you share").await;
        browser.inspect(if has_script { "switch-dialog" } else { "switch-page" }).await;
        assert_eq!(order().await, 403, "a warning is not yet a change");
        browser.press("Turn on").await;
        assert_eq!(order().await, 200);
        browser.open("/apis/csboard/keys").await;
        browser.press("Trading enabled, Buy bot").await;
        assert_eq!(order().await, 403);
        browser.open("/apis/csboard/keys").await;
    }
    browser.inspect("keys-of-csboard").await;
}

#[tokio::test]
async fn cs8_revoking_one_key_on_the_page_leaves_the_other_working() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("csboard", &upstream);
    let browser = developer(&bitting, "csboard").await;
    let mut keys = Vec::new();
    for label in ["One", "Two"] {
        keys.push(make(&bitting, &browser, "Generate key", "Label", label).await);
        browser.press("I have stored it").await;
    }
    browser.follow("One").await;
    browser.press("Revoke").await;
    browser.press("Revoke key").await;
    for (key, status) in keys.iter().zip([401, 200]) {
        assert_eq!(ask(&bitting, "/v1/listings", key).await.status, status);
    }
}
