//! What must last.
//!
//! Everything that changes, changes through one entry, [`ChangeLog::append`]: a batch of [`Entry`]s in one transaction,
//! each with its audit row and its event, each admitted or refused on its own. What a [`Change`] does to the rows that it
//! touches is a pure function shared by all backends, so a backend only reads and writes rows. Reading is a small trait
//! for each role.
//!
//! A trait with one method for each kind of change (`create_key`, `revoke_key`…) was rejected: every backend would decide
//! anew what a rotation is, and no one place could say that a change, its audit row and its event are one transaction.

mod archive;
mod audit_chain;
mod calendar;
mod change;
mod error;
mod event;
mod event_marks;
mod member;
mod meter;
mod overview;
mod read;
mod refused;
mod row;
mod seen;
mod sqlite;
mod watch;
mod webhook;

use async_trait::async_trait;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;

pub use archive::Archive;
pub use audit_chain::{AuditChain, AuditFault, AuditHead, AuditVerdict, InvalidAuditHead};
pub use calendar::{Calendar, Line, Place, Span, Sweep};
pub use change::{
    AccountPatch, Actor, Change, Committed, Conditions, Entry, Idempotency, ImportStanding, ImportedKey, KeyPatch, Leak,
    LeakReport, MemberPatch, NewAccount, NewKey, NewLink, NewMember, NewSession, NewWebhook, Origin, Refusal, Sessions,
    Successor, SwitchPatch, WebhookPatch, key_facts,
};
pub use error::{StoreError, StoreErrorKind};
pub use event::{EventFilter, EventLog, EventRow, Fold, Raised};
pub use event_marks::EventMarks;
pub use member::{LinkPurpose, LinkRow, MemberRow, PasswordHash, People, SecondFactor, SessionRow, SignInWay, StoredMember};
pub use meter::{
    Bought, BusyKey, BusyQuery, Fate, Holder, LastUse, MeterLog, Purchase, Settlement, Tally, UsageBatch, UsageQuery, UsageRow,
    UsageSums, Whose, Window,
};
pub use overview::{
    Ages, COUNTED, Count, Counts, KeyState, Overview, OverviewKey, OverviewPlace, OverviewQuery, OverviewReader, Part, Sort,
    SortBy, View,
};
pub use read::{
    AccountReader, AuditFilter, AuditRow, Journal, KeyCursor, KeyFilter, KeyReader, KeySearch, Page, RecognisedKey, RingRow,
    RingSource, StatusFilter,
};
pub use refused::{
    KEPT_OF_KEY, KEPT_OF_KEYLESS, Refused, RefusedBearer, RefusedOf, RefusedQuery, RefusedReader, RefusedRequest, RefusedRow,
};
pub use row::{AccountRow, KeyRow, KeyStatus, Provenance, StoredKey};
pub use seen::SeenFrom;
pub use sqlite::{OwnerLock, Restoration, SqliteStore};
pub use watch::{BusyHour, BusyHourPage, BusyHourQuery, TrafficQuery, WatchReader};
pub use webhook::{
    Answer, AttemptRow, Attempted, DeliveryRow, DeliveryState, DisabledBecause, DueDelivery, KeptSecret, ListedWebhook,
    MOST_COUNTED, MOST_WEBHOOKS, NewDelivery, Outbox, StoredWebhook, Verdict, WebhookRow, Webhooks, WebhooksOf,
};

/// The one way in which anything is written.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// Writes a batch in one transaction and answers for each entry in order. When this returns `Ok`, all that it says
    /// was done survives a loss of power.
    ///
    /// # Errors
    /// With [`StoreErrorKind::OutcomeUnknown`] the batch may or may not have been written; with any other kind nothing was.
    async fn append(&self, batch: Vec<Entry>) -> Result<Vec<Result<Committed, Refusal>>, StoreError>;

    /// What the same request did before, if it was answered and that is not forgotten at this time; a refusal if the key was
    /// used for another request.
    async fn remembered(
        &self,
        idempotency: Idempotency,
        now: Timestamp,
    ) -> Result<Option<Result<Committed, Refusal>>, StoreError>;

    /// The number of the last commit and the latest time that was ever written, which engine time must not fall behind.
    async fn progress(&self) -> Result<Progress, StoreError>;

    /// Keeps a time, so that a restart does not begin before it.
    async fn keep_time(&self, at: Timestamp) -> Result<(), StoreError>;
}

/// How far a store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The number of the last commit; zero in a new store.
    pub sequence: Sequence,
    /// The latest time that was written.
    pub time: Timestamp,
}

/// All roles of a store. A backend implements the parts.
pub trait Store:
    ChangeLog
    + RingSource
    + KeyReader
    + OverviewReader
    + AccountReader
    + Journal
    + EventLog
    + EventMarks
    + Archive
    + MeterLog
    + RefusedReader
    + WatchReader
    + People
    + AuditChain
    + Webhooks
    + Outbox
    + Calendar
{
}

impl<S> Store for S where
    S: ChangeLog
        + RingSource
        + KeyReader
        + OverviewReader
        + AccountReader
        + Journal
        + EventLog
        + EventMarks
        + EventMarks
        + Archive
        + MeterLog
        + RefusedReader
        + WatchReader
        + People
        + AuditChain
        + Webhooks
        + Outbox
        + Calendar
{
}
