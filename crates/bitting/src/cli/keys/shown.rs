//! Keys as they are shown: in full, in a list, and once with the secret.

use bitting_core::key::PlaintextKey;
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, ServedApi, WallClock};
use bitting_store::{KeyRow, LastUse};
use serde_json::{Map, Value, json};

use crate::cli::output::{facts, note, say, say_json, say_once, second, table, to_json};
use crate::failure::Failure;
use crate::owner::Done;

/// The key alone on standard output, so that it can be caught in a variable; everything else beside it.
pub(super) fn show_issued(key: &PlaintextKey, done: &Done, json: bool) -> Result<(), Failure> {
    let Some(row) = done.keys.first() else { return Err(Failure::new("the store gave no key back")) };
    let now = row.created_at;
    let id = row.id;
    let lost = format!("the key {id} was made and cannot be shown again: revoke it and make another");
    if json {
        let mut view = view(row, now);
        view["key"] = Value::from(key.expose());
        return say_once(&to_json(&view)?, &lost);
    }
    note(&describe(row, now, String::new()));
    note("This is the key. It is shown only now, so keep it somewhere safe.");
    say_once(key.expose(), &lost)
}

pub(super) fn show_changed(done: &Done, json: bool) -> Result<(), Failure> {
    done.keys.first().map_or(Ok(()), |row| show(row, json))
}

pub(super) fn show(row: &KeyRow, json: bool) -> Result<(), Failure> {
    let now = WallClock.now();
    if json {
        return say_json(&view(row, now));
    }
    say(&describe(row, now, String::new()))
}

/// The same with when it was used last.
pub(super) fn show_used(row: &KeyRow, last: Option<LastUse>, json: bool) -> Result<(), Failure> {
    let now = WallClock.now();
    if json {
        let mut view = view(row, now);
        view["last_used"] = json!(last.map(|last| last.at));
        view["last_used_from"] = json!(last.and_then(|last| last.address));
        return say_json(&view);
    }
    let from = |last: &LastUse| last.address.map_or(String::new(), |address| format!(" from {address}"));
    let used = last.map_or("never".to_owned(), |last| format!("{}{}", second(last.at), from(&last)));
    say(&describe(row, now, used))
}

/// A page of keys; what would stand in every line alike has no column.
pub(super) fn show_list(rows: &[KeyRow], api: &ServedApi, limit: usize, json: bool) -> Result<(), Failure> {
    let now = WallClock.now();
    if json {
        return say_json(&rows.iter().map(|row| view(row, now)).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        note("no keys");
        return Ok(());
    }
    let has_roles = !api.catalogue.roles().is_empty() || rows.iter().any(|row| row.role.is_some());
    let several_environments = api.environments.len() > 1;
    let wanted = [true, true, true, true, several_environments, has_roles, true, true, true];
    let head = ["KEY", "NAME", "PREFIX", "ACCOUNT", "ENVIRONMENT", "ROLE", "STATUS", "CREATED", "EXPIRES"];
    let cells = |row: &KeyRow| {
        [
            row.id.to_string(),
            row.name.clone(),
            format!("{}...", row.prefix),
            row.account.to_string(),
            row.environment.clone(),
            row.role.clone().unwrap_or_default(),
            row.status(now).name().to_owned(),
            second(row.created_at),
            row.expires_at.map_or("never".to_owned(), second),
        ]
    };
    let rows_shown: Vec<Vec<String>> = rows.iter().map(|row| chosen(cells(row), wanted)).collect();
    say(&table(&chosen(head, wanted), &rows_shown))?;
    if rows.len() == limit
        && let Some(last) = rows.last()
    {
        note(&format!("there may be more: --after {}", last.id));
    }
    Ok(())
}

fn chosen<T, const COLUMNS: usize>(cells: [T; COLUMNS], wanted: [bool; COLUMNS]) -> Vec<T> {
    cells.into_iter().zip(wanted).filter_map(|(cell, wanted)| wanted.then_some(cell)).collect()
}

/// The row as programs see it, with its state in a word and its prefix as people know it.
fn view(row: &KeyRow, now: Timestamp) -> Value {
    let mut view = json!(row);
    view["prefix"] = Value::from(format!("{}...", row.prefix));
    view["status"] = Value::from(row.status(now).name());
    view
}

fn describe(row: &KeyRow, now: Timestamp, last_used: String) -> String {
    let joined = |texts: Vec<String>| texts.join(", ");
    let mut lines = vec![
        ("id", row.id.to_string()),
        ("api", row.api.clone()),
        ("name", row.name.clone()),
        ("description", row.description.clone()),
        ("prefix", format!("{}...", row.prefix)),
        ("account", row.account.to_string()),
        ("environment", row.environment.clone()),
        ("status", row.status(now).name().to_owned()),
        ("role", row.role.clone().unwrap_or_default()),
        ("permissions", joined(row.permissions.iter().map(ToString::to_string).collect())),
        ("capabilities", joined(row.capabilities.clone())),
        ("addresses", row.allowed_addresses.as_ref().map_or("anywhere".to_owned(), ToString::to_string)),
        ("limits", joined(row.limits.iter().map(|(name, number)| format!("{name}={number}")).collect())),
        ("metadata", noted(&row.metadata)),
        ("created", format!("{} by {}", second(row.created_at), row.created_by)),
        ("last used", last_used),
        ("expires", row.expires_at.map_or("never".to_owned(), second)),
        ("revoked", row.revoked_at.map(second).unwrap_or_default()),
        ("replaced by", row.replaced_by.map(|id| id.to_string()).unwrap_or_default()),
        ("replaces", row.replaces.map(|id| id.to_string()).unwrap_or_default()),
    ];
    lines.retain(|(_, value)| !value.is_empty());
    facts(&lines)
}

/// Notes as `--metadata` takes them; what is not text stands as JSON.
fn noted(metadata: &Map<String, Value>) -> String {
    let note = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    };
    metadata.iter().map(note).collect::<Vec<_>>().join(", ")
}
