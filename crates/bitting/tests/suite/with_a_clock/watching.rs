//! What is noticed about requests: over real sockets, with the address that a trusted proxy names, and seen where operators look.

use bitting_core::key::KeyId;
use bitting_engine::WebhookSpec;
use bitting_store::{Holder, Tally, UsageBatch, Whose};
use serde_json::Value;

use super::*;
use crate::harness::{Receiver, Reply};

/// Callers come through a proxy, and webhooks may go to this machine.
const SETTINGS: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\ntrusted_proxies = [\"127.0.0.1\"]\n\
     [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"management\"]\n[server]\ndrain = \"0s\"\n\
     [webhooks]\nallow_http = true\nallow = [\"127.0.0.1\"]\n";

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A running server with a key of the product API, and an operator's token.
struct Watched {
    running: Clocked,
    key: String,
    id: KeyId,
    token: String,
}

async fn start_watched(traces: Traces, upstream: &Upstream, now: &str) -> Clocked {
    let config = configure_with(&traces, "product-api", upstream, SETTINGS, &[]);
    start_with(config, traces, now).await
}

async fn watch(upstream: &Upstream) -> Watched {
    let running = start_watched(Traces::new(), upstream, "2026-01-05T10:00:00Z").await;
    let (key, id) = issue(&running, "product-api", KeySpec::default()).await;
    let permissions = Some(vec!["events:read".parse().unwrap()]);
    let (token, _) = issue(&running, "bitting", KeySpec { permissions, ..KeySpec::default() }).await;
    Watched { running, key, id, token }
}

async fn issue(running: &Clocked, api: &str, spec: KeySpec) -> (String, KeyId) {
    let engine = running.server.engine();
    let issued =
        KeySpec { name: "test".to_owned(), ..spec }.issue(engine.apis().find(api).unwrap(), running.clock.now()).unwrap();
    let committed = engine.commit(issued.change, Actor::System, "test").await.unwrap();
    running.traces.issued(issued.key.expose());
    (issued.key.expose().to_owned(), committed.keys[0].row.id)
}

impl Watched {
    async fn ask_from(&self, key: &str, client: &str) -> Reply {
        let bearer = format!("Bearer {key}");
        get(self.running.gateway, "/v1/tasks", &[("authorization", &bearer), ("x-forwarded-for", client)]).await
    }

    /// Asks with the good key, which must be answered so.
    async fn used_from(&self, client: &str, status: u16) {
        assert_eq!(self.ask_from(&self.key, client).await.status, status, "{client}");
    }

    /// The events of some kinds as operators see them, the oldest first.
    async fn events(&self, kinds: &str) -> Vec<Value> {
        self.running.server.engine().write_usage_down().await.unwrap();
        let bearer = format!("Bearer {}", self.token);
        let path = format!("/v1/apis/product-api/events?type={kinds}");
        let reply = get(self.running.service, &path, &[("authorization", &bearer)]).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let mut events = reply.json()["data"].as_array().unwrap().clone();
        events.reverse();
        events
    }

    /// After a restart, with the same store.
    async fn restarted(self, upstream: &Upstream) -> Self {
        let Self { running, key, id, token } = self;
        let (traces, now) = (running.traces.clone(), running.clock.now().to_string());
        running.server.stop().await;
        Self { running: start_watched(traces, upstream, &now).await, key, id, token }
    }
}

#[tokio::test]
async fn pa16_requests_from_unexpected_addresses_are_refused_recorded_and_visible() {
    let upstream = Upstream::start().await;
    let watched = watch(&upstream).await;
    let allowed_addresses = Some(Some(vec!["192.0.2.0/24".to_owned()].try_into().unwrap()));
    let patch = Box::new(KeyPatch { allowed_addresses, ..KeyPatch::default() });
    let change = Change::UpdateKey { api: "product-api".to_owned(), key: watched.id, patch };
    watched.running.server.engine().commit(change, Actor::System, "test").await.unwrap();
    watched.used_from("192.0.2.7", 200).await;
    for client in ["203.0.113.5", "203.0.113.6", "::ffff:203.0.113.7"] {
        watched.used_from(client, 403).await;
    }
    assert_eq!(upstream.requests().len(), 1);
    let events = watched.events("address.refused").await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event["key"].as_str(), event["count"].as_u64()), (Some(&*watched.id.to_string()), Some(3)));
    assert_eq!((event["severity"].as_str(), event["account"].as_str()), (Some("warning"), Some("default")));
    assert_eq!(event["data"]["networks"][0]["network"], "203.0.113.0/24");
}

#[tokio::test]
async fn pa16_failed_attempts_and_limits_that_are_hit_are_recorded_and_visible() {
    let upstream = Upstream::start().await;
    let watched = watch(&upstream).await;
    for number in 0..12 {
        watched.ask_from("sk_live_0000000000000000000000000000000000", &format!("198.51.100.{}", number % 3)).await;
    }
    for _ in 0..105 {
        watched.ask_from(&watched.key, "192.0.2.7").await;
    }
    let (failures, limits) = (watched.events("auth.failures").await, watched.events("limit.exceeded").await);
    let ([failures], [limit]) = (&failures[..], &limits[..]) else { panic!("{failures:?} {limits:?}") };
    assert_eq!((failures["type"].as_str(), failures["count"].as_u64()), (Some("auth.failures"), Some(12)));
    assert_eq!((failures["key"].as_str(), failures["data"]["networks"][0]["count"].as_u64()), (None, Some(12)));
    assert_eq!((limit["type"].as_str(), limit["count"].as_u64()), (Some("limit.exceeded"), Some(5)));
    assert_eq!((limit["key"].as_str(), limit["data"]["limit"].as_str()), (Some(&*watched.id.to_string()), Some("minute")));
}

#[tokio::test]
async fn pa16_unusual_traffic_is_recorded_and_explains_itself() {
    let upstream = Upstream::start().await;
    let watched = watch(&upstream).await;
    let engine = watched.running.server.engine();
    let now = watched.running.clock.now().as_millis() / 3_600_000;
    let holder = Holder { api: "product-api".into(), environment: "live".into(), whose: Whose::Key(watched.id) };
    let before = (now - 6 * 168..now).map(|hour| Tally {
        holder: holder.clone(),
        at: Timestamp::from_millis(hour * 3_600_000),
        route: "GET /v1/tasks/*".into(),
        outcome: "admitted".into(),
        count: 12 + hour.unsigned_abs() % 5,
    });
    let store = engine.store();
    let number = store.last_batch().await.unwrap() + 1;
    store.add_usage(number, UsageBatch { tallies: before.collect(), ..UsageBatch::default() }).await.unwrap();
    for _ in 0..3 {
        for _ in 0..60 {
            watched.used_from("192.0.2.7", 200).await;
        }
        watched.running.clock.advance(Duration::from_mins(1));
    }
    engine.write_usage_down().await.unwrap();
    let mut last = engine.last_event();
    let told = *last.borrow_and_update();
    watched.running.clock.advance(HOUR);
    last.wait_for(|last| *last > told).await.unwrap();
    let events = watched.events("traffic.unusual").await;
    assert_eq!(events[0]["key"].as_str(), Some(&*watched.id.to_string()));
    let summary = events[0]["data"]["summary"].as_str().unwrap();
    assert!(
        summary.starts_with("180 requests between 10:00 and 11:00 UTC; on Mondays at this hour usually 13 to 16"),
        "{summary}"
    );
}

#[tokio::test]
async fn pa17_a_key_that_is_used_from_a_new_location_is_an_alert_and_a_restart_makes_no_false_one() {
    let upstream = Upstream::start().await;
    let watched = watch(&upstream).await;
    watched.used_from("192.0.2.7", 200).await;
    watched.running.clock.advance(3 * DAY);
    watched.used_from("2001:db8:7::1", 200).await;
    assert_eq!(watched.events("key.used_from_new_location").await.len(), 0, "it is learned from where the key is used");
    let watched = watched.restarted(&upstream).await;
    watched.running.clock.advance(5 * DAY);
    for known in ["192.0.2.200", "2001:db8:7:ffff::2", "::ffff:192.0.2.9"] {
        watched.used_from(known, 200).await;
    }
    assert_eq!(watched.events("key.used_from_new_location").await.len(), 0);
    watched.used_from("203.0.113.5", 200).await;
    watched.used_from("203.0.113.6", 200).await;
    let events = watched.events("key.used_from_new_location").await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event["severity"].as_str(), event["key"].as_str()), (Some("critical"), Some(&*watched.id.to_string())));
    assert_eq!(
        (event["data"]["network"].as_str(), event["data"]["known_networks"].as_u64()),
        (Some("203.0.113.0/24"), Some(2))
    );
    let watched = watched.restarted(&upstream).await;
    watched.running.clock.advance(DAY);
    watched.used_from("203.0.113.7", 200).await;
    assert_eq!(watched.events("key.used_from_new_location").await.len(), 1);
}

#[tokio::test]
async fn pa17_authentication_failures_and_the_used_up_hour_are_alerts_to_the_keys_account() {
    let upstream = Upstream::start().await;
    let watched = watch(&upstream).await;
    for minute in 0..11 {
        for _ in 0..100 {
            watched.used_from("192.0.2.7", if minute < 10 { 200 } else { 429 }).await;
        }
        watched.running.clock.advance(Duration::from_mins(1));
    }
    let revoke = Change::RevokeKey { api: "product-api".to_owned(), key: watched.id };
    watched.running.server.engine().commit(revoke, Actor::System, "test").await.unwrap();
    watched.used_from("192.0.2.7", 401).await;
    // What is noticed in one second has one time, so they may come in either order.
    let (quotas, failures) = (watched.events("quota.exceeded").await, watched.events("auth.failures").await);
    let ([quota], [failure]) = (&quotas[..], &failures[..]) else { panic!("{quotas:?} {failures:?}") };
    assert_eq!((quota["type"].as_str(), quota["data"]["limit"].as_str()), (Some("quota.exceeded"), Some("hour")));
    assert_eq!(
        (failure["type"].as_str(), failure["data"]["reasons"]["revoked_key"].as_u64()),
        (Some("auth.failures"), Some(1))
    );
    for event in [quota, failure] {
        assert_eq!((event["account"].as_str(), event["severity"].as_str()), (Some("default"), Some("warning")));
    }
}

#[tokio::test]
async fn pa17_alerts_reach_the_webhook_of_the_account_whose_key_it_is() {
    let upstream = Upstream::start().await;
    let watched = watch(&upstream).await;
    let mut receiver = Receiver::start().await;
    let account = Some("default".parse().unwrap());
    let spec = WebhookSpec { url: receiver.url.clone(), account, ..WebhookSpec::default() };
    let made = spec.make("product-api", watched.running.clock.now()).unwrap();
    let engine = watched.running.server.engine();
    engine.commit(made.change, Actor::System, "test").await.unwrap();
    watched.used_from("192.0.2.7", 200).await;
    watched.running.clock.advance(8 * DAY);
    watched.used_from("203.0.113.5", 200).await;
    let got = receiver.next().await.json();
    assert_eq!(
        (got["type"].as_str(), got["data"]["network"].as_str()),
        (Some("key.used_from_new_location"), Some("203.0.113.0/24"))
    );
    // A hundred are let through in a minute, so what refuses one of the hundred is the hour. One more was made 8 days ago.
    let mut minutes = 0;
    'hour: loop {
        watched.running.clock.advance(Duration::from_mins(1));
        minutes += 1;
        assert!(minutes < 20, "the hour is not used up");
        for _ in 0..100 {
            if watched.ask_from(&watched.key, "192.0.2.7").await.status == 429 {
                break 'hour;
            }
        }
    }
    assert_eq!(upstream.requests().len(), 1_001);
    engine.write_usage_down().await.unwrap();
    let got = receiver.next().await.json();
    assert_eq!((got["type"].as_str(), got["data"]["limit"].as_str()), (Some("quota.exceeded"), Some("hour")));
    let revoke = Change::RevokeKey { api: "product-api".to_owned(), key: watched.id };
    engine.commit(revoke, Actor::System, "test").await.unwrap();
    assert_eq!(receiver.next().await.kind(), "key.revoked");
    watched.used_from("192.0.2.7", 401).await;
    let got = receiver.next().await.json();
    assert_eq!((got["type"].as_str(), got["data"]["reasons"]["revoked_key"].as_u64()), (Some("auth.failures"), Some(1)));
}
