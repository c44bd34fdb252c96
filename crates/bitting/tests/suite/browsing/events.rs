//! What happened, as the owner of the keys comes upon it.

use bitting_core::event::EventKind;
use bitting_store::{Actor, Change};
use serde_json::json;

use super::browser_of;
use crate::dashboard::House;
use crate::harness::get;

/// A house in which something of every kind has happened to a key of an account.
async fn eventful() -> House {
    let house = House::open().await;
    house.developer("northwind", "maker@northwind.example").await;
    let key = house.key_of("northwind", "Production App with a name that is rather long").await;
    for kind in EventKind::ALL {
        let data = json!({
            "reasons": {"unknown_key": 3}, "address": "2001:db8:85a3:8d3:1319:8a2e:370:7348", "age_days": 93, "rotation_age_days": 90,
            "summary": "4,210 requests between 09:00 and 10:00 UTC; on Tuesdays at this hour usually 120 to 340", "by": "cli:deploy",
            "networks": [{"network": "192.0.2.0/24", "count": 2}, {"network": "2001:db8::/48", "count": 1}], "elsewhere": 2,
            "webhook": {"url": "https://a-rather-long-name-of-a-host.northwind.example/hooks/with/a/long/path"},
        });
        let of_key = kind.name().starts_with("key.").then_some(key);
        house.tell(*kind, Some(("northwind", of_key)), data).await;
    }
    house
}

#[tokio::test]
async fn bn7_unexpected_activity_is_noticed_on_every_page_and_explained_among_the_events() {
    let house = House::of("backbone", &[]).await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    let key = house.key_of("northwind", "Agent").await;
    dev.open("/apis/backbone/events").await;
    dev.sees("Agent was made").await;
    let summary = "4,210 requests between 09:00 and 10:00 UTC; on Thursdays at this hour usually 120 to 340";
    let data = json!({"direction": "more", "summary": summary});
    house.tell(EventKind::TrafficUnusual, Some(("northwind", Some(key))), data).await;
    dev.sees("1 new event").await;
    dev.open("/apis/backbone/keys").await;
    dev.follow("Events 1 unread").await;
    assert_eq!(dev.path().await, "/apis/backbone/events");
    let list = dev.section("What happened").await;
    assert!(list.says("Unread: Agent was used much more than usual").await, "{}", list.text().await);
    assert!(list.says(summary).await && list.says("Warning").await);
    dev.with_script(false).await;
    dev.follow("Unread 1").await;
    dev.press("Mark all as read").await;
    dev.sees_no_more("unread").await;
    dev.with_script(true).await;
    dev.follow("See usage").await;
    assert_eq!(dev.heading().await, "Usage");
    dev.sees("The key Agent").await;
}

#[tokio::test]
async fn bn7_a_program_that_uses_a_revoked_key_is_noticed_by_the_keys_owner() {
    let house = House::of("backbone", &[]).await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    let (key, text) = house.issued_to("northwind", "Forgotten agent").await;
    let end = Change::RevokeKey { api: "backbone".to_owned(), key };
    house.server.engine().commit(end, Actor::System, "test").await.unwrap();
    let bearer = format!("Bearer {text}");
    for _ in 0..2 {
        let refused = get(house.server.addresses()[0], "/api/v1/models", &[("authorization", &bearer)]).await;
        assert_eq!(refused.status, 401);
    }
    dev.open("/apis/backbone/keys").await;
    dev.comes_to_say("1 unread").await;
    dev.follow("Events 1 unread").await;
    dev.sees("Unread: Forgotten agent is still used, and no longer works").await;
    dev.sees("with it were refused").await;
    dev.follow("Warnings 1").await;
    dev.follow("Review key").await;
    assert_eq!(dev.heading().await, "Forgotten agent");
}

#[tokio::test]
async fn the_pages_of_events() {
    let house = eventful().await;
    let dev = browser_of(&house, &house.developer("northwind", "dev@northwind.example").await).await;
    dev.open("/apis/product-api/events").await;
    dev.sees("was found where others can read it").await;
    dev.inspect("events").await;
    dev.pick("Key", "Production App with a name that is rather long").await;
    dev.press("Show").await;
    dev.inspect("events-of-key").await;
    // Where only some are shown, nothing marks them all.
    dev.sees_no_more("Mark all as read").await;
    dev.open("/apis/product-api/events").await;
    dev.press("Mark all as read").await;
    dev.follow("Unread 0").await;
    dev.sees("Nothing is unread.").await;
    dev.inspect("events-none").await;
    let mara = browser_of(&house, &house.operator("mara@example.com").await).await;
    mara.open("/apis/product-api/events?account=northwind").await;
    mara.inspect("events-operator").await;
    mara.follow("Live stream").await;
    mara.dialog("Live stream").await.sees("/v1/apis/product-api/events/stream").await;
    mara.inspect("events-stream").await;
}
