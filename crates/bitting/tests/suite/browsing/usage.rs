//! What was used and what was refused, as the owner of the keys finds it out.

use super::developer;
use super::keys::{ask, shown_key};
use crate::harness::{Bitting, Upstream, post};

#[tokio::test]
async fn bn7_the_busiest_key_and_why_it_was_refused_are_seen() {
    let upstream = Upstream::start().await;
    let overrides = [format!("api.backbone.upstream={}", upstream.origin()), "api.backbone.limits.day=100/day".to_owned()];
    let bitting = Bitting::example_with("backbone", &overrides);
    let browser = developer(&bitting, "backbone").await;
    let mut keys = Vec::new();
    for name in ["Quiet agent", "Busy agent"] {
        browser.press("Create API Key").await;
        browser.fill("Name", name).await;
        browser.choose("Choose each").await;
        browser.choose("models:read").await;
        browser.unchoose("chat:write").await;
        browser.press("Create API Key").await;
        keys.push(shown_key(&bitting, &browser).await);
        browser.press("I have stored it").await;
    }
    let bearer = format!("Bearer {}", keys[1]);
    let complete = async || post(bitting.gateway, "/api/v1/chat/completions", &[("authorization", &bearer)], "{}").await.status;
    ask(&bitting, "/api/v1/models", &keys[0]).await;
    for _ in 0..3 {
        assert_eq!(ask(&bitting, "/api/v1/models", &keys[1]).await.status, 200);
    }
    assert_eq!([complete().await, complete().await], [403, 403]);

    browser.open("/apis/backbone/usage").await;
    browser.comes_to_say("Lacks chat:write").await;
    let why = browser.section("Why requests were refused").await.row("Missing permission").await;
    assert!(why.says("insufficient_permission").await && why.says("2 100%").await, "{}", why.text().await);
    let refused = browser.table("Recent refusals").await;
    assert_eq!(refused.len(), 1, "what is refused alike stands in one line: {refused:?}");
    assert_eq!(refused[0][1..3], ["Busy agent", "Lacks chat:write 403 · Change permissions"]);
    assert_eq!(refused[0][3..], ["POST /api/v1/*", "127.0.0.1", "2"]);
    let busiest = browser.section("Busiest keys").await;
    let text = busiest.text().await;
    assert!(text.find("Busy agent") < text.find("Quiet agent"), "{text}");
    assert!(busiest.row("Busy agent").await.says("5 83%").await, "{text}");
    busiest.follow("Busy agent").await;

    assert_eq!(browser.heading().await, "Busy agent");
    assert!(browser.section("Limits").await.says("97 of 100 left").await, "what is refused is not charged");
    let refusals = browser.section("Recent refusals").await;
    assert!(refusals.says("Lacks chat:write").await, "{}", refusals.text().await);
    browser.inspect("key-refused").await;
    refusals.follow("Change permissions").await;
    assert_eq!(browser.heading().await, "Edit Busy agent");
    browser.choose("Read and write").await;
    browser.press("Save changes").await;
    browser.sees("Saved. It holds from the next request on.").await;
    assert_eq!(complete().await, 200);
    browser.comes_to_say("96 of 100 left").await;
}
