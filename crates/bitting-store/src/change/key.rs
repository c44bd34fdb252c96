//! What is said of a key when it is made, changed or replaced.

use std::collections::BTreeMap;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyId};
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::present;

/// A new key, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewKey {
    /// The API's name.
    pub api: String,
    /// Its public id.
    pub id: KeyId,
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// The beginning of its text, to recognise it by.
    pub prefix: String,
    /// Its owner.
    pub account: AccountId,
    /// Whether the account is made with it if it does not exist.
    pub create_account: bool,
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
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Whether it renews itself before its end, where its account's plan allows it.
    #[serde(default)]
    pub auto_renew: bool,
    /// How many keys its account may have, this one included; `None` is as many as it likes. Revoked and expired ones do
    /// not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_limit: Option<u32>,
}

/// New values for a key. What is `None` stays; where a value can be absent, `Some(None)` removes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyPatch {
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its role.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub role: Option<Option<String>>,
    /// Its permissions, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<Permission>>,
    /// Capabilities to switch.
    #[serde(skip_serializing_if = "SwitchPatch::is_empty")]
    pub capabilities: SwitchPatch,
    /// Where it may be used from.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub allowed_addresses: Option<Option<AddressList>>,
    /// Its own numbers for limits of its plan, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u64>>,
    /// The API's own notes, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Whether it is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// From this instant on it is refused. With another end another term begins.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub expires_at: Option<Option<Timestamp>>,
    /// Whether it renews itself before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_renew: Option<bool>,
}

/// Switches to turn, each by its name, so that two people can turn two switches of one key at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SwitchPatch {
    /// To switch on.
    pub on: Vec<String>,
    /// To switch off.
    pub off: Vec<String>,
}

/// What is new about the key that takes another's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Successor {
    /// Its public id.
    pub id: KeyId,
    /// The SHA-256 of its text.
    pub digest: Digest,
    /// The beginning of its text.
    pub prefix: String,
    /// From this instant on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl SwitchPatch {
    fn is_empty(&self) -> bool {
        self.on.is_empty() && self.off.is_empty()
    }
}
