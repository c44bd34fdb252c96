//! What happens when it is not known whether a commit took effect, or when the store cannot write at all.

use std::sync::Arc;
use std::time::Duration;

use bitting_engine::{Clock, CommitError, Issued, KeySpec, Overlap};
use bitting_store::{AccountPatch, Change, NewAccount};

use super::fixture::{Fixture, revoke};
use super::stumbling::{Fault, Unreadable, Wrapped};

async fn stumbling() -> (Fixture, Wrapped) {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    (Fixture::through(|store| Arc::new(wrapped.around(store))).await, controls)
}

/// Lets the longest wait pass. The writer then reads again before it writes again.
async fn read_again(fixture: &Fixture) {
    tokio::time::advance(Duration::from_secs(5)).await;
    fixture.key(KeySpec::default()).await;
}

fn suspend() -> Change {
    let patch = AccountPatch { enabled: Some(false), ..AccountPatch::default() };
    Change::UpdateAccount { api: "shop".into(), account: "default".parse().unwrap(), patch }
}

fn new_account(name: &str) -> Change {
    Change::CreateAccount(NewAccount { api: "shop".into(), id: name.parse().unwrap(), name: String::new(), plan: None })
}

#[tokio::test(start_paused = true)]
async fn a_revocation_of_unknown_outcome_refuses_the_key_until_the_store_was_read_again() {
    for (fault, after) in [(Fault::TakenButUnknown, "revoked_key"), (Fault::LostAndUnknown, "admitted")] {
        let (fixture, controls) = stumbling().await;
        let (key, id) = fixture.key(KeySpec::default()).await;
        let (other, _) = fixture.key(KeySpec::default()).await;
        controls.set_fault(Some(fault));
        controls.set_unreadable(Unreadable::Everything);
        assert!(matches!(fixture.commit(revoke(id)).await, Err(CommitError::Store(_))));
        assert_eq!(fixture.get(&key), "store_unavailable");
        assert_eq!(fixture.get(&other), "admitted", "only the keys concerned are in doubt");
        controls.set_fault(None);
        controls.set_unreadable(Unreadable::Nothing);
        read_again(&fixture).await;
        assert_eq!(fixture.get(&key), after);
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubt_ends_by_itself_when_the_store_can_be_read() {
    let (fixture, controls) = stumbling().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(Unreadable::Everything);
    fixture.commit(revoke(id)).await.unwrap_err();
    assert_eq!(fixture.get(&key), "store_unavailable");
    controls.set_unreadable(Unreadable::Nothing);
    while fixture.get(&key) == "store_unavailable" {
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    assert_eq!(fixture.get(&key), "revoked_key");
}

#[tokio::test(start_paused = true)]
async fn a_suspension_of_unknown_outcome_refuses_the_accounts_keys_until_it_is_known() {
    let (fixture, controls) = stumbling().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    controls.set_fault(Some(Fault::LostAndUnknown));
    controls.set_unreadable(Unreadable::Everything);
    fixture.commit(suspend()).await.unwrap_err();
    assert_eq!(fixture.get(&key), "store_unavailable");
    controls.set_fault(None);
    controls.set_unreadable(Unreadable::Nothing);
    read_again(&fixture).await;
    assert_eq!(fixture.get(&key), "admitted");
}

#[tokio::test(start_paused = true)]
async fn a_new_key_of_unknown_outcome_leaves_the_other_keys_of_its_account_admitted() {
    let (fixture, controls) = stumbling().await;
    let (old, _) = fixture.key(KeySpec::default()).await;
    let new = fixture.issue(KeySpec::default());
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(Unreadable::Everything);
    fixture.commit(new.change).await.unwrap_err();
    fixture.commit(new_account("default")).await.unwrap_err();
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("admitted".into(), "unknown_key".into()));
    controls.set_fault(None);
    controls.set_unreadable(Unreadable::Nothing);
    read_again(&fixture).await;
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("admitted".into(), "admitted".into()));
}

#[tokio::test(start_paused = true)]
async fn a_rotation_of_unknown_outcome_refuses_the_old_key_and_then_both_are_what_the_store_says() {
    let (fixture, controls) = stumbling().await;
    let (old, id) = fixture.key(KeySpec::default()).await;
    let apis = fixture.engine.apis();
    let row = fixture.engine.store().key("shop", id).await.unwrap().unwrap();
    let shop = apis.find("shop").unwrap();
    let new = Issued::successor(shop, &row, Overlap::default(), None, fixture.clock.now()).unwrap();
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(Unreadable::Everything);
    fixture.commit(new.change).await.unwrap_err();
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("store_unavailable".into(), "unknown_key".into()));
    controls.set_fault(None);
    controls.set_unreadable(Unreadable::Nothing);
    read_again(&fixture).await;
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("revoked_key".into(), "admitted".into()));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_again_keeps_no_other_row_in_doubt() {
    let (fixture, controls) = stumbling().await;
    let (suspended, _) = fixture.key(KeySpec::default()).await;
    fixture.commit(new_account("acme")).await.unwrap();
    let (revoked, id) = fixture.key(KeySpec { account: Some("acme".parse().unwrap()), ..KeySpec::default() }).await;
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(Unreadable::Everything);
    fixture.commit(suspend()).await.unwrap_err();
    fixture.commit(revoke(id)).await.unwrap_err();
    let outcomes = || (fixture.get(&suspended), fixture.get(&revoked));
    assert_eq!(outcomes(), ("store_unavailable".into(), "store_unavailable".into()));
    controls.set_fault(None);
    controls.set_unreadable(Unreadable::Accounts);
    read_again(&fixture).await;
    assert_eq!(outcomes(), ("store_unavailable".into(), "revoked_key".into()));
    controls.set_unreadable(Unreadable::Nothing);
    read_again(&fixture).await;
    assert_eq!(outcomes(), ("disabled_account".into(), "revoked_key".into()));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_stays_unreadable_is_read_less_and_less_often() {
    let (fixture, controls) = stumbling().await;
    let (_, id) = fixture.key(KeySpec::default()).await;
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(Unreadable::Everything);
    fixture.commit(revoke(id)).await.unwrap_err();
    let before = controls.key_reads();
    for _ in 0..600 {
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let reads = controls.key_reads() - before;
    assert!((10..20).contains(&reads), "{reads} reads in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_write_refuses_changes_and_goes_on_admitting() {
    let (fixture, controls) = stumbling().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    controls.set_fault(Some(Fault::Refused));
    let error = fixture.commit(revoke(id)).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(fixture.get(&key), "admitted");
    controls.set_fault(None);
    fixture.commit(revoke(id)).await.unwrap();
    assert_eq!(fixture.get(&key), "revoked_key");
}
