//! Taking keys in and out by the thousand, and everything out at once.

use std::path::PathBuf;

use async_trait::async_trait;
use bitting_core::key::{KeyHash, KeyId};

use crate::change::ImportStanding;
use crate::error::StoreError;
use crate::row::StoredKey;

/// What imports, exports and backups need of a store.
#[async_trait]
pub trait Archive: Send + Sync {
    /// How keys that are to be imported into an API stand to what is there, in their order.
    async fn standings(&self, api: &str, keys: Vec<(KeyId, KeyHash)>) -> Result<Vec<ImportStanding>, StoreError>;

    /// Keys of an API with their digests, in the order of their ids, after one id, at most `limit`.
    async fn stored_keys(&self, api: &str, after: Option<KeyId>, limit: usize) -> Result<Vec<StoredKey>, StoreError>;

    /// Writes everything, as it was at one moment, to a new file for its owner alone, and returns the file's size in bytes.
    /// Changes go on meanwhile. When this returns, the file survives a loss of power.
    ///
    /// # Errors
    /// If there is such a file already, or it cannot be written; then there is none afterwards either.
    async fn back_up(&self, to: PathBuf) -> Result<u64, StoreError>;
}
