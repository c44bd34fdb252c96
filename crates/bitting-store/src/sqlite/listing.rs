//! Lists, each led by the index that leaves the least to look through.
//!
//! SQLite's planner guesses without statistics, and a wrong guess reads ten million rows. So every list names its index: the
//! one of the filter that usually leaves the fewest rows. What the other filters ask is looked at row by row.

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::member::MemberId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params_from_iter};

use super::error::unavailable;
use super::read::{rows, sql_limit};
use super::rows::{AUDIT_COLUMNS, KEY_COLUMNS, audit_row, stored_key, stored_sequence};
use crate::error::StoreError;
use crate::read::{AuditFilter, AuditRow, KeyCursor, KeyFilter, KeySearch, Page, StatusFilter};
use crate::row::{KeyRow, KeyStatus};

/// Conditions, each with its value.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) texts: Vec<String>,
    pub(super) values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    pub(super) fn and(&mut self, text: impl Into<String>, value: impl ToSql + 'static) {
        self.texts.push(text.into());
        self.values.push(Box::new(value));
    }

    pub(super) fn and_if(&mut self, text: &str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.and(text, value);
        }
    }

    pub(super) fn ordered(mut self, order: &str, limit: usize) -> (String, Vec<Box<dyn ToSql>>) {
        self.values.push(Box::new(sql_limit(limit)));
        (format!("WHERE {} ORDER BY {order} LIMIT ?", self.texts.join(" AND ")), self.values)
    }
}

/// Where the rows of a list come from and in which order.
struct Lead {
    from: &'static str,
    /// The column that holds the key's id.
    id: &'static str,
    /// What comes before the id in the order of the list.
    text: Option<&'static str>,
}

pub(super) fn keys(
    connection: &Connection,
    api: &str,
    filter: &KeyFilter,
    page: &Page<KeyCursor>,
) -> Result<Vec<KeyRow>, StoreError> {
    let lead = lead(filter);
    let mut query = Conditions::default();
    if let Some(permission) = &filter.permission {
        let is_lead = lead.id == "p.key";
        let listed = "EXISTS (SELECT 1 FROM key_permission AS p WHERE p.permission = ? AND p.key = id AND p.api = api_key.api)";
        query.and(if is_lead { "p.permission = ?" } else { listed }, permission.to_string());
        query.and_if("p.api = ?", is_lead.then(|| api.to_owned()));
    }
    query.and("api_key.api = ?", api.to_owned());
    query.and_if("account = ?", filter.account.as_ref().map(|account: &AccountId| account.to_string()));
    query.and_if("environment = ?", filter.environment.clone());
    query.and_if("created_by = ?", filter.creator.clone());
    if filter.creator_removed {
        let removed = removed_members(connection, api)?;
        query.and("created_by IN (SELECT value FROM json_each(?))", serde_json::json!(removed).to_string());
    }
    if let Some((status, now)) = filter.status {
        and_status(&mut query, status, now);
    }
    if let Some(search) = &filter.search {
        let (text, column) = match search {
            KeySearch::Name(text) => (text, NAME),
            KeySearch::Prefix(text) => (text, PREFIX),
        };
        query.and(format!("{column} >= ?"), text.clone());
        // No text that begins so comes after the last character that there is.
        query.and(format!("{column} < ?"), format!("{text}\u{10FFFF}"));
    }
    let order = match (lead.text, &page.after) {
        (_, after) if filter.is_by_end() => {
            if let Some(KeyCursor { id, text: Some(end) }) = after {
                query.values.push(Box::new(end.parse::<i64>().unwrap_or_default()));
                query.and("(expires_at, id) < (?, ?)", id.to_bytes());
            }
            "expires_at DESC, id DESC".to_owned()
        }
        (Some(column), after) => {
            if let Some(KeyCursor { id, text: Some(text) }) = after {
                query.values.push(Box::new(text.clone()));
                query.and(format!("({column}, id) > (?, ?)"), id.to_bytes());
            }
            format!("{column}, id")
        }
        (None, after) => {
            query.and_if(&format!("{} < ?", lead.id), after.as_ref().map(|cursor| cursor.id.to_bytes()));
            format!("{} DESC", lead.id)
        }
    };
    let (rest, values) = query.ordered(&order, page.limit);
    let sql = format!("SELECT {} FROM {} {rest}", qualified(KEY_COLUMNS, "api_key"), lead.from);
    let found = rows(connection, &sql, params_from_iter(values), stored_key)?;
    Ok(found.into_iter().map(|key| key.row).collect())
}

const NAME: &str = "name COLLATE NOCASE";
const PREFIX: &str = "prefix";

/// Those who may no longer sign in, as they stand in `created_by`: the API's own developers, and operators.
fn removed_members(connection: &Connection, api: &str) -> Result<Vec<String>, StoreError> {
    let id = |row: &Row<'_>| row.get(0).map(|id| MemberId::from_bytes(id).to_string()).map_err(unavailable);
    rows(connection, "SELECT id FROM member WHERE enabled = 0 AND (api = ?1 OR account IS NULL)", [api], id)
}

/// The filter that leaves the fewest keys comes first.
fn lead(filter: &KeyFilter) -> Lead {
    let newest_first = |from| Lead { from, id: "id", text: None };
    match filter {
        KeyFilter { account: Some(_), .. } => newest_first("api_key INDEXED BY api_key_by_account"),
        KeyFilter { search: Some(KeySearch::Name(_)), .. } => {
            Lead { from: "api_key INDEXED BY api_key_by_name", id: "id", text: Some(NAME) }
        }
        KeyFilter { search: Some(KeySearch::Prefix(_)), .. } => {
            Lead { from: "api_key INDEXED BY api_key_by_prefix", id: "id", text: Some(PREFIX) }
        }
        KeyFilter { creator: Some(_), .. } | KeyFilter { creator_removed: true, .. } => {
            newest_first("api_key INDEXED BY api_key_by_creator")
        }
        KeyFilter { permission: Some(_), .. } => {
            Lead { from: "key_permission AS p CROSS JOIN api_key ON id = p.key", id: "p.key", text: None }
        }
        KeyFilter { status: Some((StatusFilter::Is(status), _)), .. } => newest_first(match status {
            KeyStatus::Revoked => "api_key INDEXED BY api_key_revoked",
            KeyStatus::Disabled => "api_key INDEXED BY api_key_disabled",
            KeyStatus::Expired => "api_key INDEXED BY api_key_ending",
            KeyStatus::Active => "api_key INDEXED BY api_key_by_api",
        }),
        KeyFilter { environment: Some(_), .. } => newest_first("api_key INDEXED BY api_key_by_environment"),
        _ => newest_first("api_key INDEXED BY api_key_by_api"),
    }
}

/// The state, as `KeyRow::status` says it. The words are those of the partial indexes.
fn and_status(query: &mut Conditions, status: StatusFilter, now: Timestamp) {
    let now = now.as_millis();
    let unexpired = "(expires_at IS NULL OR expires_at > ?)";
    match status {
        StatusFilter::NotRevoked => query.texts.push("revoked_at IS NULL".to_owned()),
        StatusFilter::Is(KeyStatus::Revoked) => query.texts.push("revoked_at IS NOT NULL".to_owned()),
        StatusFilter::Is(KeyStatus::Expired) => {
            query.and("revoked_at IS NULL AND expires_at IS NOT NULL AND expires_at <= ?", now);
        }
        StatusFilter::Is(KeyStatus::Disabled) => query.and(format!("revoked_at IS NULL AND enabled = 0 AND {unexpired}"), now),
        StatusFilter::Is(KeyStatus::Active) => query.and(format!("revoked_at IS NULL AND enabled <> 0 AND {unexpired}"), now),
    }
}

/// The columns of a key where another table has one of the same name.
pub(super) fn qualified(columns: &str, table: &str) -> String {
    columns.split(", ").map(|column| format!("{table}.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

pub(super) fn descendants(connection: &Connection, api: &str, of: KeyId) -> Result<Vec<KeyId>, StoreError> {
    let id = |row: &Row<'_>| row.get(0).map(KeyId::from_bytes).map_err(unavailable);
    let mut found: Vec<KeyId> = Vec::new();
    let mut makers = vec![of];
    while let Some(maker) = makers.pop() {
        let sql = "SELECT id FROM api_key INDEXED BY api_key_by_creator WHERE api = ?1 AND created_by = ?2";
        for made in rows(connection, sql, (api, maker.to_string()), id)? {
            if made != of && !found.contains(&made) {
                found.push(made);
                makers.push(made);
            }
        }
        let sql = "SELECT replaces FROM api_key WHERE api = ?1 AND id = ?2 AND replaces IS NOT NULL";
        makers.extend(rows(connection, sql, (api, maker.to_bytes()), id)?);
    }
    Ok(found)
}

pub(super) fn audit_log(
    connection: &Connection,
    api: &str,
    filter: &AuditFilter,
    page: &Page<Sequence>,
) -> Result<Vec<AuditRow>, StoreError> {
    let index = match filter {
        AuditFilter { subject: Some(_), .. } => "audit_by_subject",
        AuditFilter { actor: Some(_), .. } => "audit_by_actor",
        _ => "audit_by_api",
    };
    let mut query = Conditions::default();
    query.and("api = ?", api.to_owned());
    query.and_if("subject = ?", filter.subject.clone());
    query.and_if("actor = ?", filter.actor.clone());
    query.and_if("action = ?", filter.action.clone());
    query.and_if("at >= ?", filter.from.map(Timestamp::as_millis));
    query.and_if("at < ?", filter.until.map(Timestamp::as_millis));
    query.and_if("sequence < ?", page.after.map(stored_sequence));
    let (rest, values) = query.ordered("sequence DESC", page.limit);
    let sql = format!("SELECT {AUDIT_COLUMNS} FROM audit INDEXED BY {index} {rest}");
    rows(connection, &sql, params_from_iter(values), audit_row)
}
