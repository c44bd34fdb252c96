//! The embedded store: one SQLite file, owned by one process.
//!
//! `journal_mode = WAL` lets readers list while the writer commits; `synchronous = FULL` has each commit wait for the disk,
//! so that what was acknowledged survives a loss of power. Its price is one sync for each batch, which is why the
//! engine gathers changes into batches.

mod backup;
mod calendar;
mod chain;
mod error;
mod event_marks;
mod events;
mod import;
mod listing;
mod lock;
mod meter;
mod open;
mod outbox;
mod overview;
mod people;
mod read;
mod restore;
mod rows;
mod webhooks;
mod write;

use std::sync::{Arc, Mutex, PoisonError};

use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::error::{in_doubt, unavailable};
use self::open::SqliteOptions;
pub use lock::OwnerLock;
pub use restore::Restoration;

use crate::Progress;
use crate::error::{StoreError, StoreErrorKind};

/// A store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SqliteOptions,
    writer: Mutex<Connection>,
    /// Connections that are not reading at the moment.
    idle_readers: Mutex<Vec<Connection>>,
    /// Released when the last user of the store is gone.
    lock: OwnerLock,
}

/// More idle readers than this are closed.
const IDLE_READERS: usize = 4;

impl SqliteStore {
    /// The store's file.
    pub fn path(&self) -> &std::path::Path {
        self.0.options.path()
    }

    /// How the live writer is set, as SQLite itself says: `journal_mode` and `synchronous`.
    ///
    /// # Errors
    /// If SQLite cannot be asked.
    pub async fn durability(&self) -> Result<(String, i64), StoreError> {
        self.write(|connection| {
            let journal = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0));
            let synchronous = connection.query_row("PRAGMA synchronous", [], |row| row.get(0));
            Ok((journal.map_err(unavailable)?, synchronous.map_err(unavailable)?))
        })
        .await
    }

    /// Runs on a thread that may block, with the only connection that writes.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        // A poisoned lock means a panic while writing; SQLite has rolled the transaction back with its drop.
        blocking(move || work(&mut inner.writer.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Runs in one transaction of the connection that writes. An error gives up all of it; only if it is the commit itself that
    /// fails, nobody knows.
    async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write(move |connection| {
            let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
            let answer = work(&mut transaction)?;
            transaction.commit().map_err(in_doubt)?;
            Ok(answer)
        })
        .await
    }

    /// Runs on a thread that may block, with a connection that only reads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let idle = inner.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = idle.map_or_else(|| open::reader(&inner.options), Ok)?;
            let answer = work(&connection);
            let mut idle = inner.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_READERS {
                idle.push(connection);
            }
            answer
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        // It panicked, or the runtime is going down: what it had written is not known.
        Err(error) => Err(StoreError::new(StoreErrorKind::OutcomeUnknown, "the store did not answer").because(error)),
    }
}

/// The only row of `progress`.
fn progress(connection: &Connection) -> Result<Progress, StoreError> {
    let sql = "SELECT sequence, time FROM progress";
    let row = |row: &rusqlite::Row<'_>| {
        let (sequence, time): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(Progress { sequence: Sequence(u64::try_from(sequence).unwrap_or_default()), time: Timestamp::from_millis(time) })
    };
    connection.query_row(sql, [], row).map_err(unavailable)
}
