//! Exports and backups of the SQLite store.

use std::fs::File;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bitting_core::key::{KeyHash, KeyId};
use rusqlite::Connection;

use super::SqliteStore;
use super::error::unavailable;
use super::import::standing;
use super::read::{rows, sql_limit};
use super::rows::{KEY_COLUMNS, stored_key};
use crate::archive::Archive;
use crate::change::ImportStanding;
use crate::error::{StoreError, StoreErrorKind};
use crate::row::StoredKey;

#[async_trait]
impl Archive for SqliteStore {
    async fn standings(&self, api: &str, keys: Vec<(KeyId, KeyHash)>) -> Result<Vec<ImportStanding>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| keys.iter().map(|(id, hash)| standing(connection, &api, *id, hash)).collect()).await
    }

    async fn stored_keys(&self, api: &str, after: Option<KeyId>, limit: usize) -> Result<Vec<StoredKey>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let sql = format!(
                "SELECT {KEY_COLUMNS} FROM api_key INDEXED BY api_key_by_api WHERE api = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
            );
            let after = after.map_or(Vec::new(), |id| id.to_bytes().to_vec());
            rows(connection, &sql, (api, after, sql_limit(limit)), stored_key)
        })
        .await
    }

    async fn back_up(&self, to: PathBuf) -> Result<u64, StoreError> {
        self.read(move |connection| back_up(connection, &to)).await
    }
}

/// `VACUUM INTO` reads under one transaction, beside which the writer goes on. SQLite's online backup was rejected: it begins
/// anew whenever another connection has written, and would never end while the server is busy.
fn back_up(connection: &Connection, to: &Path) -> Result<u64, StoreError> {
    let failed = |error: std::io::Error| {
        let message = match error.kind() {
            std::io::ErrorKind::AlreadyExists => format!("there is a file {} already, and it stays as it is", to.display()),
            _ => format!("the backup {} cannot be written", to.display()),
        };
        StoreError::new(StoreErrorKind::Unusable, message).because(error)
    };
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if to.exists() {
        return Err(failed(std::io::ErrorKind::AlreadyExists.into()));
    }
    // Under a name of its own until it is whole, so that half a backup never looks like one. Nobody else may read it.
    let half = tempfile::Builder::new().prefix(".bitting-backup-").tempfile_in(folder).map_err(failed)?;
    let path = half.path().to_str().ok_or_else(|| {
        let message = format!("the folder {} has a name that is no text; choose another", folder.display());
        StoreError::new(StoreErrorKind::Unusable, message)
    })?;
    connection.execute("VACUUM INTO ?1", [path]).map_err(unavailable)?;
    // SQLite does not wait for the disk here.
    half.as_file().sync_all().map_err(failed)?;
    let whole = half.persist_noclobber(to).map_err(|error| failed(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    whole.metadata().map(|metadata| metadata.len()).map_err(failed)
}
