//! Keys that somebody else issued: taking them in, and learning their SHA-256 when they are first seen.

use std::collections::{BTreeMap, HashSet};

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyHash, KeyId};
use bitting_core::record::Sequence;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::effect::account_row;
use super::{Committed, Effect, Entry, Found, NewAccount, Refusal, RowWrite, Write};
use crate::row::{KeyRow, Provenance, StoredKey};

/// A key that somebody else issued, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedKey {
    /// Its public id from now on.
    pub id: KeyId,
    /// What was kept of it.
    pub hash: KeyHash,
    /// The beginning of its text, to recognise it by; may be empty.
    pub prefix: String,
    /// Its owner, who is made if there is no such account.
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its environment.
    pub environment: String,
    /// Its role.
    pub role: Option<String>,
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// The capabilities that are switched on.
    pub capabilities: Vec<String>,
    /// Where it may be used from; `None` is everywhere.
    pub allowed_addresses: Option<AddressList>,
    /// Its own numbers for limits of its plan, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
    /// The API's own notes.
    pub metadata: Map<String, Value>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it was made; `None` is now.
    pub created_at: Option<Timestamp>,
    /// From this instant on it is refused. It may lie in the past: who holds the key is then told that it has expired, and
    /// not that nobody knows it.
    pub expires_at: Option<Timestamp>,
    /// Whether it renews itself before its end, where its account's plan allows it.
    #[serde(default)]
    pub auto_renew: bool,
    /// When its present term began; `None` is when it was made.
    #[serde(default)]
    pub term_began_at: Option<Timestamp>,
    /// Since when it is ended for good.
    pub revoked_at: Option<Timestamp>,
}

/// How a key that is to be imported stands to what is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStanding {
    /// It can be taken in.
    New,
    /// The API has it already, and it stays as it is.
    There,
    /// Another API has it. Which one a key belongs to must be plain.
    Elsewhere,
    /// Its id is that of another key.
    IdTaken,
}

/// What a backend must read before keys can be imported.
#[derive(Debug)]
pub(crate) struct FoundImports {
    /// How each key stands, in their order.
    pub(crate) standings: Vec<ImportStanding>,
    /// Those of their accounts that exist.
    pub(crate) accounts: HashSet<AccountId>,
}

impl Entry {
    /// Takes in those keys that are new. One that belongs to another API, or whose id is taken, refuses them all.
    pub(super) fn import_keys(
        &self,
        api: &str,
        import: &str,
        keys: &[ImportedKey],
        found: FoundImports,
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        let (mut rows, mut ids) = (Vec::new(), Vec::new());
        let mut accounts = found.accounts;
        for (key, standing) in keys.iter().zip(found.standings) {
            match standing {
                ImportStanding::There => continue,
                ImportStanding::Elsewhere | ImportStanding::IdTaken => return Err(Refusal::KeyExists(key.id)),
                ImportStanding::New => {}
            }
            if accounts.insert(key.account.clone()) {
                let account = NewAccount { api: api.to_owned(), id: key.account.clone(), name: String::new(), plan: None };
                rows.push(RowWrite::NewAccount(account_row(&account, self.at, sequence)));
            }
            ids.push(key.id);
            rows.push(RowWrite::NewKey(self.imported(api, key, sequence)));
        }
        if ids.is_empty() {
            let nothing = Committed::empty(Sequence::default());
            return Ok(Effect::Unchanged(nothing));
        }
        let after = json!({"import": import, "count": ids.len(), "there_already": keys.len() - ids.len(), "keys": ids});
        Ok(Effect::Write(Write { rows, action: "keys.imported", subject: import.to_owned(), before: Value::Null, after }))
    }

    fn imported(&self, api: &str, key: &ImportedKey, sequence: Sequence) -> StoredKey {
        let provenance = match &key.hash {
            KeyHash::Sha256(_) => Provenance::Imported,
            other => Provenance::Unseen(other.clone()),
        };
        let row = KeyRow {
            id: key.id,
            api: api.to_owned(),
            account: key.account.clone(),
            name: key.name.clone(),
            description: key.description.clone(),
            prefix: key.prefix.clone(),
            environment: key.environment.clone(),
            role: key.role.clone(),
            permissions: key.permissions.clone(),
            capabilities: key.capabilities.clone(),
            allowed_addresses: key.allowed_addresses.clone(),
            limits: key.limits.clone(),
            metadata: key.metadata.clone(),
            enabled: key.enabled,
            created_at: key.created_at.unwrap_or(self.at),
            created_by: self.origin.actor.to_string(),
            updated_at: self.at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            replaced_by: None,
            replaces: None,
            auto_renew: key.auto_renew,
            term_began_at: key.term_began_at,
            end_when_unused_for_s: None,
            sequence,
        };
        StoredKey { digest: key.hash.place(api), provenance, row }
    }

    /// Keeps the SHA-256 of a key that was seen for the first time. Whatever else holds of it goes on to hold: a key that was
    /// revoked meanwhile stays so.
    pub(super) fn rehash_key(&self, id: KeyId, digest: Digest, found: Found, sequence: Sequence) -> Result<Effect, Refusal> {
        let old = found.key.ok_or(Refusal::NoSuchKey(id))?;
        let Provenance::Unseen(hash) = &old.provenance else {
            let (sequence, keys) = (old.row.sequence, vec![old]);
            return Ok(Effect::Unchanged(Committed { keys, ..Committed::empty(sequence) }));
        };
        let mut new = StoredKey { digest, provenance: Provenance::Seen(hash.clone()), row: old.row.clone() };
        (new.row.updated_at, new.row.sequence) = (self.at, sequence);
        Ok(Effect::Write(Write {
            action: "key.rehashed",
            subject: id.to_string(),
            before: json!(old.row),
            after: json!(new.row),
            rows: vec![RowWrite::RehashedKey(new)],
        }))
    }
}
