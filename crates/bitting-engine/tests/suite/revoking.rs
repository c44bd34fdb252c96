//! Revoked means revoked: for whoever asks after the answer, whoever listens to it, and in whatever order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bitting_engine::KeySpec;
use bitting_store::KeyPatch;

use super::fixture::{Fixture, patch, revoke};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_admitted_after_a_revocation_was_answered_however_hard_the_key_is_used() {
    let fixture = Arc::new(Fixture::new().await);
    for _ in 0..20 {
        let (key, id) = fixture.key(KeySpec::default()).await;
        let (key, answered, stop) = (Arc::new(key), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (before, after) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let users: Vec<_> = (0..8)
            .map(|_| {
                let (fixture, key) = (Arc::clone(&fixture), Arc::clone(&key));
                let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
                let (before, after) = (Arc::clone(&before), Arc::clone(&after));
                std::thread::spawn(move || {
                    while !stop.load(Ordering::SeqCst) {
                        // Read before asking: the question then came after the answer.
                        let is_after = answered.load(Ordering::SeqCst);
                        let outcome = fixture.get(&key);
                        if is_after {
                            assert_eq!(outcome, "revoked_key");
                            after.fetch_add(1, Ordering::Relaxed);
                        } else {
                            before.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        // Users end early only by a failure, which is told when they are joined.
        let all_failed = || users.iter().all(std::thread::JoinHandle::is_finished);
        while before.load(Ordering::Relaxed) < 200 && !all_failed() {
            tokio::task::yield_now().await;
        }
        fixture.commit(revoke(id)).await.unwrap();
        answered.store(true, Ordering::SeqCst);
        while after.load(Ordering::Relaxed) < 200 && !all_failed() {
            tokio::task::yield_now().await;
        }
        stop.store(true, Ordering::SeqCst);
        for user in users {
            user.join().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_to_one_key_end_in_the_order_of_their_commits() {
    let fixture = Arc::new(Fixture::new().await);
    let (key, id) = fixture.key(KeySpec::default()).await;
    for round in 0..20 {
        let set = |enabled| {
            let fixture = Arc::clone(&fixture);
            async move {
                let change = patch(id, KeyPatch { enabled: Some(enabled), ..KeyPatch::default() });
                fixture.commit(change).await.unwrap()
            }
        };
        let (on, off) = tokio::join!(tokio::spawn(set(true)), tokio::spawn(set(false)));
        let (on, off) = (on.unwrap(), off.unwrap());
        let last = if on.sequence > off.sequence { &on } else { &off };
        let stored = fixture.engine.store().key("shop", id).await.unwrap().unwrap();
        let expected = if stored.enabled { "admitted" } else { "disabled_key" };
        assert_eq!(last.keys[0].row.enabled, stored.enabled, "round {round}");
        assert_eq!(fixture.get(&key), expected, "round {round}");
    }
}
