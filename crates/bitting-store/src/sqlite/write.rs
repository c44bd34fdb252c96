//! Writing to SQLite: one transaction for each batch, one savepoint for each entry.

use async_trait::async_trait;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, ErrorCode, Params, Transaction, TransactionBehavior, params};
use serde_json::json;

use super::error::{in_doubt, unavailable};
use super::read::rows;
use super::rows::{ACCOUNT_COLUMNS, KEY_COLUMNS, account_row, stored_key, stored_sequence};
use super::{SqliteStore, progress};
use crate::change::{Change, Committed, Effect, Entry, Found, Refusal, RowWrite, Write};
use crate::error::{StoreError, StoreErrorKind};
use crate::read::rights_text;
use crate::row::{AccountRow, KeyRow, StoredKey};
use crate::{ChangeLog, Progress};

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn append(&self, batch: Vec<Entry>) -> Result<Vec<Result<Committed, Refusal>>, StoreError> {
        self.write(move |connection| append(connection, &batch)).await
    }

    async fn progress(&self) -> Result<Progress, StoreError> {
        self.read(progress).await
    }

    async fn keep_time(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| execute(connection, "UPDATE progress SET time = max(time, ?1)", [at.as_millis()])).await
    }
}

fn append(connection: &mut Connection, batch: &[Entry]) -> Result<Vec<Result<Committed, Refusal>>, StoreError> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    let Progress { sequence: Sequence(mut last), mut time } = progress(&transaction)?;
    let mut answers = Vec::with_capacity(batch.len());
    for entry in batch {
        let answer = write_entry(&mut transaction, entry, Sequence(last + 1))?;
        if let Ok(committed) = &answer {
            last = last.max(committed.sequence.0);
        }
        time = time.max(entry.at);
        answers.push(answer);
    }
    let sql = "UPDATE progress SET sequence = ?1, time = ?2";
    execute(&transaction, sql, (stored_sequence(Sequence(last)), time.as_millis()))?;
    transaction.commit().map_err(in_doubt)?;
    Ok(answers)
}

/// One entry under a savepoint: a refusal leaves nothing of it behind, an error gives up the whole batch. A row that is
/// damaged is a refusal, since it would fail whatever batch its entry is in.
fn write_entry(
    transaction: &mut Transaction<'_>,
    entry: &Entry,
    sequence: Sequence,
) -> Result<Result<Committed, Refusal>, StoreError> {
    let savepoint = transaction.savepoint().map_err(unavailable)?;
    let found = match find(&savepoint, &entry.change) {
        Ok(found) => found,
        Err(error) if error.kind() == StoreErrorKind::Damaged => return Ok(Err(Refusal::Damaged(error.to_string()))),
        Err(error) => return Err(error),
    };
    let effect = match entry.effect(found, sequence) {
        Ok(Effect::Write(write)) => write,
        Ok(Effect::Unchanged(committed)) => return Ok(Ok(committed)),
        Err(refusal) => return Ok(Err(refusal)),
    };
    for row in &effect.rows {
        if let Some(refusal) = write_row(&savepoint, row)? {
            // Dropping the savepoint rolls it back.
            return Ok(Err(refusal));
        }
    }
    write_journal(&savepoint, entry, &effect, sequence)?;
    savepoint.commit().map_err(unavailable)?;
    Ok(Ok(effect.committed(sequence)))
}

/// What the change is about, as it stands.
fn find(connection: &Connection, change: &Change) -> Result<Found, StoreError> {
    let mut found = Found::default();
    if let Some(account) = change.account() {
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM account WHERE api = ?1 AND id = ?2");
        found.account = rows(connection, &sql, (change.api(), account.as_str()), account_row)?.pop();
    }
    if let Some(key) = change.subject_key() {
        let sql = format!("SELECT {KEY_COLUMNS} FROM api_key WHERE id = ?1 AND api = ?2");
        found.key = rows(connection, &sql, (key.to_bytes(), change.api()), stored_key)?.pop();
    }
    Ok(found)
}

fn write_row(connection: &Connection, row: &RowWrite) -> Result<Option<Refusal>, StoreError> {
    match row {
        RowWrite::NewAccount(account) => insert_account(connection, account)?,
        RowWrite::ChangedAccount(account) => update_account(connection, account)?,
        RowWrite::ChangedKey(key) => update_key(connection, &key.row)?,
        RowWrite::NewKey(key) => return insert_key(connection, key),
    }
    Ok(None)
}

fn insert_account(connection: &Connection, row: &AccountRow) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO account ({ACCOUNT_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    let values = params![
        row.api,
        row.id.as_str(),
        row.name,
        row.enabled,
        row.created_at.as_millis(),
        row.updated_at.as_millis(),
        stored_sequence(row.sequence)
    ];
    execute(connection, &sql, values)
}

/// Everything of an account that a change can change.
fn update_account(connection: &Connection, row: &AccountRow) -> Result<(), StoreError> {
    let sql = "UPDATE account SET name = ?3, enabled = ?4, updated_at = ?5, sequence = ?6 WHERE api = ?1 AND id = ?2";
    let values =
        params![row.api, row.id.as_str(), row.name, row.enabled, row.updated_at.as_millis(), stored_sequence(row.sequence)];
    execute(connection, sql, values)
}

fn insert_key(connection: &Connection, StoredKey { digest, row }: &StoredKey) -> Result<Option<Refusal>, StoreError> {
    let sql = format!(
        "INSERT INTO api_key ({KEY_COLUMNS}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
    );
    let values = params![
        row.id.to_bytes(),
        digest.as_bytes(),
        row.api,
        row.account.as_str(),
        row.environment,
        rights_text(row),
        addresses_text(row),
        row.enabled,
        row.expires_at.map(Timestamp::as_millis),
        row.revoked_at.map(Timestamp::as_millis),
        stored_sequence(row.sequence),
        row.name,
        row.description,
        row.prefix,
        json!(row.metadata).to_string(),
        row.created_at.as_millis(),
        row.created_by,
        row.updated_at.as_millis(),
        row.replaced_by.map(KeyId::to_bytes),
        row.replaces.map(KeyId::to_bytes)
    ];
    let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
    match statement.execute(values) {
        Ok(_) => Ok(None),
        // Only the id and the digest are unique; the account was found or made under this very savepoint.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(Some(Refusal::KeyExists(row.id))),
        Err(error) => Err(unavailable(error)),
    }
}

/// Everything of a key that a change can change.
fn update_key(connection: &Connection, row: &KeyRow) -> Result<(), StoreError> {
    let sql = "UPDATE api_key SET rights = ?2, allowed_addresses = ?3, enabled = ?4, expires_at = ?5, revoked_at = ?6, \
               sequence = ?7, name = ?8, description = ?9, metadata = ?10, updated_at = ?11, replaced_by = ?12 WHERE id = ?1";
    let values = params![
        row.id.to_bytes(),
        rights_text(row),
        addresses_text(row),
        row.enabled,
        row.expires_at.map(Timestamp::as_millis),
        row.revoked_at.map(Timestamp::as_millis),
        stored_sequence(row.sequence),
        row.name,
        row.description,
        json!(row.metadata).to_string(),
        row.updated_at.as_millis(),
        row.replaced_by.map(KeyId::to_bytes)
    ];
    execute(connection, sql, values)
}

fn write_journal(connection: &Connection, entry: &Entry, write: &Write, sequence: Sequence) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (sequence, at, api, actor, request_id, action, subject, before, after) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = params![
        stored_sequence(sequence),
        entry.at.as_millis(),
        entry.change.api(),
        entry.actor.to_string(),
        entry.request_id,
        write.action,
        write.subject,
        write.before.to_string(),
        write.after.to_string()
    ];
    execute(connection, sql, values)?;
    let sql = "INSERT INTO event (sequence, at, api, name, payload) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values =
        params![stored_sequence(sequence), entry.at.as_millis(), entry.change.api(), write.action, write.after.to_string()];
    execute(connection, sql, values)
}

fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<(), StoreError> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
    done.map(drop).map_err(unavailable)
}

fn addresses_text(row: &KeyRow) -> Option<String> {
    row.allowed_addresses.as_ref().map(|list| json!(list).to_string())
}
