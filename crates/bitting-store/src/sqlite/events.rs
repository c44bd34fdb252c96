//! Events in SQLite.

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::event::{EventKind, Severity};
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, Row, params, params_from_iter};
use serde_json::json;

use super::SqliteStore;
use super::error::{damaged, unavailable};
use super::listing::Conditions;
use super::read::{rows, sql_limit};
use super::rows::{get, json as json_column, time};
use super::write::execute;
use crate::error::StoreError;
use crate::event::{EventFilter, EventLog, EventRow, Fold, Raised};
use crate::read::Page;

const COLUMNS: &str = "number, at, last_at, count, api, account, key, name, data";

#[async_trait]
impl EventLog for SqliteStore {
    async fn raise(&self, raised: Vec<Raised>) -> Result<(), StoreError> {
        self.transact(move |transaction| raised.iter().try_for_each(|raised| raise(transaction, raised))).await
    }

    async fn events(&self, api: &str, filter: EventFilter, page: Page<u64>) -> Result<Vec<EventRow>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let (from, mut conditions) = selection(&api, &filter);
            conditions.and_if("number < ?", page.after.map(stored));
            let (rest, values) = conditions.ordered("number DESC", page.limit);
            rows(connection, &format!("SELECT {COLUMNS} FROM {from} {rest}"), params_from_iter(values), event_row)
        })
        .await
    }

    async fn events_since(&self, api: &str, filter: EventFilter, limit: usize) -> Result<Vec<EventRow>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let (from, conditions) = selection(&api, &filter);
            let (rest, values) = conditions.ordered("number", limit);
            rows(connection, &format!("SELECT {COLUMNS} FROM {from} {rest}"), params_from_iter(values), event_row)
        })
        .await
    }

    async fn events_after(&self, number: u64, limit: usize) -> Result<Vec<EventRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM event WHERE number > ?1 ORDER BY number LIMIT ?2");
            rows(connection, &sql, (stored(number), sql_limit(limit)), event_row)
        })
        .await
    }

    async fn count_events(&self, api: &str, filter: EventFilter, most: usize) -> Result<usize, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let (from, conditions) = selection(&api, &filter);
            let (rest, values) = conditions.ordered("number DESC", most);
            rows(connection, &format!("SELECT 1 FROM {from} {rest}"), params_from_iter(values), |_| Ok(())).map(|all| all.len())
        })
        .await
    }

    async fn last_event(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'event'";
            let last = rows(connection, sql, [], |row| get::<i64>(row, 0))?.pop().unwrap_or_default();
            u64::try_from(last).map_err(|error| damaged("the number of an event", error))
        })
        .await
    }

    async fn forget_events(&self, api: &str, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let api = api.to_owned();
        self.transact(move |transaction| {
            // They began in the order of their numbers, so the first that goes on ends the search before the rest is read.
            let sql = "DELETE FROM event WHERE last_at < ?2 AND number IN \
                       (SELECT number FROM event INDEXED BY event_by_api WHERE api = ?1 ORDER BY number LIMIT ?3)";
            let values = (api, before.as_millis(), sql_limit(limit));
            transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(unavailable)
        })
        .await
    }
}

/// Writes an event down, or counts up the one that it goes on with.
pub(super) fn raise(connection: &Connection, raised: &Raised) -> Result<(), StoreError> {
    let Raised { kind, api, account, key, at, count, fold, data } = raised;
    let count = stored(*count);
    if let Some(subject) = fold.subject() {
        let sql = "SELECT number, at, last_at FROM event INDEXED BY event_by_subject \
                   WHERE api = ?1 AND name = ?2 AND subject = ?3 ORDER BY number DESC LIMIT 1";
        let times = |row: &Row<'_>| Ok((get::<i64>(row, 0)?, time(get(row, 1)?), time(get(row, 2)?)));
        if let Some((number, began, last)) = rows(connection, sql, (api, kind.name(), subject), times)?.pop() {
            let Fold::Episode { gap, most, .. } = fold else { return Ok(()) };
            if at.since(last) <= *gap && at.since(began) <= *most {
                let sql = "UPDATE event SET last_at = max(last_at, ?2), count = min(count, 9223372036854775807 - ?3) + ?3, \
                           data = ?4 WHERE number = ?1";
                return execute(connection, sql, (number, at.as_millis(), count, data.to_string()));
            }
        }
    }
    let sql = "INSERT INTO event (at, last_at, count, api, account, key, name, severity, subject, data) \
               VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        at.as_millis(),
        count,
        api,
        account.as_ref().map(AccountId::as_str),
        key.map(KeyId::to_bytes),
        kind.name(),
        severity_column(kind.severity()),
        fold.subject(),
        data.to_string()
    ];
    execute(connection, sql, values)
}

/// Whether an event of a subject was written down, and not forgotten since.
pub(super) fn is_raised(connection: &Connection, api: &str, kind: EventKind, subject: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM event INDEXED BY event_by_subject WHERE api = ?1 AND name = ?2 AND subject = ?3 LIMIT 1";
    Ok(!rows(connection, sql, (api, kind.name(), subject), |_| Ok(()))?.is_empty())
}

/// Where the events are that are asked for, led by the index that leaves the fewest, and what they must fulfil.
fn selection(api: &str, filter: &EventFilter) -> (String, Conditions) {
    let mut conditions = Conditions::default();
    conditions.and("api = ?", api.to_owned());
    let names: Vec<&str> = filter.kinds.iter().map(|kind| kind.name()).collect();
    let is_urgent = filter.urgent || filter.severity.is_some_and(|severity| severity > Severity::Notice);
    let index = match filter {
        EventFilter { key: Some(_), .. } => "event_by_key",
        EventFilter { account: Some(_), severity: Some(Severity::Critical), .. } => "event_critical_of_account",
        EventFilter { account: Some(_), .. } if is_urgent => "event_urgent_of_account",
        EventFilter { account: Some(_), .. } => "event_by_account",
        EventFilter { severity: Some(Severity::Warning | Severity::Critical), .. } => "event_by_severity",
        EventFilter { urgent: true, .. } => "event_urgent",
        _ if names.len() == 1 => "event_by_name",
        _ => "event_by_api",
    };
    if is_urgent {
        // So that SQLite sees that the index has them all.
        conditions.texts.push("severity > 0".to_owned());
    }
    if filter.severity == Some(Severity::Critical) {
        conditions.texts.push("severity = 2".to_owned());
    }
    conditions.and_if("key = ?", filter.key.map(KeyId::to_bytes));
    conditions.and_if("account = ?", filter.account.as_ref().map(ToString::to_string));
    conditions.and_if("severity = ?", filter.severity.filter(|of| *of != Severity::Critical).map(severity_column));
    match names.as_slice() {
        [] => {}
        [name] => conditions.and("name = ?", *name),
        names => conditions.and("name IN (SELECT value FROM json_each(?))", json!(names).to_string()),
    }
    conditions.and_if("number > ?", filter.since.map(stored));
    conditions.and_if("at >= ?", filter.from.map(Timestamp::as_millis));
    conditions.and_if("at < ?", filter.until.map(Timestamp::as_millis));
    (format!("event INDEXED BY {index}"), conditions)
}

fn event_row(row: &Row<'_>) -> Result<EventRow, StoreError> {
    let number = |column| u64::try_from(get::<i64>(row, column)?).map_err(|error| damaged("the number of an event", error));
    Ok(EventRow {
        number: number(0)?,
        at: time(get(row, 1)?),
        last_at: time(get(row, 2)?),
        count: number(3)?,
        api: get(row, 4)?,
        account: get::<Option<String>>(row, 5)?
            .map(|id| id.parse().map_err(|error| damaged("the account of an event", error)))
            .transpose()?,
        key: get::<Option<[u8; 16]>>(row, 6)?.map(KeyId::from_bytes),
        kind: get::<String>(row, 7)?.parse::<EventKind>().map_err(|error| damaged("the name of an event", error))?,
        data: json_column(&get::<String>(row, 8)?)?,
    })
}

fn severity_column(severity: Severity) -> i64 {
    match severity {
        Severity::Notice => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
