//! Accounts and keys as they are stored and shown.

use std::collections::BTreeMap;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyHash, KeyId};
use bitting_core::record::Sequence;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An account of one API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The API's name.
    pub api: String,
    /// Its id, unique in the API.
    pub id: AccountId,
    /// A name for people.
    pub name: String,
    /// Its plan; `None` is the API's first. Audit rows from before there were plans have none.
    #[serde(default)]
    pub plan: Option<String>,
    /// Whether its keys are good.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The change that left it so.
    pub sequence: Sequence,
}

impl AccountRow {
    /// What it is called: its name, or its id where it has none.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.id.as_str() } else { &self.name }
    }
}

/// A key without anything secret: this may be shown, logged and kept in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Its public id.
    pub id: KeyId,
    /// The API's name.
    pub api: String,
    /// Its owner.
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The beginning of the key, to recognise it by.
    pub prefix: String,
    /// Its environment.
    pub environment: String,
    /// Its role.
    pub role: Option<String>,
    /// Its permissions as they were given.
    pub permissions: Vec<Permission>,
    /// The capabilities that are switched on.
    pub capabilities: Vec<String>,
    /// Where it may be used from; `None` is everywhere.
    pub allowed_addresses: Option<AddressList>,
    /// Its own numbers for limits of its plan, by their names; where there is none, the plan's holds. Audit rows from before
    /// there were plans have none.
    #[serde(default)]
    pub limits: BTreeMap<String, u64>,
    /// The API's own notes.
    pub metadata: Map<String, Value>,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Since when it is ended for good.
    pub revoked_at: Option<Timestamp>,
    /// The key that it was rotated into.
    pub replaced_by: Option<KeyId>,
    /// The key that it was rotated from.
    pub replaces: Option<KeyId>,
    /// Whether it renews itself before its end, where its account's plan allows it. Audit rows from before there was renewal have
    /// neither this nor what follows.
    #[serde(default)]
    pub auto_renew: bool,
    /// When its present term began: when it was made, when it was given its end by hand, or when it was last renewed to. `None` is
    /// when it was made.
    #[serde(default)]
    pub term_began_at: Option<Timestamp>,
    /// How many seconds it must be unused to end before its overlap with its successor is over; `None` is that it does not.
    #[serde(default)]
    pub end_when_unused_for_s: Option<u64>,
    /// The change that left it so.
    pub sequence: Sequence,
}

/// A key with the digest that it is looked up by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredKey {
    /// What the key is looked up by: its SHA-256, or the place of the hash by which it was imported and not seen since.
    pub digest: Digest,
    /// Whose key it was at first.
    #[serde(default)]
    pub provenance: Provenance,
    /// Everything else.
    pub row: KeyRow,
}

/// Whose key it was at first, and by what it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Bitting issued it.
    #[default]
    Issued,
    /// It was imported by its SHA-256.
    Imported,
    /// It was imported by this hash, which is not its SHA-256, and nobody has used it since.
    Unseen(KeyHash),
    /// It was imported by this hash, and its SHA-256 is known since it was used.
    Seen(KeyHash),
}

impl Provenance {
    /// Whether somebody else issued it, so that it need not fit the API's format.
    pub fn is_imported(&self) -> bool {
        *self != Self::Issued
    }
}

impl StoredKey {
    /// What is known of the key's text.
    pub fn hash(&self) -> KeyHash {
        match &self.provenance {
            Provenance::Unseen(hash) => hash.clone(),
            Provenance::Issued | Provenance::Imported | Provenance::Seen(_) => KeyHash::Sha256(self.digest),
        }
    }
}

/// A key's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It works.
    Active,
    /// It is switched off.
    Disabled,
    /// Its time is over.
    Expired,
    /// It is ended for good.
    Revoked,
}

impl KeyRow {
    /// How long its present term is: how long it is renewed for, and how long its successor lives. `None` if it has no end.
    pub fn term(&self) -> Option<Duration> {
        self.expires_at.map(|end| end.since(self.term_began_at.unwrap_or(self.created_at)))
    }

    /// The key's state at a time, its account aside.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if self.expires_at.is_some_and(|end| now >= end) {
            KeyStatus::Expired
        } else if self.enabled {
            KeyStatus::Active
        } else {
            KeyStatus::Disabled
        }
    }
}

impl KeyStatus {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}
