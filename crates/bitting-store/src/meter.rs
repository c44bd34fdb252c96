//! What must last of limits and usage.
//!
//! Nothing here is written for a single request. Of a lasting limit a block is *bought* before it is spent, so that whatever a
//! crash leaves behind says at least as much as was used; a clean end *settles* what was bought and not spent. Usage is added
//! up in memory and written in tallies about once a second.

use std::net::IpAddr;

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::event::Raised;
use crate::refused::Refused;
use crate::seen::SeenFrom;

/// Whose limit or usage it is. Each environment of an API counts by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The API's name.
    pub api: Box<str>,
    /// The environment's name.
    pub environment: Box<str>,
    /// Who of them.
    pub whose: Whose,
}

/// Who holds a limit or has used something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// One key.
    Key(KeyId),
    /// All keys of an account.
    Account(AccountId),
    /// Everybody.
    Api,
}

/// One window of one limit of one holder. Of each limit only the latest window is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Whose.
    pub holder: Holder,
    /// The limit's name.
    pub limit: Box<str>,
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next.
    pub end: Timestamp,
}

/// More of a window, to spend later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Of which window.
    pub window: Window,
    /// How much more. Zero only asks what there is.
    pub more: u64,
    /// How much of the window can be bought in all: what the limit allows.
    pub at_most: u64,
}

/// What a window holds after a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bought {
    /// What had been bought of it before, all of which counts as used by whoever does not know better.
    pub before: u64,
    /// What is bought now: `before` and what was asked for, but no more than `at_most`, and never less than `before`.
    pub now: u64,
}

/// The end of a purchase: what was used of a window, so that the rest can be bought again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Of which window.
    pub window: Window,
    /// How much of it was used in all.
    pub used: u64,
}

/// So many requests of one kind in one hour, to be added to those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Whose.
    pub holder: Holder,
    /// A moment in the hour, in UTC.
    pub at: Timestamp,
    /// The pattern of the route, as in `GET /v1/tasks/*`; empty where none was found.
    pub route: Box<str>,
    /// `admitted`, or the name of the reason for which it was refused or failed.
    pub outcome: Box<str>,
    /// How many.
    pub count: u64,
}

/// When and from where a key was used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// Which key.
    pub key: KeyId,
    /// When.
    pub at: Timestamp,
    /// From where, if that is known.
    pub address: Option<IpAddr>,
}

/// What was used and refused since the last time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UsageBatch {
    /// How many requests there were.
    pub tallies: Vec<Tally>,
    /// Which keys were used.
    pub last_uses: Vec<LastUse>,
    /// What was refused.
    pub refused: Vec<Refused>,
    /// From where keys were used. What of it is new is told in the same transaction.
    pub seen: Vec<SeenFrom>,
    /// What is worth telling of it.
    pub raised: Vec<Raised>,
}

/// Which usage is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageQuery {
    /// The API's name.
    pub api: Box<str>,
    /// One environment, or all of them together.
    pub environment: Option<Box<str>>,
    /// Whose.
    pub whose: Whose,
    /// One route's pattern, or all of them.
    pub route: Option<Box<str>>,
    /// From this hour on. The hour that it lies in is meant.
    pub from: Timestamp,
    /// Up to this hour, which is not among them.
    pub until: Timestamp,
}

/// So many requests of one kind in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// The first moment of the hour.
    pub hour: Timestamp,
    /// The pattern of the route.
    pub route: Box<str>,
    /// `admitted`, or the name of a reason.
    pub outcome: Box<str>,
    /// How many.
    pub count: u64,
}

/// How much was used, as it is charted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageSums {
    /// Requests that were let through, or answered by Bitting. Those that failed afterwards are among them.
    pub allowed: u64,
    /// Requests that a limit or quota refused.
    pub limited: u64,
    /// Requests that were refused for another reason.
    pub refused: u64,
}

/// Which keys are asked for by how much they were used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyQuery {
    /// The API's name.
    pub api: Box<str>,
    /// The keys of one account, or of all.
    pub account: Option<AccountId>,
    /// Those of one environment, or of all.
    pub environment: Option<Box<str>>,
    /// From this hour on. The hour that it lies in is meant.
    pub from: Timestamp,
    /// Up to this hour, which is not among them.
    pub until: Timestamp,
    /// The most keys to return.
    pub limit: usize,
}

/// How much a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusyKey {
    /// The key.
    pub key: KeyId,
    /// How much.
    pub sums: UsageSums,
}

/// What became of a request, as it is charted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was let through, or answered by Bitting.
    Allowed,
    /// A limit or quota refused it.
    Limited,
    /// It was refused for another reason.
    Refused,
    /// It was let through, which counts beside, and then nobody answered.
    Failed,
}

impl Fate {
    /// Of an outcome, by its name.
    pub fn of(outcome: &str) -> Self {
        match outcome {
            "admitted" | "answered" => Self::Allowed,
            "rate_limited" | "quota_exceeded" => Self::Limited,
            "upstream_unreachable" | "upstream_timeout" => Self::Failed,
            _ => Self::Refused,
        }
    }
}

impl UsageSums {
    /// Adds so many requests with one outcome. One that was let through and then failed was counted when it was let through.
    pub fn count(&mut self, outcome: &str, count: u64) {
        let sum = match Fate::of(outcome) {
            Fate::Allowed => &mut self.allowed,
            Fate::Limited => &mut self.limited,
            Fate::Refused => &mut self.refused,
            Fate::Failed => return,
        };
        *sum = sum.saturating_add(count);
    }

    /// Adds other sums.
    pub fn add(&mut self, other: Self) {
        self.allowed = self.allowed.saturating_add(other.allowed);
        self.limited = self.limited.saturating_add(other.limited);
        self.refused = self.refused.saturating_add(other.refused);
    }

    /// All requests.
    pub fn total(&self) -> u64 {
        self.allowed.saturating_add(self.limited).saturating_add(self.refused)
    }
}

/// What must last of limits and usage.
#[async_trait::async_trait]
pub trait MeterLog: Send + Sync {
    /// Buys more of some windows, in one transaction that is on the disk when this returns. If it fails in a way that leaves open
    /// whether it was written, more may have been bought than anybody knows of, and never less.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    async fn buy(&self, purchases: Vec<Purchase>) -> Result<Vec<Bought>, StoreError>;

    /// Says what was really used of some windows. A window that has been followed by a later one is passed over.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError>;

    /// What was bought of some windows, in their order: as much counts as used by whoever does not know better.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn bought(&self, windows: Vec<Window>) -> Result<Vec<u64>, StoreError>;

    /// What was bought of all windows that are not over.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn windows(&self, now: Timestamp) -> Result<Vec<(Window, u64)>, StoreError>;

    /// Adds to what was used, takes over when and from where keys were last used, notes what was refused and tells what is worth telling, in one transaction. Of two last uses
    /// of one key the later stays. A batch whose number is not higher than the [last one](Self::last_batch) was added before, and is passed over: so one
    /// of which nobody knows whether it was written is simply written again.
    ///
    /// # Errors
    /// If the store cannot be written; then nothing of it was added, unless the error says that the outcome is unknown.
    async fn add_usage(&self, number: u64, batch: UsageBatch) -> Result<(), StoreError>;

    /// The number of the last batch of usage that was added; zero in a new store.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn last_batch(&self) -> Result<u64, StoreError>;

    /// Usage by hour, route and outcome: hours in their order, then routes and outcomes by name.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageRow>, StoreError>;

    /// The keys that were used most, the busiest first. Those that were not used at all are missing.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn busiest_keys(&self, query: BusyQuery) -> Result<Vec<BusyKey>, StoreError>;

    /// When keys were last used; those that never were are missing.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError>;

    /// Forgets usage of an API of days that ended before a moment, and what was refused before it, at most so many rows, and says how
    /// many it were. Zero means that there are no more.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn forget_usage(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
