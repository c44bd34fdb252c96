//! Imports, exports and backups, through the owner of the store or as its owner.

use std::path::PathBuf;

use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_engine::{ImportFinding, UsageReport, UsageStep, preview_import};
use bitting_store::{Archive as _, AuditRow, ImportedKey, Journal as _, LastUse, MeterLog as _, Store, StoreError, UsageQuery};

use super::client::confused;
use super::protocol::{Answer, Exported, Question};
use super::{Owner, now};
use crate::failure::Failure;

impl Owner {
    /// What would become of keys if they were imported. Those that are new and right are not mentioned.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn preview(&self, api: &str, keys: Vec<ImportedKey>) -> Result<Vec<ImportFinding>, Failure> {
        match self {
            Self::Here { store, apis } => Ok(preview_import(store, apis, api, &keys, now(store).await?).await?),
            Self::There(client) => match client.ask(Question::Preview { api: api.to_owned(), keys }).await? {
                Answer::Previewed(findings) => Ok(findings),
                _ => Err(confused()),
            },
        }
    }

    /// Keys of an API in the order of their ids.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn export(&self, api: &str, after: Option<KeyId>, limit: usize, hashes: bool) -> Result<Vec<Exported>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(export(store, api, after, limit, hashes).await?),
            Self::There(client) => match client.ask(Question::Export { api: api.to_owned(), after, limit, hashes }).await? {
                Answer::Exported(keys) => Ok(keys),
                _ => Err(confused()),
            },
        }
    }

    /// What was used, exactly as of now.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn usage(&self, query: UsageQuery, step: UsageStep) -> Result<UsageReport, Failure> {
        match self {
            Self::Here { store, .. } => Ok(UsageReport::of(store, query, step).await?),
            Self::There(client) => match client.ask(Question::Usage { query, step }).await? {
                Answer::Used(rows) => Ok(UsageReport { rows }),
                _ => Err(confused()),
            },
        }
    }

    /// When and from where a key was used last, exactly as of now.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn last_use(&self, key: KeyId) -> Result<Option<LastUse>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.last_uses(vec![key]).await?.first().copied()),
            Self::There(client) => match client.ask(Question::LastUse { key }).await? {
                Answer::LastUsed(last) => Ok(last),
                _ => Err(confused()),
            },
        }
    }

    /// Audit rows after a commit, of all APIs.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn audit(&self, after: Sequence, limit: usize) -> Result<Vec<AuditRow>, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.audit(after, limit).await?),
            Self::There(client) => match client.ask(Question::Audit { after, limit }).await? {
                Answer::Audit(rows) => Ok(rows),
                _ => Err(confused()),
            },
        }
    }

    /// Writes everything to a new file and returns its size in bytes. A server writes it as its own user.
    ///
    /// # Errors
    /// If there is such a file already, or it cannot be written.
    pub async fn back_up(&self, to: PathBuf) -> Result<u64, Failure> {
        match self {
            Self::Here { store, .. } => Ok(store.back_up(to).await?),
            Self::There(client) => match client.ask(Question::BackUp { to }).await? {
                Answer::BackedUp(bytes) => Ok(bytes),
                _ => Err(confused()),
            },
        }
    }
}

pub(super) async fn export(
    store: &dyn Store,
    api: &str,
    after: Option<KeyId>,
    limit: usize,
    hashes: bool,
) -> Result<Vec<Exported>, StoreError> {
    let keys = store.stored_keys(api, after, limit).await?;
    Ok(keys.into_iter().map(|key| Exported { hash: hashes.then(|| key.hash()), row: key.row }).collect())
}
