//! Reading from SQLite.

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::key::{Digest, KeyId};
use bitting_core::record::Sequence;
use rusqlite::{Connection, Params, Row, named_params};

use super::SqliteStore;
use super::error::unavailable;
use super::listing::{audit_log, descendants, keys};
use super::rows::{
    ACCOUNT_COLUMNS, AUDIT_COLUMNS, KEY_COLUMNS, RING_COLUMNS, account_row, after_key, audit_row, get, ring_row, stored_key,
    stored_sequence,
};
use crate::error::StoreError;
use crate::read::{
    AccountReader, AuditFilter, AuditRow, Journal, KeyCursor, KeyFilter, KeyReader, Page, RecognisedKey, RingRow, RingSource,
};
use crate::row::{AccountRow, KeyRow};

#[async_trait]
impl RingSource for SqliteStore {
    async fn ring_accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.read(|connection| rows(connection, &format!("SELECT {ACCOUNT_COLUMNS} FROM account"), [], account_row)).await
    }

    async fn key_count(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let count: i64 = connection.query_row("SELECT count(*) FROM api_key", [], |row| row.get(0)).map_err(unavailable)?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }

    async fn ring_keys(&self, after: Option<KeyId>, limit: usize) -> Result<Vec<RingRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {RING_COLUMNS} FROM api_key WHERE id > :after ORDER BY id LIMIT :limit");
            let after = after.map_or(Vec::new(), |id| id.to_bytes().to_vec());
            rows(connection, &sql, named_params! { ":after": after, ":limit": sql_limit(limit) }, ring_row)
        })
        .await
    }

    async fn ring_key(&self, id: KeyId) -> Result<Option<RingRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {RING_COLUMNS} FROM api_key WHERE id = ?1");
            Ok(rows(connection, &sql, [id.to_bytes()], ring_row)?.pop())
        })
        .await
    }
}

#[async_trait]
impl KeyReader for SqliteStore {
    async fn key(&self, api: &str, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let sql = format!("SELECT {KEY_COLUMNS} FROM api_key WHERE id = ?1 AND api = ?2");
            let found = rows(connection, &sql, (id.to_bytes(), api), stored_key)?;
            Ok(found.into_iter().next().map(|key| key.row))
        })
        .await
    }

    async fn keys(&self, api: &str, filter: KeyFilter, page: Page<KeyCursor>) -> Result<Vec<KeyRow>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| keys(connection, &api, &filter, &page)).await
    }

    async fn descendants(&self, api: &str, of: KeyId) -> Result<Vec<KeyId>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| descendants(connection, &api, of)).await
    }

    async fn recognise(&self, digests: Vec<Digest>) -> Result<Vec<Option<RecognisedKey>>, StoreError> {
        self.read(move |connection| digests.iter().map(|digest| recognise(connection, digest)).collect()).await
    }
}

fn recognise(connection: &Connection, digest: &Digest) -> Result<Option<RecognisedKey>, StoreError> {
    let sql = format!(
        "SELECT {KEY_COLUMNS}, (SELECT enabled FROM account WHERE account.api = api_key.api AND account.id = api_key.account) \
         FROM api_key WHERE digest = ?1"
    );
    let read = |row: &Row<'_>| {
        let is_account_enabled = get::<Option<bool>>(row, after_key())?.unwrap_or(false);
        Ok(RecognisedKey { row: stored_key(row)?.row, is_account_enabled })
    };
    Ok(rows(connection, &sql, [digest.as_bytes()], read)?.pop())
}

#[async_trait]
impl AccountReader for SqliteStore {
    async fn account(&self, api: &str, id: &AccountId) -> Result<Option<AccountRow>, StoreError> {
        let (api, id) = (api.to_owned(), id.to_string());
        self.read(move |connection| {
            let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM account WHERE api = ?1 AND id = ?2");
            Ok(rows(connection, &sql, (api, id), account_row)?.into_iter().next())
        })
        .await
    }

    async fn accounts(&self, api: &str, begin: &str, page: Page<AccountId>) -> Result<Vec<AccountRow>, StoreError> {
        let (api, begin) = (api.to_owned(), begin.to_owned());
        self.read(move |connection| {
            let sql = format!(
                "SELECT {ACCOUNT_COLUMNS} FROM account WHERE api = ?1 AND id > ?2 AND id >= ?3 AND id < ?4 ORDER BY id LIMIT ?5"
            );
            let after = page.after.as_ref().map_or("", AccountId::as_str);
            // No text that begins so comes after the last character that there is.
            let end = format!("{begin}\u{10FFFF}");
            rows(connection, &sql, (api, after, begin, end, sql_limit(page.limit)), account_row)
        })
        .await
    }
}

#[async_trait]
impl Journal for SqliteStore {
    async fn audit(&self, after: Sequence, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {AUDIT_COLUMNS} FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2");
            rows(connection, &sql, (stored_sequence(after), sql_limit(limit)), audit_row)
        })
        .await
    }

    async fn audit_log(&self, api: &str, filter: AuditFilter, page: Page<Sequence>) -> Result<Vec<AuditRow>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| audit_log(connection, &api, &filter, &page)).await
    }
}

/// All rows of a query. Also used by the writer, for what a change is about.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement.query(parameters).map_err(unavailable)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
