//! Keys by their times, each line along an index of its own.

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params_from_iter};

use super::SqliteStore;
use super::listing::qualified;
use super::read::{rows, sql_limit};
use super::rows::{KEY_COLUMNS, after_key, get, stored_key, stored_sequence, time};
use super::write::execute;
use crate::calendar::{Calendar, Line, Place, Span, Sweep};
use crate::error::StoreError;
use crate::overview::unused_since;
use crate::row::KeyRow;

#[async_trait]
impl Calendar for SqliteStore {
    async fn along(&self, api: &str, line: Line, span: Span, limit: usize) -> Result<Vec<(Place, KeyRow)>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| along(connection, &api, &line, span, limit)).await
    }

    async fn named(&self, api: &str, ids: Vec<KeyId>) -> Result<Vec<KeyRow>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let sql = format!("SELECT {KEY_COLUMNS} FROM api_key WHERE id = ?1 AND api = ?2");
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(rows(connection, &sql, (id.to_bytes(), &api), stored_key)?.into_iter().map(|key| key.row));
            }
            Ok(found)
        })
        .await
    }

    async fn sweeps(&self, api: &str) -> Result<Vec<Sweep>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let read = |row: &Row<'_>| {
                let place = Place { at: time(get(row, 2)?), key: KeyId::from_bytes(get(row, 3)?) };
                Ok(Sweep { stage: get(row, 0)?, since: time(get(row, 1)?), place })
            };
            rows(connection, "SELECT stage, since, at, key FROM sweep WHERE api = ?1", [api], read)
        })
        .await
    }

    async fn keep_sweeps(&self, api: &str, sweeps: Vec<Sweep>) -> Result<(), StoreError> {
        let api = api.to_owned();
        self.transact(move |transaction| {
            for Sweep { stage, since, place } in &sweeps {
                let sql = "INSERT OR REPLACE INTO sweep (api, stage, since, at, key) VALUES (?1, ?2, ?3, ?4, ?5)";
                execute(transaction, sql, (&api, stage, since.as_millis(), place.at.as_millis(), place.key.to_bytes()))?;
            }
            Ok(())
        })
        .await
    }

    async fn followed(&self) -> Result<Option<Sequence>, StoreError> {
        self.read(|connection| {
            let read = |row: &Row<'_>| get::<Option<i64>>(row, 0);
            let found = rows(connection, "SELECT followed FROM progress", [], read)?.pop().flatten();
            Ok(found.and_then(|number| u64::try_from(number).ok()).map(Sequence))
        })
        .await
    }

    async fn keep_followed(&self, until: Sequence) -> Result<(), StoreError> {
        self.write(move |connection| execute(connection, "UPDATE progress SET followed = ?1", [stored_sequence(until)])).await
    }
}

fn along(
    connection: &Connection,
    api: &str,
    line: &Line,
    Span { after, until }: Span,
    limit: usize,
) -> Result<Vec<(Place, KeyRow)>, StoreError> {
    // Of keys that were never used the index holds the creation, moved before all uses.
    let moved = if let Line::NeverUsed = line { unused_since(0) } else { 0 };
    let ending = |index| (format!("api_key AS k INDEXED BY {index}"), "k.expires_at", "k.id");
    let working = |index, column| {
        let from = format!("key_overview AS o INDEXED BY {index} CROSS JOIN api_key AS k ON k.id = o.key");
        (from, column, "o.key")
    };
    let ((from, at, id), condition) = match line {
        Line::Ending => (ending("api_key_ending"), "k.api = ? AND k.expires_at IS NOT NULL AND k.revoked_at IS NULL"),
        Line::Renewing => (
            ending("api_key_renewing"),
            "k.api = ? AND k.auto_renew <> 0 AND k.expires_at IS NOT NULL AND k.revoked_at IS NULL AND k.replaced_by IS NULL",
        ),
        Line::Leaving => (
            ("api_key AS k INDEXED BY api_key_leaving".to_owned(), "k.created_at", "k.id"),
            "k.api = ? AND k.end_when_unused_for IS NOT NULL AND k.revoked_at IS NULL AND k.replaced_by IS NOT NULL",
        ),
        Line::Made(_) => {
            (working("key_overview_by_creation", "o.created_at"), "o.api = ? AND o.standing = 2 AND o.environment = ?")
        }
        Line::Used => (working("key_overview_by_use", "o.used_at"), "o.api = ? AND o.standing = 2 AND o.used_at >= 0"),
        Line::NeverUsed => (working("key_overview_by_use", "o.used_at"), "o.api = ? AND o.standing = 2 AND o.used_at < 0"),
    };
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(api.to_owned())];
    if let Line::Made(environment) = line {
        values.push(Box::new(environment.clone()));
    }
    values.push(Box::new(after.at.as_millis() + moved));
    values.push(Box::new(after.key.to_bytes()));
    values.push(Box::new(until.as_millis() + moved));
    values.push(Box::new(sql_limit(limit)));
    let sql = format!(
        "SELECT {}, {at} FROM {from} WHERE {condition} AND ({at}, {id}) > (?, ?) AND {at} <= ? ORDER BY {at}, {id} LIMIT ?",
        qualified(KEY_COLUMNS, "k")
    );
    rows(connection, &sql, params_from_iter(values), |row| {
        let key = stored_key(row)?.row;
        Ok((Place { at: time(get::<i64>(row, after_key())? - moved), key: key.id }, key))
    })
}
