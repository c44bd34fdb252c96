//! Events: what happened that others may want to hear of, in the order in which it was written.

use std::time::Duration;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::event::{EventId, EventKind, Severity};
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use serde_json::Value;

use crate::error::StoreError;
use crate::read::Page;

/// Something that happened, to be written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Raised {
    /// What.
    pub kind: EventKind,
    /// The API's name.
    pub api: Box<str>,
    /// The account that it is about; `None` is told to operators alone.
    pub account: Option<AccountId>,
    /// The key that it is about.
    pub key: Option<KeyId>,
    /// When.
    pub at: Timestamp,
    /// How often since it was last written down.
    pub count: u64,
    /// What it is put together with.
    pub fold: Fold,
    /// What is known of it: an object of the catalogue's fields, without any secret.
    pub data: Value,
}

/// What an event is put together with, among those of its API and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fold {
    /// Nothing: it is an event of its own.
    Each,
    /// It is written once, however often and by whomever it is raised under this name.
    Once(String),
    /// It goes on with the latest event of this subject, which is counted up and takes the later data.
    Episode {
        /// What is told apart.
        subject: String,
        /// …if that last happened so long ago or less.
        gap: Duration,
        /// …and began so long ago or less.
        most: Duration,
    },
}

impl Fold {
    /// The name under which it is looked for.
    pub(crate) fn subject(&self) -> Option<&str> {
        match self {
            Self::Each => None,
            Self::Once(subject) | Self::Episode { subject, .. } => Some(subject),
        }
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its number: whatever is written later has a higher one.
    pub number: u64,
    /// When it happened first.
    pub at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
    /// How often it happened.
    pub count: u64,
    /// The API's name.
    pub api: Box<str>,
    /// The account that it is about.
    pub account: Option<AccountId>,
    /// The key that it is about.
    pub key: Option<KeyId>,
    /// What happened.
    pub kind: EventKind,
    /// What is known of it.
    pub data: Value,
}

impl EventRow {
    /// Its public id.
    pub fn id(&self) -> EventId {
        EventId::new(self.at, self.number)
    }
}

/// Which events of an API to list; what is `None` or empty does not filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// About this account or its keys.
    pub account: Option<AccountId>,
    /// About this key.
    pub key: Option<KeyId>,
    /// Of these kinds.
    pub kinds: Vec<EventKind>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Warnings and critical ones alone.
    pub urgent: bool,
    /// Written later than the one of this number.
    pub since: Option<u64>,
    /// Not begun before.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub until: Option<Timestamp>,
}

/// What happened, written by whoever notices it and read by whoever wants to hear of it. What a change causes is written with the
/// change ([`ChangeLog`](crate::ChangeLog)), what requests cause with their usage ([`UsageBatch`](crate::UsageBatch)).
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Writes events down in one transaction.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn raise(&self, raised: Vec<Raised>) -> Result<(), StoreError>;

    /// Events of an API, the newest first: those before a number.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn events(&self, api: &str, filter: EventFilter, page: Page<u64>) -> Result<Vec<EventRow>, StoreError>;

    /// Events of an API, the oldest first: those that the filter says to have been written since.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn events_since(&self, api: &str, filter: EventFilter, limit: usize) -> Result<Vec<EventRow>, StoreError>;

    /// Events of all APIs after a number, the oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn events_after(&self, number: u64, limit: usize) -> Result<Vec<EventRow>, StoreError>;

    /// How many events there are; of more than `most` it says `most`.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn count_events(&self, api: &str, filter: EventFilter, most: usize) -> Result<usize, StoreError>;

    /// The number of the last event that was written; zero before the first.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn last_event(&self) -> Result<u64, StoreError>;

    /// Forgets events of an API that were over before a moment, at most so many, and says how many it were. Zero means that there
    /// are no more.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn forget_events(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
