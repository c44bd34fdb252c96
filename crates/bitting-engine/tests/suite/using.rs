//! What was used: by key, account and API, by hour, route and outcome.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::key::KeyId;
use bitting_engine::{Clock as _, KeySpec};
use bitting_store::{UsageQuery, Whose};
use http::Method;

use super::fixture::{Fixture, revoke};
use super::stumbling::{Fault, Wrapped};

/// Usage as `HOURS AGO, route, outcome, count`.
async fn usage(fixture: &Fixture, whose: Whose) -> Vec<(i64, String, String, u64)> {
    let now = fixture.clock.now();
    let query = UsageQuery {
        api: "shop".into(),
        environment: None,
        whose,
        route: None,
        from: bitting_core::time::Timestamp::from_millis(0),
        until: now.plus(Duration::from_hours(1)),
    };
    let hour = |ms: i64| ms / 3_600_000;
    let rows = fixture.engine.store().usage(query).await.unwrap();
    let ago = |at: bitting_core::time::Timestamp| hour(now.as_millis()) - hour(at.as_millis());
    rows.into_iter().map(|row| (ago(row.hour), row.route.into(), row.outcome.into(), row.count)).collect()
}

fn row(ago: i64, route: &str, outcome: &str, count: u64) -> (i64, String, String, u64) {
    (ago, route.to_owned(), outcome.to_owned(), count)
}

#[tokio::test]
async fn what_was_asked_is_counted_to_the_last_request_by_hour_route_and_outcome() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    let (other, _) = fixture.key_of("one", KeySpec::default()).await;
    for _ in 0..3 {
        assert_eq!(fixture.get(&key), "admitted");
    }
    assert_eq!(fixture.ask(&Method::GET, "/write", key.expose().as_bytes()), "insufficient_permission");
    fixture.clock.advance(Duration::from_hours(2));
    assert_eq!((fixture.get(&key), fixture.get(&other)), ("admitted".into(), "admitted".into()));
    fixture.ask(&Method::GET, "/things", b"garbage");
    fixture.ask(&Method::GET, "/public", b"");
    fixture.engine.write_usage_down().await.unwrap();
    let of_key = vec![row(2, "*", "admitted", 3), row(2, "* /write", "insufficient_permission", 1), row(0, "*", "admitted", 1)];
    assert_eq!(usage(&fixture, Whose::Key(id)).await, of_key);
    let of_account = vec![of_key[0].clone(), of_key[1].clone(), row(0, "*", "admitted", 2)];
    assert_eq!(usage(&fixture, Whose::Account("one".parse().unwrap())).await, of_account);
    let of_api = vec![row(0, "", "foreign_key", 1), row(0, "*", "admitted", 2), row(0, "* /public", "admitted", 1)];
    assert_eq!(usage(&fixture, Whose::Api).await[2..], of_api);
    assert_eq!(usage(&fixture, Whose::Key(KeyId::from_bytes([9; 16]))).await, []);
}

#[tokio::test]
async fn a_key_remembers_when_and_from_where_it_was_used_last() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    let last = async || fixture.engine.store().last_uses(vec![id]).await.unwrap();
    fixture.get(&key);
    fixture.clock.advance(Duration::from_secs(5));
    let used_at = fixture.clock.now();
    fixture.get(&key);
    fixture.commit(revoke(id)).await.unwrap();
    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(fixture.get(&key), "revoked_key");
    fixture.engine.write_usage_down().await.unwrap();
    let [only] = last().await[..] else { panic!("one key was used") };
    assert_eq!((only.at, only.address), (used_at, Some([192, 0, 2, 1].into())), "a refused request is no use");
}

#[tokio::test]
async fn usage_is_kept_over_a_restart() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    fixture.get(&key);
    let fixture = fixture.restart().await;
    fixture.get(&key);
    fixture.engine.write_usage_down().await.unwrap();
    assert_eq!(usage(&fixture, Whose::Key(id)).await, [row(0, "*", "admitted", 2)]);
}

#[tokio::test(start_paused = true)]
async fn usage_that_cannot_be_written_is_written_later_and_never_twice() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    for (fault, expected) in
        [(Some(Fault::Refused), 1), (None, 2), (Some(Fault::TakenButUnknown), 3), (Some(Fault::LostAndUnknown), 4), (None, 5)]
    {
        controls.set_fault(fault);
        fixture.get(&key);
        assert_eq!(fixture.engine.write_usage_down().await.is_ok(), fault.is_none(), "{expected}");
    }
    assert_eq!(usage(&fixture, Whose::Key(id)).await, [row(0, "*", "admitted", 5)]);
}

#[tokio::test(start_paused = true)]
async fn usage_is_forgotten_when_its_api_keeps_it_no_longer() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    fixture.get(&key);
    fixture.engine.write_usage_down().await.unwrap();
    let days = async |days: u64| {
        fixture.clock.advance(Duration::from_hours(24 * days));
        fixture.pass_a_minute().await;
        usage(&fixture, Whose::Key(id)).await.len()
    };
    assert_eq!((days(40).await, days(1).await), (1, 0));
}
