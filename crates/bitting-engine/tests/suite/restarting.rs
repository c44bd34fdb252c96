//! What a restart must not change.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_engine::{Clock, KeySpec};

use super::fixture::{Fixture, START, revoke};
use super::stumbling::Wrapped;

#[tokio::test]
async fn keys_are_what_they_were_after_a_restart() {
    let fixture = Fixture::new().await;
    let (good, _) = fixture.key(KeySpec { role: Some("boss".into()), ..KeySpec::default() }).await;
    let (gone, id) = fixture.key(KeySpec::default()).await;
    fixture.commit(revoke(id)).await.unwrap();
    let fixture = fixture.restart().await;
    assert_eq!(fixture.ask(&http::Method::GET, "/boss", good.expose().as_bytes()), "admitted");
    assert_eq!(fixture.get(&gone), "revoked_key");
    assert_eq!(fixture.engine.status().keys, 2);
}

#[tokio::test]
async fn an_expired_key_stays_expired_when_the_clock_is_set_back_across_a_restart() {
    let fixture = Fixture::new().await;
    let end = fixture.clock.now().plus(Duration::from_mins(1));
    let (key, _) = fixture.key(KeySpec { expires_at: Some(end), ..KeySpec::default() }).await;
    fixture.clock.advance(Duration::from_secs(61));
    assert_eq!(fixture.get(&key), "expired_key");
    fixture.engine.stop().await;
    fixture.clock.set(Timestamp::from_millis(START));
    let fixture = fixture.restart().await;
    assert_eq!(fixture.get(&key), "expired_key");
}

#[tokio::test]
async fn an_engine_that_has_stopped_leaves_its_store_alone_even_if_it_was_just_reading_events() {
    let store = Wrapped::default();
    let controls = store.clone();
    let fixture = Fixture::through(|inner| Arc::new(controls.around(inner))).await;
    let held = store.hold_events();
    fixture.key(KeySpec::default()).await;
    while store.event_reads().0 == 0 {
        tokio::task::yield_now().await;
    }
    let engine = Arc::clone(&fixture.engine);
    let stopping = tokio::spawn(async move { engine.stop().await });
    tokio::task::yield_now().await;
    drop(held);
    stopping.await.unwrap();
    let (begun, ended) = store.event_reads();
    assert_eq!(begun, ended);
}
