//! What is noticed about requests, and told.

use std::net::IpAddr;
use std::time::Duration;

use bitting_core::api::{Alerts, Api};
use bitting_core::event::EventKind;
use bitting_core::key::{KeyId, PlaintextKey};
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Inquiry, KeySpec, Presented, Scope};
use bitting_store::{AccountPatch, Change, EventRow, Holder, KeyPatch, Tally, UsageBatch, Whose};
use http::Method;
use serde_json::json;

use super::fixture::{Fixture, apis, outcome, patch, revoke, shop};
use super::limiting::{admitted, install};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn get_from(fixture: &Fixture, key: &[u8], client: impl Into<IpAddr>) -> String {
    let (scope, method, client) = (Scope::Api("shop"), &Method::GET, Some(client.into().into()));
    let inquiry = Inquiry { scope, method, path: "/things", presented: Presented::Key(key), client };
    outcome(&fixture.engine.decide_now(&inquiry).unwrap())
}

/// Has time pass, and the engine see that. Of requests without a key it does not look at the clock for each.
fn pass(fixture: &Fixture, time: Duration) {
    fixture.clock.advance(time);
    fixture.engine.now();
}

/// Has time pass for whoever watches it pass, too: the clock does not jump.
async fn live_through(fixture: &Fixture, time: Duration) {
    tokio::time::pause();
    fixture.clock.advance(time);
    tokio::time::advance(time).await;
    tokio::time::resume();
    fixture.engine.now();
}

/// What was told, changes of keys aside.
async fn told(fixture: &Fixture) -> Vec<EventRow> {
    fixture.engine.write_usage_down().await.unwrap();
    let mut rows = fixture.engine.store().events_after(0, 1_000).await.unwrap();
    let is_change = |kind: EventKind| {
        matches!(kind, EventKind::KeyCreated | EventKind::KeyUpdated | EventKind::KeyRevoked | EventKind::KeyRotated)
    };
    rows.retain(|row| !is_change(row.kind));
    rows
}

/// The kinds and counts of what was told.
fn counts(rows: &[EventRow]) -> Vec<(EventKind, u64)> {
    rows.iter().map(|row| (row.kind, row.count)).collect()
}

/// A key of the right form that nobody has made.
fn unknown(fixture: &Fixture) -> PlaintextKey {
    fixture.issue(KeySpec { account: Some("one".parse().unwrap()), ..KeySpec::default() }).key
}

fn install_alerts(fixture: &Fixture, alerts: Alerts) {
    let api = Api { alerts, ..shop(&fixture.names, &["clerk", "boss"]) };
    fixture.engine.install(apis(&fixture.names, vec![api]).unwrap()).unwrap();
}

#[tokio::test]
async fn keys_that_nobody_knows_are_told_to_operators_when_they_come_in_numbers() {
    let fixture = Fixture::new().await;
    let stranger = unknown(&fixture);
    for number in 0..9_u8 {
        assert_eq!(get_from(&fixture, stranger.expose().as_bytes(), [192, 0, 2, number]), "unknown_key");
    }
    for _ in 0..50 {
        get_from(&fixture, b"", [203, 0, 113, 1]);
        get_from(&fixture, b"sk_of_another", [203, 0, 113, 1]);
    }
    assert_eq!(told(&fixture).await, [], "a missing or foreign key is no attempt to guess one");
    pass(&fixture, Duration::from_secs(59));
    get_from(&fixture, b"shop_live_abc", [198, 51, 100, 7]);
    let rows = told(&fixture).await;
    assert_eq!(counts(&rows), [(EventKind::AuthFailures, 10)]);
    assert_eq!((rows[0].account.as_ref(), rows[0].key, &*rows[0].api), (None, None, "shop"));
    assert_eq!(rows[0].data["reasons"], json!({"unknown_key": 9, "malformed_key": 1}));
    assert_eq!(rows[0].data["networks"][0]["network"], "192.0.2.0/24");
    let text = rows[0].data.to_string();
    assert!(!text.contains(stranger.expose()) && !text.contains("abc"), "{text}");
}

#[tokio::test]
async fn hundreds_of_thousands_of_bad_requests_are_one_event_that_counts_them_all() {
    const REQUESTS: u32 = 300_000;
    let fixture = Fixture::new().await;
    let strangers: Vec<PlaintextKey> = (0..100).map(|_| unknown(&fixture)).collect();
    let started = std::time::Instant::now();
    for number in 0..REQUESTS {
        let stranger = &strangers[usize::try_from(number).unwrap() % strangers.len()];
        get_from(&fixture, stranger.expose().as_bytes(), std::net::Ipv4Addr::from(number * 9_973));
        if number % 1_000 == 0 {
            pass(&fixture, Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
        if number % 50_000 == 0 {
            fixture.engine.write_usage_down().await.unwrap();
        }
    }
    println!("{REQUESTS} requests with keys that nobody knows: {:.1?}", started.elapsed());
    fixture.engine.write_usage_down().await.unwrap();
    pass(&fixture, Duration::from_mins(1));
    let rows = told(&fixture).await;
    assert_eq!(counts(&rows), [(EventKind::AuthFailures, REQUESTS.into())]);
    assert_eq!(rows[0].data["networks"].as_array().unwrap().len(), 5);
    assert!(rows[0].data["elsewhere"].as_u64().unwrap() > 100_000);
    assert!(rows[0].data.to_string().len() < 500);
}

#[tokio::test]
async fn a_known_key_that_no_longer_works_is_told_at_once_and_to_its_account() {
    let fixture = Fixture::new().await;
    let (revoked, revoked_id) = fixture.key_of("one", KeySpec::default()).await;
    fixture.commit(revoke(revoked_id)).await.unwrap();
    assert_eq!(get_from(&fixture, revoked.expose().as_bytes(), [192, 0, 2, 1]), "revoked_key");
    let rows = told(&fixture).await;
    assert_eq!(counts(&rows), [(EventKind::AuthFailures, 1)]);
    assert_eq!((rows[0].key, rows[0].account.as_ref().unwrap().as_str()), (Some(revoked_id), "one"));
    let networks = json!([{"network": "192.0.2.0/24", "count": 1}]);
    let data = json!({"reasons": {"revoked_key": 1}, "environment": "live", "networks": networks, "elsewhere": 0});
    assert_eq!(rows[0].data, data);
    for _ in 0..120 {
        pass(&fixture, Duration::from_mins(1));
        get_from(&fixture, revoked.expose().as_bytes(), [192, 0, 2, 1]);
        fixture.engine.write_usage_down().await.unwrap();
    }
    pass(&fixture, Duration::from_mins(1));
    assert_eq!(counts(&told(&fixture).await), [(EventKind::AuthFailures, 121)], "what goes on is one event");
    pass(&fixture, 2 * HOUR);
    get_from(&fixture, revoked.expose().as_bytes(), [192, 0, 2, 1]);
    assert_eq!(told(&fixture).await.len(), 2, "after an hour of quiet it is another one");
}

#[tokio::test]
async fn the_keys_of_a_suspended_account_are_one_event() {
    let fixture = Fixture::new().await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(fixture.key_of("one", KeySpec::default()).await.0);
    }
    let patch = AccountPatch { enabled: Some(false), ..AccountPatch::default() };
    fixture.commit(Change::UpdateAccount { api: "shop".into(), account: "one".parse().unwrap(), patch }).await.unwrap();
    for key in &keys {
        assert_eq!(get_from(&fixture, key.expose().as_bytes(), [192, 0, 2, 1]), "disabled_account");
    }
    let rows = told(&fixture).await;
    assert_eq!((counts(&rows), rows[0].key), (vec![(EventKind::AuthFailures, 5)], None));
}

#[tokio::test]
async fn a_good_key_from_an_address_outside_of_its_list_is_told_with_its_networks() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    let allowed_addresses = Some(Some(vec!["192.0.2.0/24".to_owned()].try_into().unwrap()));
    fixture.commit(patch(id, KeyPatch { allowed_addresses, ..KeyPatch::default() })).await.unwrap();
    assert_eq!(get_from(&fixture, key.expose().as_bytes(), [192, 0, 2, 7]), "admitted");
    for _ in 0..3 {
        assert_eq!(get_from(&fixture, key.expose().as_bytes(), [198, 51, 100, 7]), "address_not_allowed");
    }
    let mapped: IpAddr = "::ffff:198.51.100.8".parse().unwrap();
    assert_eq!(get_from(&fixture, key.expose().as_bytes(), mapped), "address_not_allowed");
    let rows = told(&fixture).await;
    assert_eq!(counts(&rows), [(EventKind::AddressRefused, 4)]);
    let networks = json!([{"network": "198.51.100.0/24", "count": 4}]);
    assert_eq!((rows[0].key, &rows[0].data["networks"]), (Some(id), &networks));
}

#[tokio::test]
async fn a_limit_that_refuses_is_told_for_the_key_that_met_it_and_a_shared_one_for_those_who_share_it() {
    let fixture = Fixture::new().await;
    install(&fixture, &["minute 5 minute key", "hour 12 hour key", "all 30 minute account"]);
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    assert_eq!(admitted(&fixture, &key, 9).await, 5);
    let rows = told(&fixture).await;
    assert_eq!(counts(&rows), [(EventKind::LimitExceeded, 4)]);
    let data = json!({"limit": "minute", "scope": "key", "environment": "live", "networks": [], "elsewhere": 4});
    assert_eq!((rows[0].key, &rows[0].data), (Some(id), &data));
    for _ in 0..2 {
        pass(&fixture, Duration::from_mins(1));
        admitted(&fixture, &key, 9).await;
    }
    pass(&fixture, Duration::from_mins(1));
    let rows = told(&fixture).await;
    assert_eq!(rows.iter().map(|row| row.kind).collect::<Vec<_>>(), [EventKind::LimitExceeded, EventKind::QuotaExceeded]);
    assert_eq!(rows[1].data["limit"], "hour", "who meets the limit of an hour has used up what was agreed");
    for _ in 0..7 {
        let (other, _) = fixture.key_of("two", KeySpec::default()).await;
        admitted(&fixture, &other, 5).await;
    }
    let rows = told(&fixture).await;
    let of_account = rows.iter().find(|row| row.data["scope"] == "account").unwrap();
    assert_eq!((of_account.kind, of_account.key, of_account.count), (EventKind::LimitExceeded, None, 5));
    assert_eq!(of_account.account.as_ref().unwrap().as_str(), "two");
}

#[tokio::test]
async fn a_key_is_told_of_when_it_is_used_from_a_new_network_and_not_again_after_a_restart() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    let used_from = |fixture: &Fixture, client: &str| {
        let client: IpAddr = client.parse().unwrap();
        assert_eq!(get_from(fixture, key.expose().as_bytes(), client), "admitted");
    };
    used_from(&fixture, "192.0.2.1");
    pass(&fixture, 6 * DAY);
    used_from(&fixture, "198.51.100.1");
    assert_eq!(told(&fixture).await, [], "in the first week it is learned");
    pass(&fixture, 2 * DAY);
    used_from(&fixture, "192.0.2.200");
    used_from(&fixture, "203.0.113.5");
    used_from(&fixture, "2001:db8::5");
    let rows = told(&fixture).await;
    assert_eq!(rows.len(), 2, "two within one second are both seen: {rows:?}");
    let networks: Vec<_> = rows.iter().map(|row| row.data["network"].as_str().unwrap()).collect();
    assert_eq!((networks, rows[0].key), (vec!["203.0.113.0/24", "2001:db8::/48"], Some(id)));
    let fixture = fixture.restart().await;
    pass(&fixture, 3 * DAY);
    for known in ["192.0.2.1", "198.51.100.9", "203.0.113.77", "::ffff:203.0.113.78", "2001:db8::9"] {
        used_from(&fixture, known);
    }
    assert_eq!(told(&fixture).await.len(), 2);
    let fixture = fixture.after_a_kill().await;
    for known in ["192.0.2.1", "198.51.100.9", "203.0.113.77", "2001:db8::9"] {
        used_from(&fixture, known);
    }
    assert_eq!(told(&fixture).await.len(), 2);
    assert_eq!(fixture.engine.store().places(id).await.unwrap().unwrap().known.len(), 4);
    fixture.engine.stop().await;
}

/// Usage of a key in each hour of five weeks up to this one, which is less than usage is kept for, as if it had been used so.
async fn used_before(fixture: &Fixture, key: KeyId, each: impl Fn(i64) -> u64) {
    let now = fixture.clock.now().as_millis() / 3_600_000;
    let holder = Holder { api: "shop".into(), environment: "live".into(), whose: Whose::Key(key) };
    let tally = |hour: i64| {
        let at = Timestamp::from_millis(hour * 3_600_000);
        Tally { holder: holder.clone(), at, route: "*".into(), outcome: "admitted".into(), count: each(hour) }
    };
    let tallies: Vec<Tally> = (now - 5 * 168..=now).map(tally).filter(|tally| tally.count > 0).collect();
    let store = fixture.engine.store();
    let number = store.last_batch().await.unwrap() + 1;
    store.add_usage(number, UsageBatch { tallies, ..UsageBatch::default() }).await.unwrap();
}

#[tokio::test]
async fn traffic_that_is_far_from_usual_is_told_at_the_end_of_the_hour_and_once() {
    let fixture = Fixture::new().await;
    let (busy, busy_id) = fixture.key_of("one", KeySpec::default()).await;
    let (calm, calm_id) = fixture.key_of("one", KeySpec::default()).await;
    let (_, silent_id) = fixture.key_of("one", KeySpec::default()).await;
    let (_, revoked_id) = fixture.key_of("one", KeySpec::default()).await;
    used_before(&fixture, busy_id, |hour| 40 + hour.unsigned_abs() % 5).await;
    used_before(&fixture, calm_id, |_| 400).await;
    used_before(&fixture, silent_id, |_| 400).await;
    used_before(&fixture, revoked_id, |_| 400).await;
    fixture.commit(revoke(revoked_id)).await.unwrap();
    // The present hour is not judged as a whole, since it began before the engine did.
    let to_the_hour = 3_600_000 - u64::try_from(fixture.clock.now().as_millis() % 3_600_000).unwrap();
    live_through(&fixture, Duration::from_millis(to_the_hour + 10_000)).await;
    (0..700).for_each(|_| assert_eq!(fixture.get(&busy), "admitted"));
    (0..390).for_each(|_| assert_eq!(fixture.get(&calm), "admitted"));
    fixture.engine.write_usage_down().await.unwrap();
    let mut last = fixture.engine.last_event();
    let before = *last.borrow_and_update();
    live_through(&fixture, HOUR).await;
    last.wait_for(|last| *last >= before + 2).await.unwrap();
    let rows = told(&fixture).await;
    assert_eq!(counts(&rows), [(EventKind::TrafficUnusual, 1), (EventKind::TrafficUnusual, 1)]);
    assert_eq!((rows[0].key, rows[1].key), (Some(busy_id), Some(silent_id)));
    assert_eq!((&rows[0].data["requests"], &rows[0].data["usually_from"]), (&json!(700), &json!(41)));
    let summary = rows[0].data["summary"].as_str().unwrap();
    assert!(summary.starts_with("700 requests between 15:00 and 16:00 UTC; on Mondays at this hour usually 4"), "{summary}");
    assert_eq!((&rows[1].data["direction"], &rows[1].data["requests"]), (&json!("fewer"), &json!(0)));
    // A new process looks at the same hour again, and at the next one, in which it goes on.
    let fixture = fixture.restart().await;
    (0..700).for_each(|_| assert_eq!(fixture.get(&busy), "admitted"));
    (0..1_500).for_each(|_| assert_eq!(fixture.get(&calm), "admitted"));
    fixture.engine.write_usage_down().await.unwrap();
    let mut last = fixture.engine.last_event();
    let before = *last.borrow_and_update();
    pass(&fixture, HOUR);
    last.wait_for(|last| *last > before).await.unwrap();
    let rows = told(&fixture).await;
    assert_eq!((rows.len(), rows[2].key), (3, Some(calm_id)));
}

#[tokio::test]
async fn nobody_is_missed_in_an_hour_that_the_clock_jumped_over() {
    let fixture = Fixture::new().await;
    let (_, silent) = fixture.key_of("one", KeySpec::default()).await;
    let (busy, busy_id) = fixture.key_of("one", KeySpec::default()).await;
    used_before(&fixture, silent, |_| 400).await;
    used_before(&fixture, busy_id, |_| 40).await;
    let to_the_hour = 3_600_000 - u64::try_from(fixture.clock.now().as_millis() % 3_600_000).unwrap();
    live_through(&fixture, Duration::from_millis(to_the_hour + 10_000)).await;
    (0..900).for_each(|_| assert_eq!(fixture.get(&busy), "admitted"));
    fixture.engine.write_usage_down().await.unwrap();
    let mut last = fixture.engine.last_event();
    let before = *last.borrow_and_update();
    pass(&fixture, HOUR);
    last.wait_for(|last| *last > before).await.unwrap();
    // When it looks again, it has seen all of that hour.
    (0..3_600).for_each(|_| assert_eq!(fixture.get(&busy), "admitted"));
    fixture.engine.write_usage_down().await.unwrap();
    let before = *last.borrow_and_update();
    live_through(&fixture, HOUR).await;
    last.wait_for(|last| *last > before).await.unwrap();
    let rows = told(&fixture).await;
    assert_eq!(rows.iter().filter(|row| row.data["direction"] == "fewer").count(), 0, "{rows:#?}");
}

#[tokio::test]
async fn too_much_traffic_is_told_before_its_hour_is_over() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    used_before(&fixture, id, |_| 40).await;
    (0..900).for_each(|_| assert_eq!(fixture.get(&key), "admitted"));
    fixture.engine.write_usage_down().await.unwrap();
    let mut last = fixture.engine.last_event();
    let before = *last.borrow_and_update();
    pass(&fixture, Duration::from_mins(12));
    last.wait_for(|last| *last > before).await.unwrap();
    let rows = told(&fixture).await;
    let summary = rows[0].data["summary"].as_str().unwrap();
    assert!(summary.starts_with("940 requests between 14:00 and 14:25 UTC; on Mondays at this hour usually 40"), "{summary}");
}

#[tokio::test]
async fn nothing_is_told_and_nothing_is_remembered_of_what_is_switched_off() {
    let fixture = Fixture::new().await;
    install_alerts(&fixture, Alerts::NONE);
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    let (revoked, revoked_id) = fixture.key_of("one", KeySpec::default()).await;
    fixture.commit(revoke(revoked_id)).await.unwrap();
    let stranger = unknown(&fixture);
    for _ in 0..20 {
        get_from(&fixture, stranger.expose().as_bytes(), [192, 0, 2, 1]);
        get_from(&fixture, revoked.expose().as_bytes(), [192, 0, 2, 1]);
        get_from(&fixture, key.expose().as_bytes(), [192, 0, 2, 1]);
        pass(&fixture, DAY);
        get_from(&fixture, key.expose().as_bytes(), [203, 0, 113, 1]);
    }
    assert_eq!(told(&fixture).await, []);
    assert_eq!(fixture.engine.store().places(id).await.unwrap(), None);
}
