//! Entries to append, in as few words as a test needs.

use std::collections::BTreeMap;

use bitting_core::key::{Digest, KeyHash, KeyId};
use bitting_core::time::Timestamp;
use bitting_store::{
    AccountPatch, Actor, Change, Conditions, Entry, ImportedKey, KeyPatch, NewAccount, NewKey, Origin, Successor,
};
use serde_json::Map;

pub(crate) const API: &str = "csboard";

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// The id of the `number`th key.
pub(crate) fn id(number: u8) -> KeyId {
    KeyId::new(at(1_000 + i64::from(number)), u128::from(number))
}

pub(crate) fn digest(number: u8) -> Digest {
    Digest::from_bytes([number; 32])
}

pub(crate) fn entry(ms: i64, change: Change) -> Entry {
    let actor = Actor::CommandLine("tester".into());
    let origin = Origin { actor, request_id: format!("request-{ms}"), address: Some([192, 0, 2, 1].into()) };
    Entry { change, origin, conditions: Conditions::default(), at: at(ms) }
}

pub(crate) fn new_account(name: &str) -> Change {
    Change::CreateAccount(NewAccount { api: API.into(), id: name.parse().unwrap(), name: format!("{name} Inc."), plan: None })
}

pub(crate) fn suspend(name: &str) -> Change {
    let patch = AccountPatch { enabled: Some(false), ..AccountPatch::default() };
    Change::UpdateAccount { api: API.into(), account: name.parse().unwrap(), patch }
}

pub(crate) fn new_key(number: u8, account: &str) -> Change {
    Change::CreateKey(Box::new(NewKey {
        api: API.into(),
        id: id(number),
        digest: digest(number),
        prefix: format!("csb_pub_{number}"),
        account: account.parse().unwrap(),
        create_account: false,
        name: format!("key {number}"),
        description: String::new(),
        environment: "live".into(),
        role: Some("viewer".into()),
        permissions: vec!["tasks:read".parse().unwrap()],
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: BTreeMap::new(),
        metadata: Map::new(),
        expires_at: None,
        auto_renew: false,
        account_limit: None,
    }))
}

pub(crate) fn update(number: u8, patch: KeyPatch) -> Change {
    Change::UpdateKey { api: API.into(), key: id(number), patch: Box::new(patch) }
}

pub(crate) fn rename(number: u8, name: &str) -> Change {
    update(number, KeyPatch { name: Some(name.into()), ..KeyPatch::default() })
}

pub(crate) fn rotate(number: u8, into: u8, old_ends_at: Option<i64>) -> Change {
    let successor =
        Successor { id: id(into), digest: digest(into), prefix: format!("csb_pub_{into}"), expires_at: Some(at(900_000)) };
    let old_ends_at = old_ends_at.map(at);
    Change::RotateKey { api: API.into(), key: id(number), successor, old_ends_at, end_when_unused_for_s: None }
}

pub(crate) fn revoke(number: u8) -> Change {
    Change::RevokeKey { api: API.into(), key: id(number) }
}

/// A key that somebody else issued.
pub(crate) fn imported(number: u8, hash: KeyHash) -> ImportedKey {
    ImportedKey {
        id: id(number),
        hash,
        prefix: "old_".into(),
        account: "importer".parse().unwrap(),
        name: format!("key {number}"),
        description: String::new(),
        environment: "live".into(),
        role: None,
        permissions: vec!["tasks:read".parse().unwrap()],
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: BTreeMap::new(),
        metadata: Map::new(),
        enabled: true,
        created_at: Some(at(7)),
        expires_at: None,
        auto_renew: false,
        term_began_at: None,
        revoked_at: None,
    }
}

pub(crate) fn import(keys: impl Into<Vec<ImportedKey>>) -> Change {
    Change::ImportKeys { api: API.into(), import: "imp_1".into(), keys: keys.into() }
}
