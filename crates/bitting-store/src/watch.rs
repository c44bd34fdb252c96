//! What was used and from where, for whoever looks whether that is as usual.

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::location::Places;
use bitting_core::time::Timestamp;

use crate::error::StoreError;

/// Which keys are asked for by what was used of them in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyHourQuery {
    /// The API's name.
    pub api: Box<str>,
    /// A moment in the hour.
    pub hour: Timestamp,
    /// Keys with fewer requests are left out.
    pub at_least: u64,
    /// Where the page before has ended.
    pub after: Option<u64>,
    /// At how many rows to look at once. A page may have fewer keys than that, and none.
    pub rows: usize,
}

/// Some of the keys that were used in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyHourPage {
    /// The keys.
    pub busy: Vec<BusyHour>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<u64>,
}

/// How much a key was used in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusyHour {
    /// The key.
    pub key: KeyId,
    /// How many requests there were, whatever became of them.
    pub count: u64,
}

/// Of which keys the hours are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficQuery {
    /// The API's name.
    pub api: Box<str>,
    /// The keys.
    pub keys: Vec<KeyId>,
    /// From this hour on. The hour that it lies in is meant.
    pub from: Timestamp,
    /// Up to this hour, which is not among them.
    pub until: Timestamp,
}

/// What is known of how keys are used.
#[async_trait]
pub trait WatchReader: Send + Sync {
    /// The keys with many requests in an hour, in an order of the store's own, page by page.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn busy_in(&self, query: BusyHourQuery) -> Result<BusyHourPage, StoreError>;

    /// How many requests there were with each of some keys in each hour, in their order. Hours without any have zero.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn traffic(&self, query: TrafficQuery) -> Result<Vec<Vec<u64>>, StoreError>;

    /// From where a key was used; `None` if that was never noted.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn places(&self, key: KeyId) -> Result<Option<Places>, StoreError>;
}
