//! What a later state takes away from a key or an account, and an earlier one would give back.

use bitting_core::time::Timestamp;
use bitting_store::{AccountRow, KeyRow};
use serde::Serialize;

/// A revocation or restriction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Restriction {
    /// The API's name.
    pub(super) api: String,
    /// The id of the key or account.
    pub(super) subject: String,
    /// The key's or account's name.
    pub(super) name: String,
    /// What is taken away, in words.
    pub(super) what: Vec<String>,
}

/// What `later` takes away from a key as it was before; `None` if nothing.
pub(super) fn of_key(before: &KeyRow, later: &KeyRow) -> Option<Restriction> {
    if before.revoked_at.is_some() {
        return None;
    }
    let mut what = Vec::new();
    what.extend(later.revoked_at.map(|at| format!("revoked at {at}")));
    if before.enabled && !later.enabled {
        what.push("disabled".to_owned());
    }
    let end = |row: &KeyRow| row.expires_at.unwrap_or(Timestamp::MAX);
    if end(later) < end(before) {
        what.push(format!("ends at {}", end(later)));
    }
    if before.role != later.role {
        // Which of two roles may do more is the configuration's to say, and it may have changed too.
        what.push(format!("role {}, not {}", shown(later.role.as_deref()), shown(before.role.as_deref())));
    }
    let lost = before.permissions.iter().filter(|permission| !later.permissions.contains(permission));
    let lost = lost.map(ToString::to_string);
    let switched_off = before.capabilities.iter().filter(|capability| !later.capabilities.contains(capability)).cloned();
    what.extend(lost.chain(switched_off).map(|name| format!("without {name}")));
    if let Some(list) = &later.allowed_addresses
        && !before.allowed_addresses.as_ref().is_some_and(|before| list.covers(before))
    {
        what.push(format!("only from {list}"));
    }
    restriction(&before.api, before.id.to_string(), &before.name, what)
}

/// What `later` takes away from an account.
pub(super) fn of_account(before: &AccountRow, later: &AccountRow) -> Option<Restriction> {
    let suspended = before.enabled && !later.enabled;
    let what = suspended.then(|| "suspended".to_owned()).into_iter().collect();
    restriction(&before.api, before.id.to_string(), &before.name, what)
}

fn restriction(api: &str, subject: String, name: &str, what: Vec<String>) -> Option<Restriction> {
    let (api, name) = (api.to_owned(), name.to_owned());
    (!what.is_empty()).then_some(Restriction { api, subject, name, what })
}

fn shown(role: Option<&str>) -> &str {
    role.unwrap_or("none")
}

impl Restriction {
    /// On one line.
    pub(super) fn text(&self) -> String {
        let Self { api, subject, name, what } = self;
        let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
        format!("{api}: {subject}{name}: {}", what.join(", "))
    }
}
