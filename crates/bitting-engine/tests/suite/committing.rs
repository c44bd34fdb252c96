//! The writer: batches, callers who leave, stopping.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bitting_engine::{CommitError, KeySpec};
use bitting_store::{Actor, Refusal};

use super::fixture::{Fixture, rename, revoke};
use super::stumbling::{Fault, Wrapped};

#[tokio::test]
async fn a_caller_who_leaves_between_commit_and_answer_leaves_the_key_revoked() {
    let wrapped = Wrapped::default();
    let gate = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    // The store commits and then waits: the caller is gone before anybody answers.
    let held = gate.hold_answers();
    let mut caller = Box::pin(fixture.engine.commit(revoke(id), Actor::System, "req_test"));
    assert!(matches!(caller.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    gate.wait_until_committed().await;
    drop(caller);
    drop(held);
    // A later change is answered after the revocation was applied.
    assert!(matches!(fixture.commit(rename(id, "x")).await, Err(CommitError::Refused(Refusal::KeyRevoked(_)))));
    assert_eq!(fixture.get(&key), "revoked_key");
}

#[tokio::test]
async fn changes_that_come_together_wait_for_the_disk_together() {
    let wrapped = Wrapped::default();
    let count = wrapped.clone();
    let fixture = Arc::new(Fixture::through(|store| Arc::new(wrapped.around(store))).await);
    let (_, id) = fixture.key(KeySpec::default()).await;
    let before = count.batches();
    let held = count.hold_answers();
    let callers: Vec<_> = (0..200)
        .map(|number| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move { fixture.commit(rename(id, &format!("name {number}"))).await.unwrap() })
        })
        .collect();
    count.wait_until_committed().await;
    drop(held);
    let mut sequences = Vec::new();
    for caller in callers {
        sequences.push(caller.await.unwrap().sequence);
    }
    sequences.sort_unstable();
    sequences.dedup();
    assert_eq!(sequences.len(), 200, "each change has its own number");
    let batches = count.batches() - before;
    assert!(batches <= 4, "{batches} transactions for 200 changes");
}

#[tokio::test]
async fn an_engine_that_stops_finishes_what_it_was_given_and_takes_nothing_more() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    let (revoked, ()) = tokio::join!(fixture.commit(revoke(id)), fixture.engine.stop());
    revoked.unwrap();
    assert_eq!(fixture.get(&key), "revoked_key");
    assert!(matches!(fixture.commit(rename(id, "x")).await, Err(CommitError::Stopping)));
    assert!(!fixture.engine.status().broken);
}

#[tokio::test]
async fn an_engine_whose_writer_panics_admits_no_key_any_more_and_says_so() {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    let fixture = Fixture::through(|store| Arc::new(wrapped.around(store))).await;
    let (revoked, id) = fixture.key(KeySpec::default()).await;
    let (other, _) = fixture.key(KeySpec::default()).await;
    assert!(!fixture.engine.status().broken);
    controls.set_fault(Some(Fault::TakenButFatal));
    assert!(matches!(fixture.commit(revoke(id)).await, Err(CommitError::Broken)));
    assert_eq!((fixture.get(&revoked), fixture.get(&other)), ("store_unavailable".into(), "store_unavailable".into()));
    assert!(matches!(fixture.commit(rename(id, "x")).await, Err(CommitError::Broken)));
    assert!(fixture.engine.status().broken);
    fixture.engine.stop().await;
}

#[tokio::test]
async fn a_refused_or_invalid_change_leaves_everything_as_it_was() {
    let fixture = Fixture::new().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    let before = fixture.engine.store().progress().await.unwrap().sequence;
    let nobody = bitting_core::key::KeyId::from_bytes([1; 16]);
    assert!(matches!(fixture.commit(revoke(nobody)).await, Err(CommitError::Refused(Refusal::NoSuchKey(_)))));
    assert!(matches!(fixture.commit(rename(id, "")).await, Err(CommitError::Invalid(_))));
    assert_eq!(fixture.engine.store().progress().await.unwrap().sequence, before);
    assert_eq!(fixture.get(&key), "admitted");
}
