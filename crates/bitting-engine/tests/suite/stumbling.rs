//! A store that wraps a real one and can be made to stumble. It is long because it hands on everything that a store can do.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::key::{Digest, KeyHash, KeyId};
use bitting_core::location::Places;
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, WebhookId};
use bitting_store::{
    AccountReader, AccountRow, Archive, AttemptRow, Attempted, AuditChain, AuditFilter, AuditHead, AuditRow, AuditVerdict,
    Bought, BusyHourPage, BusyHourQuery, BusyKey, BusyQuery, Calendar, ChangeLog, Committed, DeliveryRow, DeliveryState,
    DueDelivery, Entry, EventFilter, EventLog, EventMarks, EventRow, Idempotency, ImportStanding, Journal, KeyCursor,
    KeyFilter, KeyReader, KeyRow, LastUse, Line, LinkRow, ListedWebhook, MemberRow, MeterLog, NewDelivery, Outbox, Overview,
    OverviewQuery, OverviewReader, Page, People, Place, Progress, Purchase, Raised, RecognisedKey, Refusal, RefusedQuery,
    RefusedReader, RefusedRow, RingRow, RingSource, SessionRow, Settlement, Span, Store, StoreError, StoreErrorKind, StoredKey,
    StoredMember, StoredWebhook, Sweep, TrafficQuery, UsageBatch, UsageQuery, UsageRow, WatchReader, Webhooks, WebhooksOf,
    Window,
};
use tokio::sync::{Notify, OwnedRwLockWriteGuard, RwLock};

/// Controls of a store that wraps a real one and can be made to stumble after, or before, its commits.
#[derive(Clone, Default)]
pub(crate) struct Wrapped(Arc<Controls>);

#[derive(Default)]
struct Controls {
    batches: AtomicU64,
    committed: Notify,
    answers: Arc<RwLock<()>>,
    fault: Mutex<Option<Fault>>,
    key_reads: AtomicU64,
    unreadable: Mutex<Unreadable>,
    events: Arc<RwLock<()>>,
    event_reads_begun: AtomicU64,
    event_reads_ended: AtomicU64,
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
    /// They take effect, and the writer does not survive it.
    TakenButFatal,
}

/// What cannot be read again after a commit of unknown outcome.
#[derive(Clone, Copy, PartialEq, Default)]
pub(crate) enum Unreadable {
    #[default]
    Nothing,
    Accounts,
    Everything,
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

    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        *self.0.fault.lock().unwrap() = fault;
    }

    pub(crate) fn set_unreadable(&self, unreadable: Unreadable) {
        *self.0.unreadable.lock().unwrap() = unreadable;
    }

    /// Whoever begins to read events waits until this is dropped.
    pub(crate) fn hold_events(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0.events).try_write_owned().unwrap()
    }

    /// How many times somebody began to read events, and how many times that came to its end.
    pub(crate) fn event_reads(&self) -> (u64, u64) {
        (self.0.event_reads_begun.load(Ordering::SeqCst), self.0.event_reads_ended.load(Ordering::SeqCst))
    }

    /// How often a key was read for the ring. Accounts are read by whoever tells of keys' ends, too.
    pub(crate) fn key_reads(&self) -> u64 {
        self.0.key_reads.load(Ordering::SeqCst)
    }
}

pub(crate) struct Stumbling {
    inner: Arc<dyn Store>,
    controls: Arc<Controls>,
}

impl Stumbling {
    /// Goes wrong as it was told to, before or after the real commit.
    async fn commit<T: Debug>(&self, real: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let unknown = StoreError::new(StoreErrorKind::OutcomeUnknown, "the connection broke");
        let fault = *self.controls.fault.lock().unwrap();
        match fault {
            None => real.await,
            Some(Fault::TakenButUnknown) => real.await.and(Err(unknown)),
            Some(Fault::LostAndUnknown) => Err(unknown),
            Some(Fault::TakenButFatal) => panic!("after the commit: {:?}", real.await),
            Some(Fault::Refused) => Err(StoreError::new(StoreErrorKind::Unavailable, "the disk is full")),
        }
    }

    fn read_unless(&self, hindrances: &[Unreadable]) -> Result<(), StoreError> {
        let hindered = hindrances.contains(&self.controls.unreadable.lock().unwrap());
        if hindered { Err(StoreError::new(StoreErrorKind::Damaged, "cannot be read")) } else { Ok(()) }
    }
}

#[async_trait]
impl ChangeLog for Stumbling {
    async fn append(&self, batch: Vec<Entry>) -> Result<Vec<Result<Committed, Refusal>>, StoreError> {
        self.controls.batches.fetch_add(1, Ordering::SeqCst);
        let answer = self.commit(self.inner.append(batch)).await;
        self.controls.committed.notify_one();
        drop(self.controls.answers.read().await);
        answer
    }

    async fn remembered(
        &self,
        idempotency: Idempotency,
        now: Timestamp,
    ) -> Result<Option<Result<Committed, Refusal>>, StoreError> {
        self.inner.remembered(idempotency, now).await
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
        self.controls.key_reads.fetch_add(1, Ordering::SeqCst);
        self.read_unless(&[Unreadable::Everything])?;
        self.inner.ring_key(id).await
    }
}

#[async_trait]
impl KeyReader for Stumbling {
    async fn key(&self, api: &str, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.inner.key(api, id).await
    }

    async fn keys(&self, api: &str, filter: KeyFilter, page: Page<KeyCursor>) -> Result<Vec<KeyRow>, StoreError> {
        self.inner.keys(api, filter, page).await
    }

    async fn descendants(&self, api: &str, of: KeyId) -> Result<Vec<KeyId>, StoreError> {
        self.inner.descendants(api, of).await
    }

    async fn recognise(&self, digests: Vec<Digest>) -> Result<Vec<Option<RecognisedKey>>, StoreError> {
        self.inner.recognise(digests).await
    }
}

#[async_trait]
impl OverviewReader for Stumbling {
    async fn overview(&self, query: OverviewQuery) -> Result<Overview, StoreError> {
        self.inner.overview(query).await
    }

    async fn note_expired(&self, api: &str, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.note_expired(api, now, limit).await
    }
}

#[async_trait]
impl AccountReader for Stumbling {
    async fn account(&self, api: &str, id: &AccountId) -> Result<Option<AccountRow>, StoreError> {
        self.read_unless(&[Unreadable::Accounts, Unreadable::Everything])?;
        self.inner.account(api, id).await
    }

    async fn accounts(&self, api: &str, begin: &str, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        self.inner.accounts(api, begin, page).await
    }
}

#[async_trait]
impl Journal for Stumbling {
    async fn audit_log(&self, api: &str, filter: AuditFilter, page: Page<Sequence>) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.audit_log(api, filter, page).await
    }

    async fn audit(&self, after: Sequence, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.audit(after, limit).await
    }
}

#[async_trait]
impl EventMarks for Stumbling {
    async fn read_up_to(&self, member: MemberId, api: &str) -> Result<u64, StoreError> {
        self.inner.read_up_to(member, api).await
    }

    async fn mark_read(&self, member: MemberId, api: &str, number: u64) -> Result<(), StoreError> {
        self.commit(self.inner.mark_read(member, api, number)).await
    }
}

#[async_trait]
impl EventLog for Stumbling {
    async fn raise(&self, raised: Vec<Raised>) -> Result<(), StoreError> {
        self.commit(self.inner.raise(raised)).await
    }

    async fn events(&self, api: &str, filter: EventFilter, page: Page<u64>) -> Result<Vec<EventRow>, StoreError> {
        self.inner.events(api, filter, page).await
    }

    async fn events_since(&self, api: &str, filter: EventFilter, limit: usize) -> Result<Vec<EventRow>, StoreError> {
        self.inner.events_since(api, filter, limit).await
    }

    async fn events_after(&self, number: u64, limit: usize) -> Result<Vec<EventRow>, StoreError> {
        self.controls.event_reads_begun.fetch_add(1, Ordering::SeqCst);
        drop(self.controls.events.read().await);
        let events = self.inner.events_after(number, limit).await;
        self.controls.event_reads_ended.fetch_add(1, Ordering::SeqCst);
        events
    }

    async fn count_events(&self, api: &str, filter: EventFilter, most: usize) -> Result<usize, StoreError> {
        self.inner.count_events(api, filter, most).await
    }

    async fn last_event(&self) -> Result<u64, StoreError> {
        self.inner.last_event().await
    }

    async fn forget_events(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.forget_events(api, before, limit).await
    }
}

#[async_trait]
impl Webhooks for Stumbling {
    async fn webhooks(&self, api: &str, of: WebhooksOf, page: Page<WebhookId>) -> Result<Vec<ListedWebhook>, StoreError> {
        self.inner.webhooks(api, of, page).await
    }

    async fn webhook(&self, api: &str, id: WebhookId) -> Result<Option<ListedWebhook>, StoreError> {
        self.inner.webhook(api, id).await
    }

    async fn deliveries(
        &self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.inner.deliveries(webhook, state, page).await
    }

    async fn delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<(DeliveryRow, Vec<AttemptRow>)>, StoreError> {
        self.inner.delivery(webhook, id).await
    }
}

#[async_trait]
impl Outbox for Stumbling {
    async fn all_webhooks(&self) -> Result<Vec<StoredWebhook>, StoreError> {
        self.inner.all_webhooks().await
    }

    async fn last_webhook_change(&self) -> Result<Sequence, StoreError> {
        self.inner.last_webhook_change().await
    }

    async fn told_until(&self) -> Result<u64, StoreError> {
        self.inner.told_until().await
    }

    async fn deliver(&self, new: Vec<NewDelivery>, told_until: Option<u64>) -> Result<(), StoreError> {
        self.commit(self.inner.deliver(new, told_until)).await
    }

    async fn deliver_test(&self, new: NewDelivery, most: usize) -> Result<bool, StoreError> {
        self.commit(self.inner.deliver_test(new, most)).await
    }

    async fn due(&self, webhook: WebhookId, epoch: u64, now: Timestamp, limit: usize) -> Result<Vec<DueDelivery>, StoreError> {
        self.inner.due(webhook, epoch, now, limit).await
    }

    async fn next_due(&self, webhook: WebhookId, epoch: u64) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_due(webhook, epoch).await
    }

    async fn urgent(&self, but: Vec<WebhookId>, limit: usize) -> Result<Vec<DueDelivery>, StoreError> {
        self.inner.urgent(but, limit).await
    }

    async fn attempted(&self, attempted: Vec<Attempted>) -> Result<(), StoreError> {
        self.commit(self.inner.attempted(attempted)).await
    }

    async fn resend(&self, webhook: WebhookId, id: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        self.commit(self.inner.resend(webhook, id, now)).await
    }

    async fn forget_deliveries(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.commit(self.inner.forget_deliveries(before, now, limit)).await
    }

    async fn count_waiting(&self, most: u64) -> Result<u64, StoreError> {
        self.inner.count_waiting(most).await
    }
}

#[async_trait]
impl Archive for Stumbling {
    async fn standings(&self, api: &str, keys: Vec<(KeyId, KeyHash)>) -> Result<Vec<ImportStanding>, StoreError> {
        self.inner.standings(api, keys).await
    }

    async fn stored_keys(&self, api: &str, after: Option<KeyId>, limit: usize) -> Result<Vec<StoredKey>, StoreError> {
        self.inner.stored_keys(api, after, limit).await
    }

    async fn back_up(&self, to: std::path::PathBuf) -> Result<u64, StoreError> {
        self.inner.back_up(to).await
    }
}

#[async_trait]
impl RefusedReader for Stumbling {
    async fn refused(&self, query: RefusedQuery) -> Result<Vec<RefusedRow>, StoreError> {
        self.inner.refused(query).await
    }
}

#[async_trait]
impl WatchReader for Stumbling {
    async fn busy_in(&self, query: BusyHourQuery) -> Result<BusyHourPage, StoreError> {
        self.inner.busy_in(query).await
    }

    async fn traffic(&self, query: TrafficQuery) -> Result<Vec<Vec<u64>>, StoreError> {
        self.inner.traffic(query).await
    }

    async fn places(&self, key: KeyId) -> Result<Option<Places>, StoreError> {
        self.inner.places(key).await
    }
}

#[async_trait]
impl MeterLog for Stumbling {
    async fn buy(&self, purchases: Vec<Purchase>) -> Result<Vec<Bought>, StoreError> {
        self.commit(self.inner.buy(purchases)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.commit(self.inner.settle(settlements)).await
    }

    async fn add_usage(&self, number: u64, batch: UsageBatch) -> Result<(), StoreError> {
        self.commit(self.inner.add_usage(number, batch)).await
    }

    async fn busiest_keys(&self, query: BusyQuery) -> Result<Vec<BusyKey>, StoreError> {
        self.inner.busiest_keys(query).await
    }

    async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.inner.usage(query).await
    }

    async fn last_batch(&self) -> Result<u64, StoreError> {
        self.inner.last_batch().await
    }

    async fn bought(&self, windows: Vec<Window>) -> Result<Vec<u64>, StoreError> {
        self.inner.bought(windows).await
    }

    async fn windows(&self, now: Timestamp) -> Result<Vec<(Window, u64)>, StoreError> {
        self.inner.windows(now).await
    }

    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError> {
        self.inner.last_uses(keys).await
    }

    async fn forget_usage(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.forget_usage(api, before, limit).await
    }
}

#[async_trait]
impl People for Stumbling {
    async fn member(&self, id: MemberId) -> Result<Option<StoredMember>, StoreError> {
        self.inner.member(id).await
    }

    async fn member_by_email(&self, email: &str) -> Result<Option<StoredMember>, StoreError> {
        self.inner.member_by_email(email).await
    }

    async fn portal_member(&self, api: &str, account: &AccountId, name: &str) -> Result<Option<StoredMember>, StoreError> {
        self.inner.portal_member(api, account, name).await
    }

    async fn members(
        &self,
        api: &str,
        account: Option<&AccountId>,
        page: Page<MemberId>,
    ) -> Result<Vec<MemberRow>, StoreError> {
        self.inner.members(api, account, page).await
    }

    async fn session(
        &self,
        digest: TokenDigest,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Option<(SessionRow, StoredMember)>, StoreError> {
        self.inner.session(digest, idle, now).await
    }

    async fn sessions(&self, of: MemberId, idle: Duration, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
        self.inner.sessions(of, idle, now).await
    }

    async fn link(&self, digest: TokenDigest, now: Timestamp) -> Result<Option<(LinkRow, StoredMember)>, StoreError> {
        self.inner.link(digest, now).await
    }

    async fn touch_session(&self, digest: TokenDigest, seen_at: Timestamp) -> Result<(), StoreError> {
        self.inner.touch_session(digest, seen_at).await
    }
}

#[async_trait]
impl AuditChain for Stumbling {
    async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<AuditVerdict, StoreError> {
        self.inner.verify_audit(kept).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.inner.audit_head().await
    }
}

#[async_trait]
impl Calendar for Stumbling {
    async fn along(&self, api: &str, line: Line, span: Span, limit: usize) -> Result<Vec<(Place, KeyRow)>, StoreError> {
        self.inner.along(api, line, span, limit).await
    }

    async fn named(&self, api: &str, ids: Vec<KeyId>) -> Result<Vec<KeyRow>, StoreError> {
        self.inner.named(api, ids).await
    }

    async fn sweeps(&self, api: &str) -> Result<Vec<Sweep>, StoreError> {
        self.inner.sweeps(api).await
    }

    async fn keep_sweeps(&self, api: &str, sweeps: Vec<Sweep>) -> Result<(), StoreError> {
        self.inner.keep_sweeps(api, sweeps).await
    }

    async fn followed(&self) -> Result<Option<Sequence>, StoreError> {
        self.inner.followed().await
    }

    async fn keep_followed(&self, until: Sequence) -> Result<(), StoreError> {
        self.inner.keep_followed(until).await
    }
}
