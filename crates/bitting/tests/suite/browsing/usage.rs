//! What was used and what was refused, as the owner of the keys finds it out.

use fantoccini::key::Key;

use super::keys::{ask, see_three_requests, shown_key};
use super::{browser_of, developer};
use crate::dashboard::House;
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

#[tokio::test]
async fn times_stand_in_the_viewers_zone_and_utc_on_hover() {
    let house = House::open().await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    let when = async || {
        mara.open("/apis/bitting/audit-log").await;
        mara.table("Changes, newest first").await[0][0].clone()
    };
    // The clock of the house stands at midnight, UTC, at the beginning of 2026.
    assert_eq!(when().await, "00:00");
    for (zone, day, clock) in [("Asia/Tokyo", "1 Jan", ", 09:00"), ("America/St_Johns", "31 Dec 2025", ", 20:30")] {
        mara.in_zone(zone).await;
        let said = when().await;
        assert!(said.starts_with(day) && said.ends_with(clock), "{zone}: {said}");
        assert_eq!(mara.on_hover(&said).await, "2026-01-01 00:00:00 UTC");
        mara.sees(&format!("Times are those of {}", zone.replace('_', " "))).await;
    }
}

#[tokio::test]
async fn bn7_the_numbers_of_a_chart_are_read_with_the_arrow_keys() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("backbone", &upstream);
    let browser = developer(&bitting, "backbone").await;
    see_three_requests(&bitting, &browser).await;
    for _ in 0..40 {
        if browser.focus().await.contains("3 allowed") {
            break;
        }
        browser.press_key(Key::Tab).await;
    }
    assert!(browser.focus().await.starts_with("Requests"), "the chart cannot be reached");
    assert!(!browser.says("3 allowed").await, "{}", browser.text().await);
    browser.press_key(Key::End).await;
    browser.sees("3 allowed").await;
    browser.press_key(Key::Left).await;
    browser.sees_no_more("3 allowed").await;
    browser.press_key(Key::Right).await;
    browser.sees("3 allowed").await;
    browser.press_key(Key::Escape).await;
    browser.sees_no_more("3 allowed").await;
}
