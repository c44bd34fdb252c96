//! Reading, a small trait for each role.

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyId};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::row::{AccountRow, KeyRow, KeyStatus, StoredKey};

/// What the engine's map is filled from. Revoked and expired keys are among it: a key that is not found is unknown.
#[async_trait]
pub trait RingSource: Send + Sync {
    /// Every account.
    async fn ring_accounts(&self) -> Result<Vec<AccountRow>, StoreError>;

    /// How many keys there are.
    async fn key_count(&self) -> Result<u64, StoreError>;

    /// Keys in the order of their ids, after one id, at most `limit`. Fewer than `limit` means that there are no more.
    async fn ring_keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<RingRow>, StoreError>;

    /// One key, whatever its API: to learn what holds after a commit whose outcome was not known.
    async fn ring_key(&self, id: KeyId) -> Result<Option<RingRow>, StoreError>;
}

/// What deciding needs of a key, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RingRow {
    /// The SHA-256 of the key.
    pub digest: Digest,
    /// Its public id.
    pub id: KeyId,
    /// The API's name.
    pub api: String,
    /// Its owner.
    pub account: AccountId,
    /// Its environment.
    pub environment: String,
    /// Role, permissions and capabilities as JSON text, `[role, [permission…], [capability…]]`: a million keys share a
    /// handful of these, so that the text is read once for each, not once for each key.
    pub rights: String,
    /// Where it may be used from; `None` is everywhere.
    pub allowed_addresses: Option<AddressList>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it is ended for good.
    pub revoked: bool,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// The change that left it so.
    pub sequence: Sequence,
}

/// Keys, for people and programs that manage them.
#[async_trait]
pub trait KeyReader: Send + Sync {
    /// A key of an API by its id.
    async fn key(&self, api: &str, id: KeyId) -> Result<Option<KeyRow>, StoreError>;

    /// Keys of an API, newest first.
    async fn keys(&self, api: &str, filter: KeyFilter, page: Page<KeyId>) -> Result<Vec<KeyRow>, StoreError>;
}

/// Which keys to list; what is `None` does not filter.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct KeyFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this environment.
    pub environment: Option<String>,
    /// In this state at this time.
    pub status: Option<(KeyStatus, Timestamp)>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<Cursor> {
    /// Where the last part ended; `None` begins.
    pub after: Option<Cursor>,
    /// The most items to return.
    pub limit: usize,
}

/// Accounts, for people and programs that manage them.
#[async_trait]
pub trait AccountReader: Send + Sync {
    /// An account of an API by its id.
    async fn account(&self, api: &str, id: &AccountId) -> Result<Option<AccountRow>, StoreError>;

    /// Accounts of an API in the order of their ids.
    async fn accounts(&self, api: &str, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError>;
}

/// What has happened, in the order of commits.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Audit rows after a commit.
    async fn audit(&self, after: Sequence, limit: usize) -> Result<Vec<AuditRow>, StoreError>;

    /// Events after a commit.
    async fn events(&self, after: Sequence, limit: usize) -> Result<Vec<EventRow>, StoreError>;
}

/// Who changed what. It holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// The commit.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// The API's name.
    pub api: String,
    /// Who, as text.
    pub actor: String,
    /// The request that it came with.
    pub request_id: String,
    /// What was done, as in `key.revoked`.
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// As it was; null if it was not there.
    pub before: Value,
    /// As it is.
    pub after: Value,
}

/// Something that others may want to hear of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// The commit that caused it.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// The API's name.
    pub api: String,
    /// What happened, as in `key.revoked`.
    pub name: String,
    /// What it happened to, as it then was.
    pub payload: Value,
}

impl From<&StoredKey> for RingRow {
    fn from(key: &StoredKey) -> Self {
        let row = &key.row;
        Self {
            digest: key.digest,
            id: row.id,
            api: row.api.clone(),
            account: row.account.clone(),
            environment: row.environment.clone(),
            rights: rights_text(row),
            allowed_addresses: row.allowed_addresses.clone(),
            enabled: row.enabled,
            revoked: row.revoked_at.is_some(),
            expires_at: row.expires_at,
            sequence: row.sequence,
        }
    }
}

/// Role, permissions and capabilities in the form of [`RingRow::rights`].
pub(crate) fn rights_text(row: &KeyRow) -> String {
    serde_json::json!([row.role, row.permissions, row.capabilities]).to_string()
}
