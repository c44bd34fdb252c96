//! Changes that are made only if something holds.

use bitting_core::record::Sequence;
use bitting_store::{Change, Committed, Conditions, Idempotency, NewKey, Refusal};

use super::super::fixture::{API, at, entry, id, new_account, new_key, rename, revoke};
use super::Case;

async fn append(case: &Case, ms: i64, change: Change, conditions: Conditions) -> Result<Committed, Refusal> {
    let mut entry = entry(ms, change);
    entry.conditions = conditions;
    case.append_all(vec![entry]).await.remove(0)
}

fn keys(expected: &[(u8, u64)]) -> Conditions {
    let keys = expected.iter().map(|&(number, sequence)| (id(number), Sequence(sequence))).collect();
    Conditions { keys, ..Conditions::default() }
}

fn once(key: &str, sent: u8) -> Conditions {
    let idempotency = Idempotency { scope: "tester POST /keys".into(), key: key.into(), fingerprint: [sent; 32] };
    Conditions { idempotency: Some(idempotency), ..Conditions::default() }
}

pub(super) async fn a_change_is_refused_if_what_it_was_decided_on_has_changed(case: Case) {
    let case = case.filled().await;
    let changed = Err(Refusal::Changed(id(1).to_string()));
    assert_eq!(append(&case, 20, rename(1, "a"), keys(&[(1, 1)])).await, changed);
    assert!(append(&case, 21, rename(1, "a"), keys(&[(1, 2), (2, 3)])).await.is_ok());
    assert_eq!(append(&case, 22, revoke(2), keys(&[(1, 2), (2, 3)])).await, changed);
    assert_eq!(append(&case, 23, revoke(2), keys(&[(9, 1)])).await, Err(Refusal::Changed(id(9).to_string())));
    assert!(append(&case, 24, revoke(2), keys(&[(1, 4), (2, 3)])).await.is_ok());
    let rename_account = || Change::UpdateAccount {
        api: API.into(),
        account: "acme".parse().unwrap(),
        patch: bitting_store::AccountPatch { name: Some("Acme".into()), ..Default::default() },
    };
    let seen = |sequence| Conditions { account: Some(Sequence(sequence)), ..Conditions::default() };
    assert_eq!(append(&case, 25, rename_account(), seen(9)).await, Err(Refusal::Changed("acme".into())));
    assert!(append(&case, 26, rename_account(), seen(1)).await.is_ok());
}

pub(super) async fn a_request_that_is_repeated_is_answered_as_before_and_changes_nothing(case: Case) {
    let case = case.filled().await;
    let first = append(&case, 20, new_key(3, "acme"), once("a", 1)).await.unwrap();
    case.append(21, rename(3, "changed since")).await.unwrap();
    let again = append(&case, 22, new_key(4, "acme"), once("a", 1)).await.unwrap();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!((&again.keys, again.sequence), (&first.keys, first.sequence));
    assert_eq!(case.store.key(API, id(4)).await.unwrap(), None);
    assert_eq!(case.store.progress().await.unwrap().sequence, Sequence(5));
    // Also what changed nothing, and within one batch.
    assert!(!append(&case, 23, revoke(2), once("b", 1)).await.unwrap().replayed);
    let batch = [30, 31].map(|ms| {
        let mut entry = entry(ms, revoke(2));
        entry.conditions = once("c", 2);
        entry
    });
    let answers: Vec<bool> = case.append_all(batch.into()).await.into_iter().map(|answer| answer.unwrap().replayed).collect();
    assert_eq!(answers, [false, true]);
}

pub(super) async fn an_idempotency_key_serves_one_request_and_is_forgotten_after_a_day(case: Case) {
    let case = case.filled().await;
    append(&case, 20, new_key(3, "acme"), once("a", 1)).await.unwrap();
    assert_eq!(append(&case, 21, new_key(4, "acme"), once("a", 2)).await, Err(Refusal::IdempotencyKeyReused));
    let elsewhere = Idempotency { scope: "tester POST /accounts".into(), key: "a".into(), fingerprint: [2; 32] };
    let elsewhere = Conditions { idempotency: Some(elsewhere), ..Conditions::default() };
    assert!(append(&case, 22, new_account("new"), elsewhere).await.is_ok());
    // A refusal is not remembered: the request may be mended and sent again.
    assert_eq!(append(&case, 23, rename(9, "x"), once("b", 3)).await, Err(Refusal::NoSuchKey(id(9))));
    assert!(append(&case, 24, rename(3, "x"), once("b", 4)).await.is_ok());
    let day = 86_400_000;
    assert_eq!(append(&case, 19 + day, new_key(4, "acme"), once("a", 2)).await, Err(Refusal::IdempotencyKeyReused));
    assert!(append(&case, 20 + day, new_key(4, "acme"), once("a", 2)).await.is_ok());
    case.store.keep_time(at(100 + 2 * day)).await.unwrap();
    assert!(append(&case, 30, new_key(5, "acme"), once("a", 5)).await.is_ok());
}

pub(super) async fn an_account_has_no_more_keys_than_it_may_have(case: Case) {
    let case = case.filled().await;
    let limited = |number, limit| {
        let Change::CreateKey(new) = new_key(number, "acme") else { unreachable!() };
        Change::CreateKey(Box::new(NewKey { account_limit: Some(limit), ..*new }))
    };
    let full = |limit| Err(Refusal::TooManyKeys("acme".parse().unwrap(), limit));
    assert_eq!(case.append(20, limited(3, 2)).await, full(2));
    assert!(case.append(21, limited(3, 3)).await.is_ok());
    assert_eq!(case.append(22, limited(4, 3)).await, full(3));
    case.append(23, revoke(1)).await.unwrap();
    assert!(case.append(24, limited(4, 3)).await.is_ok());
    assert_eq!(case.append(25, limited(5, 0)).await, full(0));
}
