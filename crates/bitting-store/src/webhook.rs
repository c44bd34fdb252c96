//! Webhook endpoints and what was sent to them, as they are stored and shown.
//!
//! [`Webhooks`] is for whoever shows them, [`Outbox`] for the one task that sends. Endpoints change through
//! [`ChangeLog`](crate::ChangeLog) like everything else; deliveries are not changes, and have no audit rows.

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::event::{EventKind, Severity};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, SigningSecret, WebhookId, WebhookUrl};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::event::EventRow;
use crate::read::Page;

/// An endpoint without its secrets: this may be shown, logged and kept in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebhookRow {
    /// The public id.
    pub id: WebhookId,
    /// The API's name.
    pub api: String,
    /// Whose events it hears of; `None` is the operators', which hears of all of the API's.
    pub account: Option<AccountId>,
    /// Where messages go.
    pub url: WebhookUrl,
    /// What it is for.
    pub description: String,
    /// Of which events it hears; empty is all.
    pub events: Vec<EventKind>,
    /// Of these only such that are so severe or more.
    pub severity: Option<Severity>,
    /// Whether messages are sent. Those that are not wait.
    pub enabled: bool,
    /// Why Bitting has switched it off; `None` if it is on, or somebody did.
    pub disabled_because: Option<DisabledBecause>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The change that left it so.
    pub sequence: Sequence,
}

/// Why Bitting switched an endpoint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBecause {
    /// It answered 410: it is gone and wants no more.
    Gone,
    /// It has taken nothing for too long.
    Failing,
}

/// An endpoint with what it is signed with, and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredWebhook {
    /// Everything that may be shown.
    pub row: WebhookRow,
    /// What messages are signed with, the newest first.
    pub secrets: Vec<KeptSecret>,
    /// How often all that waits for it became due at once: when it was switched on, or leads elsewhere.
    pub epoch: u64,
    /// Since when it has taken nothing that was sent to it.
    pub failing_since: Option<Timestamp>,
}

/// A secret of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// When messages are no longer signed with it; `None` is the newest.
    pub until: Option<Timestamp>,
}

/// An endpoint as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedWebhook {
    /// The endpoint.
    pub row: WebhookRow,
    /// Since when it has taken nothing that was sent to it.
    pub failing_since: Option<Timestamp>,
    /// When it last took something.
    pub last_taken_at: Option<Timestamp>,
    /// How many deliveries wait; of more than [`MOST_COUNTED`] it says as many.
    pub waiting: u64,
    /// When each of its secrets ends, the newest first; that of the newest is `None`.
    pub secrets_until: Vec<Option<Timestamp>>,
}

/// Whose endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhooksOf {
    /// Everybody's.
    All,
    /// The operators'.
    Operators,
    /// An account's.
    Account(AccountId),
}

/// What is to be delivered to one endpoint, and how that goes.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRow {
    /// The public id.
    pub id: DeliveryId,
    /// The endpoint.
    pub webhook: WebhookId,
    /// The id of the message, `webhook-id`: the event's, or for a test the delivery's own.
    pub message: String,
    /// What it tells, as in `key.revoked`.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// Since when it is to be delivered.
    pub created_at: Timestamp,
    /// How far it is.
    pub state: DeliveryState,
    /// When it is sent next, if it waits and its endpoint is switched on.
    pub due_at: Timestamp,
    /// Since when it no longer waits.
    pub finished_at: Option<Timestamp>,
    /// How often it was sent.
    pub attempts: u32,
    /// The status of the last answer.
    pub last_status: Option<u16>,
    /// Why it did not arrive the last time.
    pub last_error: Option<String>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is still to be sent, for the first time or again.
    Waiting,
    /// The endpoint has taken it.
    Delivered,
    /// It is not sent again, unless somebody asks for it.
    Failed,
}

/// One attempt to deliver something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Which, from 1.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// The headers that were sent.
    pub sent: Vec<(String, String)>,
    /// What was answered.
    pub answer: Option<Answer>,
    /// Why it did not arrive, in words.
    pub error: Option<String>,
}

/// What an endpoint answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
}

/// Something to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The public id.
    pub id: DeliveryId,
    /// To which endpoint.
    pub webhook: WebhookId,
    /// The id of the message.
    pub message: String,
    /// What it tells.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// Now.
    pub at: Timestamp,
    /// Whether it is sent once at once, whether or not the endpoint is switched on, and not again: a test.
    pub is_test: bool,
}

/// Something that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDelivery {
    /// The public id.
    pub id: DeliveryId,
    /// To which endpoint.
    pub webhook: WebhookId,
    /// The id of the message.
    pub message: String,
    /// What is sent.
    pub body: String,
    /// How often it was sent since all that waits last became due at once.
    pub tries: u32,
    /// Whether it is a test, which is sent once.
    pub is_test: bool,
    /// When somebody asked for it to be sent at once, if somebody did: another one is asked for at another time.
    pub asked_at: Option<Timestamp>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The endpoint.
    pub webhook: WebhookId,
    /// Its epoch when this was sent.
    pub epoch: u64,
    /// The attempt; its number is given by the store.
    pub attempt: AttemptRow,
    /// What becomes of the delivery.
    pub verdict: Verdict,
    /// Whether it says how the endpoint stands, which a test does not.
    pub counts: bool,
    /// For whose asking it was sent. If somebody has asked since, it stays what it is by that: waiting, and urgent.
    pub asked_at: Option<Timestamp>,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint has taken it.
    Delivered,
    /// It is sent again then.
    Again(Timestamp),
    /// It is not sent again.
    Failed,
}

/// The most deliveries that are counted.
pub const MOST_COUNTED: u64 = 1_000;

/// How many endpoints an account may have, and the operators of an API.
pub const MOST_WEBHOOKS: u32 = 50;

/// Endpoints and deliveries, for people and programs that look after them.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Endpoints of an API, the newest first.
    ///
    /// # Errors
    /// If the store cannot be read, as with all of these.
    async fn webhooks(&self, api: &str, of: WebhooksOf, page: Page<WebhookId>) -> Result<Vec<ListedWebhook>, StoreError>;

    /// An endpoint of an API.
    async fn webhook(&self, api: &str, id: WebhookId) -> Result<Option<ListedWebhook>, StoreError>;

    /// Deliveries to an endpoint, the newest first; those in one state, or all.
    async fn deliveries(
        &self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError>;

    /// A delivery to an endpoint, with all attempts, the first one first.
    async fn delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<(DeliveryRow, Vec<AttemptRow>)>, StoreError>;
}

/// What is to be sent, for the one task that sends.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// All endpoints, of all APIs.
    ///
    /// # Errors
    /// If the store cannot be read, or written where something is written; as with all of these.
    async fn all_webhooks(&self) -> Result<Vec<StoredWebhook>, StoreError>;

    /// The last change that any endpoint there is was left by. Whoever has read them all and sees no other number has them as they are.
    async fn last_webhook_change(&self) -> Result<Sequence, StoreError>;

    /// The number of the last event whose deliveries were written down.
    async fn told_until(&self) -> Result<u64, StoreError>;

    /// Writes down in one transaction what is to be delivered, and up to which event that is all.
    async fn deliver(&self, new: Vec<NewDelivery>, told_until: Option<u64>) -> Result<(), StoreError>;

    /// Writes a test down, unless as many as that wait for its endpoint: then it says `false`.
    async fn deliver_test(&self, new: NewDelivery, most: usize) -> Result<bool, StoreError>;

    /// What is to be sent to an endpoint now, at most so much: first what became due when its epoch began.
    async fn due(&self, webhook: WebhookId, epoch: u64, now: Timestamp, limit: usize) -> Result<Vec<DueDelivery>, StoreError>;

    /// When the next thing is to be sent to an endpoint.
    async fn next_due(&self, webhook: WebhookId, epoch: u64) -> Result<Option<Timestamp>, StoreError>;

    /// What is to be sent once at once, whether or not its endpoint is switched on, of all endpoints but these.
    async fn urgent(&self, but: Vec<WebhookId>, limit: usize) -> Result<Vec<DueDelivery>, StoreError>;

    /// Writes down in one transaction what came of attempts.
    async fn attempted(&self, attempted: Vec<Attempted>) -> Result<(), StoreError>;

    /// Lets a delivery be sent again at once; `false` if there is none.
    async fn resend(&self, webhook: WebhookId, id: DeliveryId, now: Timestamp) -> Result<bool, StoreError>;

    /// Gives up what has waited since before a moment, and forgets what has not waited any more since before it and what was to be
    /// delivered to endpoints that are gone; of each at most so many. Says how many it were: zero means that there are no more.
    async fn forget_deliveries(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// How many deliveries wait; of more than `most` it says `most`.
    async fn count_waiting(&self, most: u64) -> Result<u64, StoreError>;
}

impl WebhookRow {
    /// Whether it hears of an event.
    pub fn hears(&self, event: &EventRow) -> bool {
        *self.api == *event.api
            && self.account.as_ref().is_none_or(|account| event.account.as_ref() == Some(account))
            && (self.events.is_empty() || self.events.contains(&event.kind))
            && self.severity.is_none_or(|least| event.kind.severity() >= least)
            // What was before it was there is not its business.
            && event.last_at >= self.created_at
    }
}

impl StoredWebhook {
    /// What messages are signed with at a time, the newest first.
    pub fn secrets_at(&self, now: Timestamp) -> Vec<SigningSecret> {
        let valid = self.secrets.iter().filter(|kept| kept.until.is_none_or(|until| now < until));
        valid.map(|kept| kept.secret.clone()).collect()
    }
}

impl DisabledBecause {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Gone, Self::Failing].into_iter().find(|why| why.name() == name)
    }
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}
