//! Revocations and restrictions from an audit export, made again.

use std::collections::BTreeMap;
use std::path::Path;

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_store::{
    AccountPatch, AccountReader as _, AccountRow, Actor, AuditRow, Change, ChangeLog as _, Conditions, Entry, KeyPatch,
    KeyReader as _, KeyRow, Origin, SqliteStore, SwitchPatch,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::undone::{self, Restriction};
use crate::failure::{Failure, FailureKind};
use crate::owner::user;

/// How keys and accounts were left, as an audit export tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    keys: BTreeMap<KeyId, KeyRow>,
    accounts: BTreeMap<(String, AccountId), AccountRow>,
}

impl Told {
    /// Reads an export.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |message: String| Failure::of(FailureKind::Refused, format!("{}: {message}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
        let mut told = Self::default();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let unreadable =
                |error: &dyn std::fmt::Display| wrong(format!("line {number} is no row of an audit export: {error}"));
            let row: AuditRow = serde_json::from_str(line).map_err(|error| unreadable(&error))?;
            told.take(row).map_err(|error| unreadable(&error))?;
        }
        Ok(told)
    }

    /// The rows are in the order of commits, but they need not be: the higher number counts.
    fn take(&mut self, row: AuditRow) -> Result<(), serde_json::Error> {
        match row.action.as_str() {
            "key.rotated" => {
                let mut after = row.after;
                self.take_key(state(after["old"].take())?);
                self.take_key(state(after["new"].take())?);
            }
            action if action.starts_with("key.") => self.take_key(state(row.after)?),
            action if action.starts_with("account.") => {
                let account: AccountRow = state(row.after)?;
                let place = (account.api.clone(), account.id.clone());
                if self.accounts.get(&place).is_none_or(|known| known.sequence < account.sequence) {
                    self.accounts.insert(place, account);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_key(&mut self, key: KeyRow) {
        if self.keys.get(&key.id).is_none_or(|known| known.sequence < key.sequence) {
            self.keys.insert(key.id, key);
        }
    }

    /// Brings each key and account to which something was done that takes away from it to where the export left it.
    pub(super) async fn replay(&self, store: &SqliteStore) -> Result<Vec<Restriction>, Failure> {
        let (mut replayed, mut entries) = (Vec::new(), Vec::new());
        for later in self.keys.values() {
            let Some(before) = store.key(&later.api, later.id).await? else { continue };
            if before.sequence >= later.sequence {
                continue;
            }
            if let Some(restriction) = undone::of_key(&before, later) {
                replayed.push(restriction);
                entries.push(entry(as_later(&before, later), later.revoked_at.unwrap_or(later.updated_at)));
            }
        }
        for later in self.accounts.values() {
            let Some(before) = store.account(&later.api, &later.id).await? else { continue };
            if before.sequence >= later.sequence {
                continue;
            }
            if let Some(restriction) = undone::of_account(&before, later) {
                replayed.push(restriction);
                let patch = AccountPatch { name: None, plan: Some(later.plan.clone()), enabled: Some(later.enabled) };
                let change = Change::UpdateAccount { api: later.api.clone(), account: later.id.clone(), patch };
                entries.push(entry(change, later.updated_at));
            }
        }
        while !entries.is_empty() {
            let batch = entries.split_off(entries.len().saturating_sub(256));
            for outcome in store.append(batch).await? {
                outcome?;
            }
        }
        Ok(replayed)
    }
}

fn state<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(value)
}

/// The change that leaves a key as it later was.
fn as_later(before: &KeyRow, later: &KeyRow) -> Change {
    let (api, key) = (later.api.clone(), later.id);
    if later.revoked_at.is_some() {
        return Change::RevokeKey { api, key };
    }
    let gone = |name: &&String| !later.capabilities.contains(name);
    let patch = KeyPatch {
        role: Some(later.role.clone()),
        permissions: Some(later.permissions.clone()),
        capabilities: SwitchPatch {
            on: later.capabilities.clone(),
            off: before.capabilities.iter().filter(gone).cloned().collect(),
        },
        allowed_addresses: Some(later.allowed_addresses.clone()),
        limits: Some(later.limits.clone()),
        enabled: Some(later.enabled),
        expires_at: Some(later.expires_at),
        ..KeyPatch::default()
    };
    Change::UpdateKey { api, key, patch: Box::new(patch) }
}

/// It is as old as what it repeats.
fn entry(change: Change, at: bitting_core::time::Timestamp) -> Entry {
    let origin = Origin { actor: Actor::CommandLine(user()), request_id: "restore".to_owned(), address: None };
    Entry { change, origin, conditions: Conditions::default(), at }
}
