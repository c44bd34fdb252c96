//! What happens when it is not known whether a commit took effect, or when the store cannot write at all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_engine::{Clock, CommitError, Issued, KeySpec};
use bitting_store::{
    AccountPatch, AccountReader, AccountRow, AuditRow, Change, ChangeLog, Committed, Entry, EventRow, Journal, KeyFilter,
    KeyReader, KeyRow, NewAccount, Page, Progress, Refusal, RingRow, RingSource, Store, StoreError, StoreErrorKind,
};
use tokio::sync::{Notify, OwnedRwLockWriteGuard, RwLock};

use super::fixture::{Fixture, revoke};

/// Controls of a store that wraps a real one and can be made to stumble after, or before, its commits.
#[derive(Clone, Default)]
pub(crate) struct Wrapped(Arc<Controls>);

#[derive(Default)]
struct Controls {
    batches: AtomicU64,
    committed: Notify,
    answers: Arc<RwLock<()>>,
    fault: Mutex<Option<Fault>>,
    unreadable: AtomicBool,
}

/// How the next commits go wrong.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// They take effect, and nobody can say so.
    TakenButUnknown,
    /// They do not take effect, and nobody can say so.
    LostAndUnknown,
    /// They fail in the open.
    Refused,
}

impl Wrapped {
    pub(crate) fn around(self, inner: Arc<dyn Store>) -> Stumbling {
        Stumbling { inner, controls: self.0 }
    }

    pub(crate) fn batches(&self) -> u64 {
        self.0.batches.load(Ordering::SeqCst)
    }

    /// Commits go on, but their answers wait until this is dropped.
    pub(crate) fn hold_answers(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0.answers).try_write_owned().unwrap()
    }

    pub(crate) async fn wait_until_committed(&self) {
        self.0.committed.notified().await;
    }

    fn set_fault(&self, fault: Option<Fault>) {
        *self.0.fault.lock().unwrap() = fault;
    }

    fn set_unreadable(&self, unreadable: bool) {
        self.0.unreadable.store(unreadable, Ordering::SeqCst);
    }
}

pub(crate) struct Stumbling {
    inner: Arc<dyn Store>,
    controls: Arc<Controls>,
}

impl Stumbling {
    fn readable(&self) -> Result<(), StoreError> {
        let unreadable = self.controls.unreadable.load(Ordering::SeqCst);
        if unreadable { Err(StoreError::new(StoreErrorKind::Unavailable, "cannot be read")) } else { Ok(()) }
    }
}

#[async_trait]
impl ChangeLog for Stumbling {
    async fn append(&self, batch: Vec<Entry>) -> Result<Vec<Result<Committed, Refusal>>, StoreError> {
        self.controls.batches.fetch_add(1, Ordering::SeqCst);
        let unknown = StoreError::new(StoreErrorKind::OutcomeUnknown, "the connection broke");
        let fault = *self.controls.fault.lock().unwrap();
        let answer = match fault {
            None => self.inner.append(batch).await,
            Some(Fault::TakenButUnknown) => self.inner.append(batch).await.and(Err(unknown)),
            Some(Fault::LostAndUnknown) => Err(unknown),
            Some(Fault::Refused) => Err(StoreError::new(StoreErrorKind::Unavailable, "the disk is full")),
        };
        self.controls.committed.notify_one();
        drop(self.controls.answers.read().await);
        answer
    }

    async fn progress(&self) -> Result<Progress, StoreError> {
        self.inner.progress().await
    }

    async fn keep_time(&self, at: Timestamp) -> Result<(), StoreError> {
        self.inner.keep_time(at).await
    }
}

#[async_trait]
impl RingSource for Stumbling {
    async fn ring_accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.inner.ring_accounts().await
    }

    async fn key_count(&self) -> Result<u64, StoreError> {
        self.inner.key_count().await
    }

    async fn ring_keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<RingRow>, StoreError> {
        self.inner.ring_keys(after, limit).await
    }

    async fn ring_key(&self, id: KeyId) -> Result<Option<RingRow>, StoreError> {
        self.readable()?;
        self.inner.ring_key(id).await
    }
}

#[async_trait]
impl KeyReader for Stumbling {
    async fn key(&self, api: &str, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.inner.key(api, id).await
    }

    async fn keys(&self, api: &str, filter: KeyFilter, page: Page<KeyId>) -> Result<Vec<KeyRow>, StoreError> {
        self.inner.keys(api, filter, page).await
    }
}

#[async_trait]
impl AccountReader for Stumbling {
    async fn account(&self, api: &str, id: &AccountId) -> Result<Option<AccountRow>, StoreError> {
        self.readable()?;
        self.inner.account(api, id).await
    }

    async fn accounts(&self, api: &str, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        self.inner.accounts(api, page).await
    }
}

#[async_trait]
impl Journal for Stumbling {
    async fn audit(&self, after: Sequence, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.audit(after, limit).await
    }

    async fn events(&self, after: Sequence, limit: usize) -> Result<Vec<EventRow>, StoreError> {
        self.inner.events(after, limit).await
    }
}

async fn stumbling() -> (Fixture, Wrapped) {
    let wrapped = Wrapped::default();
    let controls = wrapped.clone();
    (Fixture::through(|store| Arc::new(wrapped.around(store))).await, controls)
}

#[tokio::test]
async fn a_revocation_of_unknown_outcome_refuses_the_key_until_the_store_was_read_again() {
    for (fault, after) in [(Fault::TakenButUnknown, "revoked_key"), (Fault::LostAndUnknown, "admitted")] {
        let (fixture, controls) = stumbling().await;
        let (key, id) = fixture.key(KeySpec::default()).await;
        let (other, _) = fixture.key(KeySpec::default()).await;
        controls.set_fault(Some(fault));
        controls.set_unreadable(true);
        assert!(matches!(fixture.commit(revoke(id)).await, Err(CommitError::Store(_))));
        assert_eq!(fixture.get(&key), "store_unavailable");
        assert_eq!(fixture.get(&other), "admitted", "only the keys concerned are in doubt");
        controls.set_fault(None);
        controls.set_unreadable(false);
        // The writer reads again before it writes again.
        fixture.key(KeySpec::default()).await;
        assert_eq!(fixture.get(&key), after);
    }
}

#[tokio::test]
async fn a_doubt_ends_by_itself_when_the_store_can_be_read() {
    tokio::time::pause();
    let (fixture, controls) = stumbling().await;
    let (key, id) = fixture.key(KeySpec::default()).await;
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(true);
    fixture.commit(revoke(id)).await.unwrap_err();
    assert_eq!(fixture.get(&key), "store_unavailable");
    controls.set_unreadable(false);
    while fixture.get(&key) == "store_unavailable" {
        tokio::time::advance(Duration::from_millis(50)).await;
    }
    assert_eq!(fixture.get(&key), "revoked_key");
}

#[tokio::test]
async fn a_suspension_of_unknown_outcome_refuses_the_accounts_keys_until_it_is_known() {
    let (fixture, controls) = stumbling().await;
    let (key, _) = fixture.key(KeySpec::default()).await;
    let patch = AccountPatch { enabled: Some(false), ..AccountPatch::default() };
    let suspend = Change::UpdateAccount { api: "shop".into(), account: "default".parse().unwrap(), patch };
    controls.set_fault(Some(Fault::LostAndUnknown));
    controls.set_unreadable(true);
    fixture.commit(suspend).await.unwrap_err();
    assert_eq!(fixture.get(&key), "store_unavailable");
    controls.set_fault(None);
    controls.set_unreadable(false);
    fixture.key(KeySpec::default()).await;
    assert_eq!(fixture.get(&key), "admitted");
}

#[tokio::test]
async fn a_new_key_of_unknown_outcome_leaves_the_other_keys_of_its_account_admitted() {
    let (fixture, controls) = stumbling().await;
    let (old, _) = fixture.key(KeySpec::default()).await;
    let new = fixture.issue(KeySpec::default());
    let account = NewAccount { api: "shop".into(), id: "default".parse().unwrap(), name: String::new() };
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(true);
    fixture.commit(new.change).await.unwrap_err();
    fixture.commit(Change::CreateAccount(account)).await.unwrap_err();
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("admitted".into(), "unknown_key".into()));
    controls.set_fault(None);
    controls.set_unreadable(false);
    fixture.key(KeySpec::default()).await;
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("admitted".into(), "admitted".into()));
}

#[tokio::test]
async fn a_rotation_of_unknown_outcome_refuses_the_old_key_and_then_both_are_what_the_store_says() {
    let (fixture, controls) = stumbling().await;
    let (old, id) = fixture.key(KeySpec::default()).await;
    let apis = fixture.engine.apis();
    let row = fixture.engine.store().key("shop", id).await.unwrap().unwrap();
    let shop = apis.find("shop").unwrap();
    let new = Issued::successor(shop, &row, Duration::ZERO, None, fixture.clock.now()).unwrap();
    controls.set_fault(Some(Fault::TakenButUnknown));
    controls.set_unreadable(true);
    fixture.commit(new.change).await.unwrap_err();
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("store_unavailable".into(), "unknown_key".into()));
    controls.set_fault(None);
    controls.set_unreadable(false);
    fixture.key(KeySpec::default()).await;
    assert_eq!((fixture.get(&old), fixture.get(&new.key)), ("revoked_key".into(), "admitted".into()));
}

#[tokio::test]
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
