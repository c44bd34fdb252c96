//! Reading, a small trait for each role.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyId};
use bitting_core::record::Sequence;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::row::{AccountRow, KeyRow, KeyStatus, Provenance, StoredKey};

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
    /// What the key is looked up by.
    pub digest: Digest,
    /// Whose key it was at first.
    pub provenance: Provenance,
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
    /// Its own numbers for limits of its plan, by their names.
    pub limits: BTreeMap<String, u64>,
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

    /// Keys of an API, newest first, or in the order of what is searched.
    async fn keys(&self, api: &str, filter: KeyFilter, page: Page<KeyCursor>) -> Result<Vec<KeyRow>, StoreError>;

    /// The keys that a key has made, and those that they have made, and so on, whatever their state. What a key was rotated
    /// from counts as the key itself.
    async fn descendants(&self, api: &str, of: KeyId) -> Result<Vec<KeyId>, StoreError>;

    /// The keys that stand under some digests, whatever their API, each at the place of its digest.
    async fn recognise(&self, digests: Vec<Digest>) -> Result<Vec<Option<RecognisedKey>>, StoreError>;
}

/// A key whose text somebody has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecognisedKey {
    /// The key.
    pub row: KeyRow,
    /// Whether the keys of its account are good.
    pub is_account_enabled: bool,
}

/// Which keys to list; what is `None` does not filter.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct KeyFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this environment.
    pub environment: Option<String>,
    /// In some states at this time.
    pub status: Option<(StatusFilter, Timestamp)>,
    /// Made by whoever writes themselves so in `created_by`.
    pub creator: Option<String>,
    /// Whether only those whose maker is a member who may no longer sign in.
    #[serde(default)]
    pub creator_removed: bool,
    /// Given exactly this permission.
    pub permission: Option<Permission>,
    /// Whose name or prefix begins so. Then the list is in that order, unless it is of one account.
    pub search: Option<KeySearch>,
}

/// In which states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilter {
    /// In every state but revoked.
    NotRevoked,
    /// In this one.
    Is(KeyStatus),
}

/// The beginning of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySearch {
    /// Of the name, the case of ASCII letters aside.
    Name(String),
    /// Of the prefix that is shown.
    Prefix(String),
}

/// Where a list of keys ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCursor {
    /// The last key.
    pub id: KeyId,
    /// Its name, its prefix, or its end in milliseconds since 1970, where that gives the order.
    pub text: Option<String>,
}

impl KeyFilter {
    /// Whether the list is in the order of what is searched.
    pub fn is_by_text(&self) -> bool {
        self.search.is_some() && self.account.is_none()
    }

    /// Whether the list is in the order of the keys' ends, the latest first: of expired keys there may be millions, which
    /// nobody wants to have sorted by anything else.
    pub fn is_by_end(&self) -> bool {
        let is_expired = matches!(self.status, Some((StatusFilter::Is(KeyStatus::Expired), _)));
        let has_creator = self.creator.is_some() || self.creator_removed;
        let leads = [self.account.is_some(), self.search.is_some(), has_creator, self.permission.is_some()];
        is_expired && !leads.contains(&true)
    }

    /// Where a list under this filter ends if it ends with this key.
    pub fn cursor(&self, last: &KeyRow) -> KeyCursor {
        let text = match &self.search {
            Some(KeySearch::Name(_)) if self.is_by_text() => Some(last.name.clone()),
            Some(KeySearch::Prefix(_)) if self.is_by_text() => Some(last.prefix.clone()),
            _ if self.is_by_end() => last.expires_at.map(|end| end.as_millis().to_string()),
            _ => None,
        };
        KeyCursor { id: last.id, text }
    }
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

    /// Accounts of an API in the order of their ids, of those whose ids begin with a text.
    async fn accounts(&self, api: &str, begin: &str, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError>;
}

/// What has happened, in the order of commits.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Audit rows after a commit.
    async fn audit(&self, after: Sequence, limit: usize) -> Result<Vec<AuditRow>, StoreError>;

    /// Audit rows of an API, newest first.
    async fn audit_log(&self, api: &str, filter: AuditFilter, page: Page<Sequence>) -> Result<Vec<AuditRow>, StoreError>;
}

/// Which audit rows to list; what is `None` does not filter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditFilter {
    /// Done by whoever writes themselves so.
    pub actor: Option<String>,
    /// Done to this key or account.
    pub subject: Option<String>,
    /// Of this kind, as in `key.revoked`.
    pub action: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
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
    /// Where it came from, if it came over the network.
    pub address: Option<String>,
    /// What was done, as in `key.revoked`.
    pub action: String,
    /// The id of what was changed.
    pub subject: String,
    /// As it was; null if it was not there.
    pub before: Value,
    /// As it is.
    pub after: Value,
}

impl From<&StoredKey> for RingRow {
    fn from(key: &StoredKey) -> Self {
        let row = &key.row;
        Self {
            digest: key.digest,
            provenance: key.provenance.clone(),
            id: row.id,
            api: row.api.clone(),
            account: row.account.clone(),
            environment: row.environment.clone(),
            rights: rights_text(row),
            allowed_addresses: row.allowed_addresses.clone(),
            limits: row.limits.clone(),
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
