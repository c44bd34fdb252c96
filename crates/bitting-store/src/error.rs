//! How a store fails.

use std::error::Error;
use std::fmt;

/// A failure of the store itself, not a refused change.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What can be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// It cannot be reached or written now: disk full, read-only, I/O error. Nothing was written; a retry can help.
    Unavailable,
    /// A commit was sent and its outcome is not known. The rows concerned must be read again.
    OutcomeUnknown,
    /// Another process owns it.
    Owned,
    /// It was written by a newer version of Bitting.
    TooNew,
    /// It is not what it should be: no store of Bitting's, damaged as a whole, or a path that cannot hold one.
    Unusable,
    /// A row holds what Bitting cannot have written. Other rows may be sound; a retry does not help.
    Damaged,
}

impl StoreError {
    /// A failure, in words that begin with what failed.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With the error behind it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What can be done about it.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
