//! What SQLite's errors mean to Bitting.

use rusqlite::{Error, ErrorCode};

use crate::error::{StoreError, StoreErrorKind};

/// Says what went wrong while reading or writing rows, before any commit.
pub(super) fn unavailable(error: Error) -> StoreError {
    if let Error::FromSqlConversionFailure(..)
    | Error::IntegralValueOutOfRange(..)
    | Error::InvalidColumnType(..)
    | Error::Utf8Error(..) = error
    {
        return damaged("a column", error);
    }
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (StoreErrorKind::Unavailable, "the disk of the store is full"),
        Some(ErrorCode::ReadOnly) => (StoreErrorKind::Unavailable, "the store is read-only"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (StoreErrorKind::Unavailable, "another program keeps the store busy")
        }
        Some(ErrorCode::DatabaseCorrupt) => (StoreErrorKind::Unusable, "the store is damaged"),
        Some(ErrorCode::NotADatabase) => (StoreErrorKind::Unusable, "the file is not an SQLite database"),
        Some(ErrorCode::CannotOpen) => (StoreErrorKind::Unavailable, "the store cannot be opened"),
        _ => (StoreErrorKind::Unavailable, "the store failed"),
    };
    StoreError::new(kind, message).because(error)
}

/// Says that COMMIT itself failed: the log may hold it or not.
pub(super) fn in_doubt(error: Error) -> StoreError {
    StoreError::new(StoreErrorKind::OutcomeUnknown, "it is not known whether the store took the change").because(error)
}

/// A stored value that Bitting cannot have written.
pub(super) fn damaged(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, format!("the store is damaged: {what}")).because(error)
}
