//! Imports, exports and backups, through the owner of the store or as its owner.

use std::path::PathBuf;

use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_engine::{Apis, check_imported};
use bitting_store::{Archive as _, AuditRow, ImportStanding, ImportedKey, Journal as _, Store, StoreError};

use super::client::confused;
use super::protocol::{Answer, Exported, Finding, Question};
use super::{Owner, now};
use crate::failure::Failure;

impl Owner {
    /// What would become of keys if they were imported. Those that are new and right are not mentioned.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn preview(&self, api: &str, keys: Vec<ImportedKey>) -> Result<Vec<Finding>, Failure> {
        match self {
            Self::Here { store, apis } => Ok(preview(store, apis, api, &keys, now(store).await?).await?),
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

pub(super) async fn preview(
    store: &dyn Store,
    apis: &Apis,
    api: &str,
    keys: &[ImportedKey],
    now: Timestamp,
) -> Result<Vec<Finding>, StoreError> {
    let standings = store.standings(api, keys.iter().map(|key| (key.id, key.hash)).collect()).await?;
    let mut wrong = check_imported(apis, api, keys, now).into_iter().peekable();
    let findings = standings.into_iter().enumerate().filter_map(|(number, standing)| {
        let violations = wrong.next_if(|(of, _)| *of == number).map_or_else(Vec::new, |(_, violations)| violations);
        let worth_telling = standing != ImportStanding::New || !violations.is_empty();
        worth_telling.then_some(Finding { number, standing, violations })
    });
    Ok(findings.collect())
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
