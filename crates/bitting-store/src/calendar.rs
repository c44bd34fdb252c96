//! Keys in the order in which time does something to them, for whoever tells of it or acts on it.
//!
//! Nobody can look at a million keys each minute to see whose end has come near. So keys are read along [lines](Line), each an index in the
//! order of a time, and how far each was read is [kept](Sweep): what has become due since stands between that place and now. A key that
//! is changed so that it stands in a part that was read before is found in the audit log, which is [followed](Calendar::followed).

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::row::KeyRow;

/// Keys by their times.
#[async_trait]
pub trait Calendar: Send + Sync {
    /// The keys of an API along a line, after one place and up to a time, at most so many, each with its place. Fewer are all.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn along(&self, api: &str, line: Line, span: Span, limit: usize) -> Result<Vec<(Place, KeyRow)>, StoreError>;

    /// Keys of an API by their ids; those that are not there are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn named(&self, api: &str, ids: Vec<KeyId>) -> Result<Vec<KeyRow>, StoreError>;

    /// How far the keys of an API were looked through.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn sweeps(&self, api: &str) -> Result<Vec<Sweep>, StoreError>;

    /// Keeps how far.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn keep_sweeps(&self, api: &str, sweeps: Vec<Sweep>) -> Result<(), StoreError>;

    /// The last commit that was looked at for changes of keys; `None` if none ever was.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn followed(&self) -> Result<Option<Sequence>, StoreError>;

    /// Keeps it.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn keep_followed(&self, until: Sequence) -> Result<(), StoreError>;
}

/// An order of keys. Revoked ones stand on none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// By when they end.
    Ending,
    /// Those that renew themselves and are not replaced, by when they end.
    Renewing,
    /// Those that are replaced and end when they are unused, by when they were made.
    Leaving,
    /// Those of an environment that are switched on, by when they were made.
    Made(String),
    /// Those that are switched on and were used, by the minute in which they were used last.
    Used,
    /// Those that are switched on and were never used, by when they were made.
    NeverUsed,
}

/// A place on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The time that the line is in the order of.
    pub at: Timestamp,
    /// Of the keys of one time, which.
    pub key: KeyId,
}

/// A part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// It begins after this place.
    pub after: Place,
    /// It ends with this time.
    pub until: Timestamp,
}

/// How far the keys of an API were looked through for one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// For what.
    pub stage: String,
    /// Since when. What was so before is not told.
    pub since: Timestamp,
    /// The last place that was looked at.
    pub place: Place,
}

impl Place {
    /// Behind all keys of a time.
    pub fn end_of(at: Timestamp) -> Self {
        Self { at, key: KeyId::from_bytes([u8::MAX; 16]) }
    }
}
