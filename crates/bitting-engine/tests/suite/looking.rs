//! What is left of a key's limits, for whoever looks.

use std::collections::BTreeMap;
use std::time::Duration;

use bitting_core::key::KeyId;
use bitting_engine::{Clock as _, Decision, Inquiry, KeySpec, Presented, Scope};
use bitting_store::{BusyQuery, KeyPatch};
use http::Method;

use super::fixture::{Fixture, patch};
use super::limiting::{admitted, install};

/// What is left, as `name REMAINING/ALLOWED`.
async fn left(fixture: &Fixture, key: KeyId) -> Vec<String> {
    let allowance = fixture.engine.allowance_of_key("shop", key).await.unwrap().unwrap();
    let text =
        |left: &bitting_engine::LimitLeft| format!("{} {}/{}", left.limit.name, left.reading.remaining, left.reading.allowed);
    allowance.limits.iter().map(text).collect()
}

const LIMITS: [&str; 5] =
    ["minute 20 minute key", "even 10 1s key 5", "hour 1000 hour key", "month 3000 month account quota", "all 100 day api"];

#[tokio::test]
async fn looking_tells_what_is_left_of_every_limit_and_takes_nothing() {
    let fixture = Fixture::new().await;
    install(&fixture, &LIMITS);
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    let (other, other_id) = fixture.key_of("one", KeySpec::default()).await;
    let (_, apart) = fixture.key_of("two", KeySpec::default()).await;
    let whole = ["minute 20/20", "even 5/10", "hour 1000/1000", "month 3000/3000", "all 100/100"];
    assert_eq!(left(&fixture, id).await, whole);
    assert_eq!((admitted(&fixture, &key, 3).await, admitted(&fixture, &other, 1).await), (3, 1));
    for _ in 0..30 {
        let expected = ["minute 17/20", "even 2/10", "hour 997/1000", "month 2996/3000", "all 96/100"];
        assert_eq!(left(&fixture, id).await, expected);
    }
    assert_eq!(left(&fixture, other_id).await[2..], ["hour 999/1000", "month 2996/3000", "all 96/100"]);
    assert_eq!(left(&fixture, apart).await[3..], ["month 3000/3000", "all 96/100"]);
    assert_eq!(admitted(&fixture, &key, 9).await, 2, "of the bucket two were left");
}

#[tokio::test]
async fn what_is_left_comes_with_its_plan_and_the_time_when_all_of_it_is_back() {
    let fixture = Fixture::planned().await;
    let (_, id) = fixture.key_of("one", KeySpec::default()).await;
    let limits = Some(BTreeMap::from([("hour".to_owned(), 7)]));
    fixture.commit(patch(id, KeyPatch { limits, ..KeyPatch::default() })).await.unwrap();
    let allowance = fixture.engine.allowance_of_key("shop", id).await.unwrap().unwrap();
    assert_eq!((&*allowance.plan, allowance.limits.len()), ("free", 2));
    let hour = &allowance.limits[0];
    assert_eq!((hour.reading.allowed, hour.reading.remaining), (7, 7));
    let until_reset = hour.reading.reset.since(fixture.clock.now());
    assert!(hour.reading.reset.as_millis() % 3_600_000 == 0 && until_reset <= Duration::from_hours(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_the_same_after_a_key_was_idle_and_after_a_restart() {
    let fixture = Fixture::new().await;
    install(&fixture, &LIMITS);
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    assert_eq!(admitted(&fixture, &key, 5).await, 5);
    for _ in 0..3 {
        fixture.pass_a_minute().await;
    }
    assert_eq!(fixture.engine.remembered_levels(), 0);
    let expected = ["minute 20/20", "even 5/10", "hour 995/1000", "month 2995/3000", "all 95/100"];
    assert_eq!(left(&fixture, id).await, expected);
    let fixture = fixture.restart().await;
    install(&fixture, &LIMITS);
    assert_eq!(left(&fixture, id).await, expected);
    fixture.clock.advance(Duration::from_hours(1));
    assert_eq!(left(&fixture, id).await[2..4], ["hour 1000/1000", "month 2995/3000"]);
}

#[tokio::test(start_paused = true)]
async fn keys_that_expire_are_noted_for_lists_within_a_minute() {
    let fixture = Fixture::new().await;
    let soon = fixture.clock.now().plus(Duration::from_secs(30));
    fixture.key_of("one", KeySpec { expires_at: Some(soon), ..KeySpec::default() }).await;
    fixture.pass_a_minute().await;
    let noted = fixture.engine.store().note_expired("shop", fixture.clock.now(), 9).await.unwrap();
    assert_eq!(noted, 0, "it was noted before");
}

#[tokio::test]
async fn nobody_sees_what_is_left_to_a_key_of_another_api() {
    let fixture = Fixture::planned().await;
    let (_, id) = fixture.key_of("one", KeySpec::default()).await;
    for (api, key) in [("bitting", id), ("nowhere", id), ("shop", KeyId::from_bytes([9; 16]))] {
        assert_eq!(fixture.engine.allowance_of_key(api, key).await.unwrap(), None, "{api} {key}");
    }
}

#[tokio::test]
async fn the_busiest_keys_are_known_to_the_last_request() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key_of("one", KeySpec::default()).await;
    let (other, other_id) = fixture.key_of("two", KeySpec::default()).await;
    for (key, count) in [(&key, 3), (&other, 5)] {
        for _ in 0..count {
            let presented = Presented::Key(key.expose().as_bytes());
            let inquiry = Inquiry { scope: Scope::Api("shop"), method: &Method::GET, path: "/things", presented, client: None };
            assert!(matches!(fixture.engine.decide(&inquiry).await, Decision::Permit(_)));
        }
    }
    fixture.ask(&Method::GET, "/write", key.expose().as_bytes());
    let now = fixture.clock.now();
    let (from, until) = (now, now.plus(Duration::from_hours(1)));
    let query = BusyQuery { api: "shop".into(), account: None, environment: None, from, until, limit: 9 };
    let busy = fixture.engine.busiest_keys(query.clone()).await.unwrap();
    let numbers: Vec<_> = busy.iter().map(|busy| (busy.key, busy.sums.allowed, busy.sums.refused)).collect();
    assert_eq!(numbers, [(other_id, 5, 0), (id, 3, 1)]);
    let of_one = BusyQuery { account: Some("one".parse().unwrap()), ..query };
    assert_eq!(fixture.engine.busiest_keys(of_one).await.unwrap().len(), 1);
}
