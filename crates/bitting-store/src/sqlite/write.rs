//! Writing to SQLite: one transaction for each batch, one savepoint for each entry.

use async_trait::async_trait;
use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use rusqlite::{Connection, ErrorCode, Params, Row, Transaction, params};
use serde_json::json;

use super::chain::Columns;
use super::error::{damaged, unavailable};
use super::read::rows;
use super::rows::{
    ACCOUNT_COLUMNS, AUDIT_COLUMNS, KEY_COLUMNS, account_row, provenance_columns, rights_permissions, stored_key,
    stored_sequence,
};
use super::{SqliteStore, chain, events, import, people, progress, webhooks};
use crate::change::{Change, Committed, Effect, Entry, Found, Idempotency, Refusal, RowWrite, Write};
use crate::error::{StoreError, StoreErrorKind};
use crate::read::rights_text;
use crate::row::{AccountRow, KeyRow, StoredKey};
use crate::webhook::MOST_WEBHOOKS;
use crate::{ChangeLog, Progress};

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn append(&self, batch: Vec<Entry>) -> Result<Vec<Result<Committed, Refusal>>, StoreError> {
        self.transact(move |transaction| append(transaction, &batch)).await
    }

    async fn remembered(
        &self,
        idempotency: Idempotency,
        now: Timestamp,
    ) -> Result<Option<Result<Committed, Refusal>>, StoreError> {
        self.read(move |connection| remembered(connection, &idempotency, now)).await
    }

    async fn progress(&self) -> Result<Progress, StoreError> {
        self.read(progress).await
    }

    async fn keep_time(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            execute(connection, "UPDATE progress SET time = max(time, ?1)", [at.as_millis()])?;
            execute(connection, "DELETE FROM idempotency WHERE at <= ?1", [forgotten(at)])?;
            people::forget_ended(connection, at)
        })
        .await
    }
}

fn append(transaction: &mut Transaction<'_>, batch: &[Entry]) -> Result<Vec<Result<Committed, Refusal>>, StoreError> {
    let Progress { sequence: Sequence(mut last), mut time } = progress(transaction)?;
    let mut head = chain::head(transaction)?;
    let mut answers = Vec::with_capacity(batch.len());
    for entry in batch {
        let answer = write_entry(transaction, entry, Sequence(last + 1), &mut head)?;
        if let Ok(committed) = &answer {
            last = last.max(committed.sequence.0);
        }
        time = time.max(entry.at);
        answers.push(answer);
    }
    let sql = "UPDATE progress SET sequence = ?1, time = ?2, audit_head = ?3";
    execute(transaction, sql, (stored_sequence(Sequence(last)), time.as_millis(), head))?;
    Ok(answers)
}

/// One entry under a savepoint: a refusal leaves nothing of it behind, an error gives up the whole batch. A row that is
/// damaged is a refusal, since it would fail whatever batch its entry is in.
fn write_entry(
    transaction: &mut Transaction<'_>,
    entry: &Entry,
    sequence: Sequence,
    head: &mut [u8; 32],
) -> Result<Result<Committed, Refusal>, StoreError> {
    let savepoint = transaction.savepoint().map_err(unavailable)?;
    if let Some(idempotency) = &entry.conditions.idempotency
        && let Some(answer) = remembered(&savepoint, idempotency, entry.at)?
    {
        return Ok(answer);
    }
    let found = match find(&savepoint, entry) {
        Ok(found) => found,
        Err(error) if error.kind() == StoreErrorKind::Damaged => return Ok(Err(Refusal::Damaged(error.to_string()))),
        Err(error) => return Err(error),
    };
    if let Some(refusal) = changed_meanwhile(&savepoint, entry, &found)? {
        return Ok(Err(refusal));
    }
    let effect = match entry.effect(found, sequence) {
        Ok(Effect::Write(write)) => write,
        Ok(Effect::Unchanged(committed)) => {
            remember(&savepoint, entry, &committed)?;
            savepoint.commit().map_err(unavailable)?;
            return Ok(Ok(committed));
        }
        Err(refusal) => return Ok(Err(refusal)),
    };
    for row in &effect.rows {
        if let Some(refusal) = write_row(&savepoint, row)? {
            // Dropping the savepoint rolls it back.
            return Ok(Err(refusal));
        }
        // A request that was woken on this core would otherwise wait until the kernel takes it from us, milliseconds later.
        std::thread::yield_now();
    }
    let hash = write_journal(&savepoint, entry, &effect, sequence, head)?;
    let committed = effect.committed(sequence);
    remember(&savepoint, entry, &committed)?;
    savepoint.commit().map_err(unavailable)?;
    *head = hash;
    Ok(Ok(committed))
}

/// The answer to the same request, if it was asked before.
fn remembered(
    connection: &Connection,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Result<Committed, Refusal>>, StoreError> {
    let sql = "SELECT fingerprint, outcome FROM idempotency WHERE scope = ?1 AND key = ?2 AND at > ?3";
    let read = |row: &Row<'_>| Ok((row.get(0).map_err(unavailable)?, row.get(1).map_err(unavailable)?));
    let found = rows(connection, sql, (&idempotency.scope, &idempotency.key, forgotten(now)), read)?.pop();
    let Some((fingerprint, outcome)): Option<(Vec<u8>, String)> = found else { return Ok(None) };
    if fingerprint != idempotency.fingerprint {
        return Ok(Some(Err(Refusal::IdempotencyKeyReused)));
    }
    let committed = serde_json::from_str::<Committed>(&outcome).map_err(|error| damaged("a remembered answer", error))?;
    Ok(Some(Ok(Committed { replayed: true, ..committed })))
}

/// What was answered until then is no longer remembered.
fn forgotten(now: Timestamp) -> i64 {
    now.as_millis().saturating_sub(i64::try_from(Idempotency::KEPT.as_millis()).unwrap_or(i64::MAX))
}

/// Keeps what was done, for the same request to be answered with.
fn remember(connection: &Connection, entry: &Entry, committed: &Committed) -> Result<(), StoreError> {
    let Some(idempotency) = &entry.conditions.idempotency else { return Ok(()) };
    let sql = "INSERT OR REPLACE INTO idempotency (scope, key, fingerprint, at, outcome) VALUES (?1, ?2, ?3, ?4, ?5)";
    let outcome = json!(committed).to_string();
    let values = params![idempotency.scope, idempotency.key, idempotency.fingerprint.as_slice(), entry.at.as_millis(), outcome];
    execute(connection, sql, values)
}

/// Whether something that had to stay as it was did not.
fn changed_meanwhile(connection: &Connection, entry: &Entry, found: &Found) -> Result<Option<Refusal>, StoreError> {
    if let (Some(expected), Some(account)) = (entry.conditions.account, &found.account)
        && account.sequence != expected
    {
        return Ok(Some(Refusal::Changed(account.id.to_string())));
    }
    for &(key, expected) in &entry.conditions.keys {
        let sql = "SELECT sequence FROM api_key WHERE id = ?1";
        let read = |row: &Row<'_>| row.get::<_, i64>(0).map_err(unavailable);
        if rows(connection, sql, [key.to_bytes()], read)?.pop() != Some(stored_sequence(expected)) {
            return Ok(Some(Refusal::Changed(key.to_string())));
        }
    }
    Ok(None)
}

/// What the change is about, as it stands.
fn find(connection: &Connection, entry: &Entry) -> Result<Found, StoreError> {
    let change = &entry.change;
    let mut found = Found::default();
    if let Change::CreateKey(new) = change
        && let Some(most) = new.account_limit
    {
        let sql = "SELECT 1 FROM api_key INDEXED BY api_key_by_account WHERE api = ?1 AND account = ?2 \
                   AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?3) LIMIT ?4";
        let counted = rows(connection, sql, (&new.api, new.account.as_str(), entry.at.as_millis(), most), |_| Ok(()))?;
        found.keys_of_account = u32::try_from(counted.len()).unwrap_or(u32::MAX);
    }
    if let Change::ImportKeys { api, keys, .. } = change {
        found.imports = Some(import::find(connection, api, keys)?);
    }
    if let Some(account) = change.account() {
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM account WHERE api = ?1 AND id = ?2");
        found.account = rows(connection, &sql, (change.api(), account.as_str()), account_row)?.pop();
    }
    if let Some(key) = change.subject_key() {
        let sql = format!("SELECT {KEY_COLUMNS} FROM api_key WHERE id = ?1 AND api = ?2");
        found.key = rows(connection, &sql, (key.to_bytes(), change.api()), stored_key)?.pop();
    }
    if let Change::ReportLeak { api, key, .. } = change {
        found.is_reported = events::is_raised(connection, api, EventKind::KeyLeaked, &key.to_string())?;
    }
    if let (Change::RenewKey { api, .. }, Some(key)) = (change, &found.key) {
        let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM account WHERE api = ?1 AND id = ?2");
        found.account = rows(connection, &sql, (api, key.row.account.as_str()), account_row)?.pop();
    }
    find_people(connection, change, &mut found)?;
    if let Some(id) = change.subject_webhook() {
        found.webhook = webhooks::webhook(connection, change.api(), id)?;
    }
    if let Change::CreateWebhook(new) = change {
        found.webhooks_of_owner = webhooks::count_of_owner(connection, &new.api, new.account.as_ref(), MOST_WEBHOOKS)?;
    }
    Ok(found)
}

/// The people whom the change is about, and what it is decided by.
fn find_people(connection: &Connection, change: &Change, found: &mut Found) -> Result<(), StoreError> {
    if let Some(id) = change.subject_member() {
        found.member = people::member(connection, id)?.filter(|member| member.row.api == change.api());
        found.has_other_operator = people::has_other_operator(connection, id)?;
    }
    if let Change::CreateMember(new) = change {
        found.member = match (&new.email, &new.account) {
            (Some(email), _) => people::member_by_email(connection, email)?,
            (None, Some(account)) if new.is_portal => people::portal_member(connection, &new.api, account, &new.name)?,
            _ => None,
        };
    }
    if let Some(digest) = change.spends() {
        found.link = people::link(connection, digest)?;
    }
    Ok(())
}

fn write_row(connection: &Connection, row: &RowWrite) -> Result<Option<Refusal>, StoreError> {
    match row {
        RowWrite::NewAccount(account) => insert_account(connection, account)?,
        RowWrite::ChangedAccount(account) => update_account(connection, account)?,
        RowWrite::ChangedKey(key) | RowWrite::LeakedKey { key, is_revoked: true } => update_key(connection, &key.row)?,
        RowWrite::LeakedKey { is_revoked: false, .. } => {}
        RowWrite::NewKey(key) => return insert_key(connection, key),
        RowWrite::RehashedKey(key) => return rehash_key(connection, key),
        RowWrite::NewMember(member) => return people::insert_member(connection, member),
        RowWrite::ChangedMember(member) => return people::update_member(connection, member),
        RowWrite::NewLink(link) => people::insert_link(connection, link)?,
        RowWrite::SpentLink(digest) => people::spend_link(connection, *digest)?,
        RowWrite::WithdrawnLinks(member, purpose) => people::withdraw_links(connection, *member, *purpose)?,
        RowWrite::WithdrawnSetUpLinks => people::withdraw_set_up_links(connection)?,
        RowWrite::NewSession(session) => people::insert_session(connection, session)?,
        RowWrite::EndedSessions(member, which) => people::end_sessions(connection, *member, *which)?,
        RowWrite::EndedOldSessions(member, kept) => people::end_old_sessions(connection, *member, *kept)?,
        RowWrite::NewWebhook(webhook) => webhooks::insert_webhook(connection, webhook)?,
        RowWrite::ChangedWebhook(webhook) => webhooks::update_webhook(connection, webhook)?,
        RowWrite::RemovedWebhook(id) => webhooks::remove_webhook(connection, *id)?,
    }
    Ok(None)
}

fn insert_account(connection: &Connection, row: &AccountRow) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO account ({ACCOUNT_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    let values = params![
        row.api,
        row.id.as_str(),
        row.name,
        row.enabled,
        row.created_at.as_millis(),
        row.updated_at.as_millis(),
        stored_sequence(row.sequence),
        row.plan
    ];
    execute(connection, &sql, values)
}

/// Everything of an account that a change can change.
fn update_account(connection: &Connection, row: &AccountRow) -> Result<(), StoreError> {
    let sql =
        "UPDATE account SET name = ?3, enabled = ?4, updated_at = ?5, sequence = ?6, plan = ?7 WHERE api = ?1 AND id = ?2";
    let values = params![
        row.api,
        row.id.as_str(),
        row.name,
        row.enabled,
        row.updated_at.as_millis(),
        stored_sequence(row.sequence),
        row.plan
    ];
    execute(connection, sql, values)
}

fn insert_key(connection: &Connection, key: &StoredKey) -> Result<Option<Refusal>, StoreError> {
    let StoredKey { digest, provenance, row } = key;
    let (imported, foreign_hash) = provenance_columns(provenance);
    let sql = format!(
        "INSERT INTO api_key ({KEY_COLUMNS}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
         ?24, ?25, ?26)"
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
        row.replaces.map(KeyId::to_bytes),
        imported,
        foreign_hash,
        limits_text(row),
        row.auto_renew,
        row.term_began_at.map(Timestamp::as_millis),
        row.end_when_unused_for_s.and_then(|seconds| i64::try_from(seconds).ok())
    ];
    let mut statement = connection.prepare_cached(&sql).map_err(unavailable)?;
    match statement.execute(values) {
        Ok(_) => list_permissions(connection, row, &[]).map(|()| None),
        // Only the id and the digest are unique; the account was found or made under this very savepoint.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(Some(Refusal::KeyExists(row.id))),
        Err(error) => Err(unavailable(error)),
    }
}

/// The digest is written here alone: it leads an index, which other changes need not touch.
fn rehash_key(connection: &Connection, StoredKey { digest, row, .. }: &StoredKey) -> Result<Option<Refusal>, StoreError> {
    let sql = "UPDATE api_key SET digest = ?2, updated_at = ?3, sequence = ?4 WHERE id = ?1";
    let values = params![row.id.to_bytes(), digest.as_bytes(), row.updated_at.as_millis(), stored_sequence(row.sequence)];
    match connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)) {
        Ok(_) => Ok(None),
        // The same key is there with its SHA-256 already.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(Some(Refusal::KeyExists(row.id))),
        Err(error) => Err(unavailable(error)),
    }
}

/// Everything of a key that a change can change, its digest aside.
fn update_key(connection: &Connection, row: &KeyRow) -> Result<(), StoreError> {
    let sql = "UPDATE api_key SET rights = ?2, allowed_addresses = ?3, enabled = ?4, expires_at = ?5, revoked_at = ?6, \
               sequence = ?7, name = ?8, description = ?9, metadata = ?10, updated_at = ?11, replaced_by = ?12, \
               limits = ?13, auto_renew = ?14, term_began_at = ?15, end_when_unused_for = ?16 WHERE id = ?1";
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
        row.replaced_by.map(KeyId::to_bytes),
        limits_text(row),
        row.auto_renew,
        row.term_began_at.map(Timestamp::as_millis),
        row.end_when_unused_for_s.and_then(|seconds| i64::try_from(seconds).ok())
    ];
    let before = rows(connection, "SELECT rights FROM api_key WHERE id = ?1", [row.id.to_bytes()], rights_permissions)?.pop();
    execute(connection, sql, values)?;
    list_permissions(connection, row, &before.unwrap_or_default())
}

/// Lists the key under its permissions, and no longer under those that it has lost.
fn list_permissions(connection: &Connection, row: &KeyRow, before: &[Permission]) -> Result<(), StoreError> {
    let id = row.id.to_bytes();
    for permission in before.iter().filter(|permission| !row.permissions.contains(permission)) {
        let sql = "DELETE FROM key_permission WHERE api = ?1 AND permission = ?2 AND key = ?3";
        execute(connection, sql, (&row.api, permission.as_str(), id))?;
    }
    for permission in row.permissions.iter().filter(|permission| !before.contains(permission)) {
        let sql = "INSERT OR IGNORE INTO key_permission (api, permission, key) VALUES (?1, ?2, ?3)";
        execute(connection, sql, (&row.api, permission.as_str(), id))?;
    }
    Ok(())
}

/// Writes the audit row and the events, and says the hash of the former.
fn write_journal(
    connection: &Connection,
    entry: &Entry,
    write: &Write,
    sequence: Sequence,
    head: &[u8; 32],
) -> Result<[u8; 32], StoreError> {
    let (number, at) = (stored_sequence(sequence), entry.at.as_millis());
    let (api, actor, before, after) =
        (entry.change.api(), entry.origin.actor.to_string(), write.before.to_string(), write.after.to_string());
    let address = entry.origin.address.map(|address| address.to_string());
    let (request_id, subject) = (entry.origin.request_id.as_str(), write.subject.as_str());
    let texts = [
        Some(api),
        Some(&*actor),
        Some(request_id),
        Some(write.action),
        Some(subject),
        Some(&*before),
        Some(&*after),
        address.as_deref(),
    ];
    let texts = texts.map(|text| text.map(str::as_bytes));
    let hash = Columns { sequence: number, at, texts }.hash_after(head);
    let sql = format!("INSERT INTO audit ({AUDIT_COLUMNS}, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    execute(
        connection,
        &sql,
        params![number, at, api, actor, request_id, write.action, subject, before, after, address, hash],
    )?;
    entry.events(write).iter().try_for_each(|raised| events::raise(connection, raised))?;
    Ok(hash)
}

pub(super) fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<(), StoreError> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
    done.map(drop).map_err(unavailable)
}

fn addresses_text(row: &KeyRow) -> Option<String> {
    row.allowed_addresses.as_ref().map(|list| json!(list).to_string())
}

fn limits_text(row: &KeyRow) -> Option<String> {
    (!row.limits.is_empty()).then(|| json!(row.limits).to_string())
}
