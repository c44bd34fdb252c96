//! Rows as SQLite holds them.

use std::collections::BTreeMap;

use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::key::{Digest, KeyHash, KeyId, WideDigest};
use bitting_core::record::Sequence;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::de::DeserializeOwned;

use super::error::{damaged, unavailable};
use crate::error::StoreError;
use crate::read::{AuditRow, RingRow};
use crate::row::{AccountRow, KeyRow, Provenance, StoredKey};

/// The columns of [`ring_row`], in its order.
pub(super) const RING_COLUMNS: &str = "id, digest, api, account, environment, rights, allowed_addresses, enabled, \
     expires_at, revoked_at, sequence, imported, foreign_hash, limits";

/// The columns of [`stored_key`], in its order.
pub(super) const KEY_COLUMNS: &str = "id, digest, api, account, environment, rights, allowed_addresses, enabled, \
     expires_at, revoked_at, sequence, name, description, prefix, metadata, created_at, created_by, updated_at, replaced_by, \
     replaces, imported, foreign_hash, limits, auto_renew, term_began_at, end_when_unused_for";

/// The column that follows those of a key.
pub(super) fn after_key() -> usize {
    KEY_COLUMNS.split(',').count()
}

/// The columns of [`audit_row`], in its order.
pub(super) const AUDIT_COLUMNS: &str = "sequence, at, api, actor, request_id, action, subject, before, after, address";

/// The columns of [`account_row`], in its order.
pub(super) const ACCOUNT_COLUMNS: &str = "api, id, name, enabled, created_at, updated_at, sequence, plan";

pub(super) fn account_row(row: &Row<'_>) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        api: get(row, 0)?,
        id: account_id(row, 1)?,
        name: get(row, 2)?,
        enabled: get(row, 3)?,
        created_at: time(get(row, 4)?),
        updated_at: time(get(row, 5)?),
        sequence: sequence(row, 6)?,
        plan: get(row, 7)?,
    })
}

pub(super) fn ring_row(row: &Row<'_>) -> Result<RingRow, StoreError> {
    let digest = Digest::from_bytes(get(row, 1)?);
    let api: String = get(row, 2)?;
    Ok(RingRow {
        id: KeyId::from_bytes(get(row, 0)?),
        provenance: provenance(row, 11, &api, digest)?,
        digest,
        api,
        account: account_id(row, 3)?,
        environment: get(row, 4)?,
        rights: get(row, 5)?,
        allowed_addresses: addresses(row, 6)?,
        enabled: get(row, 7)?,
        expires_at: get::<Option<i64>>(row, 8)?.map(time),
        revoked: get::<Option<i64>>(row, 9)?.is_some(),
        sequence: sequence(row, 10)?,
        limits: limits(row, 13)?,
    })
}

pub(super) fn stored_key(row: &Row<'_>) -> Result<StoredKey, StoreError> {
    let (role, permissions, capabilities) = rights(row, 5)?;
    let digest = Digest::from_bytes(get(row, 1)?);
    let api: String = get(row, 2)?;
    let provenance = provenance(row, 20, &api, digest)?;
    let row = KeyRow {
        id: KeyId::from_bytes(get(row, 0)?),
        api,
        account: account_id(row, 3)?,
        environment: get(row, 4)?,
        role,
        permissions,
        capabilities,
        allowed_addresses: addresses(row, 6)?,
        enabled: get(row, 7)?,
        expires_at: get::<Option<i64>>(row, 8)?.map(time),
        revoked_at: get::<Option<i64>>(row, 9)?.map(time),
        sequence: sequence(row, 10)?,
        name: get(row, 11)?,
        description: get(row, 12)?,
        prefix: get(row, 13)?,
        metadata: json(&get::<String>(row, 14)?)?,
        created_at: time(get(row, 15)?),
        created_by: get(row, 16)?,
        updated_at: time(get(row, 17)?),
        replaced_by: get::<Option<[u8; 16]>>(row, 18)?.map(KeyId::from_bytes),
        replaces: get::<Option<[u8; 16]>>(row, 19)?.map(KeyId::from_bytes),
        limits: limits(row, 22)?,
        auto_renew: get(row, 23)?,
        term_began_at: get::<Option<i64>>(row, 24)?.map(time),
        end_when_unused_for_s: get::<Option<i64>>(row, 25)?.and_then(|seconds| u64::try_from(seconds).ok()),
    };
    Ok(StoredKey { digest, provenance, row })
}

/// Whether a key was imported, and the hash that it came with if that was not its SHA-256, in two columns.
fn provenance(row: &Row<'_>, column: usize, api: &str, digest: Digest) -> Result<Provenance, StoreError> {
    let Some(kept) = get::<Option<Vec<u8>>>(row, column + 1)? else {
        return Ok(if get(row, column)? { Provenance::Imported } else { Provenance::Issued });
    };
    let hash = match <[u8; 64]>::try_from(&*kept) {
        Ok(wide) => KeyHash::Sha512(WideDigest::from_bytes(wide)),
        Err(_) => String::from_utf8_lossy(&kept).parse().map_err(|error| damaged("a hash of an imported key", error))?,
    };
    Ok(if hash.place(api) == digest { Provenance::Unseen(hash) } else { Provenance::Seen(hash) })
}

/// The same two columns, to write.
pub(super) fn provenance_columns(provenance: &Provenance) -> (bool, Option<Vec<u8>>) {
    let kept = match provenance {
        Provenance::Issued | Provenance::Imported => None,
        Provenance::Unseen(hash) | Provenance::Seen(hash) => Some(foreign_hash(hash)),
    };
    (provenance.is_imported(), kept)
}

/// A hash as a column holds it: the 64 bytes of a SHA-512, or the text of another, which never has 64.
pub(super) fn foreign_hash(hash: &KeyHash) -> Vec<u8> {
    if let KeyHash::Sha512(wide) = hash {
        return wide.as_bytes().to_vec();
    }
    let mut text = hash.to_string();
    if text.len() == 64 {
        text.push(' ');
    }
    text.into_bytes()
}

/// The permissions of a key, of which only the rights were read.
pub(super) fn rights_permissions(row: &Row<'_>) -> Result<Vec<Permission>, StoreError> {
    rights(row, 0).map(|(_, permissions, _)| permissions)
}

/// Role, permissions and capabilities.
type Rights = (Option<String>, Vec<Permission>, Vec<String>);

fn rights(row: &Row<'_>, column: usize) -> Result<Rights, StoreError> {
    json(&get::<String>(row, column)?)
}

pub(super) fn audit_row(row: &Row<'_>) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        sequence: sequence(row, 0)?,
        at: time(get(row, 1)?),
        api: get(row, 2)?,
        actor: get(row, 3)?,
        request_id: get(row, 4)?,
        action: get(row, 5)?,
        subject: get(row, 6)?,
        before: json(&get::<String>(row, 7)?)?,
        after: json(&get::<String>(row, 8)?)?,
        address: get(row, 9)?,
    })
}

/// A sequence number as SQLite holds it. 2^63 commits are out of reach.
pub(super) fn stored_sequence(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

pub(super) fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(unavailable)
}

pub(super) fn sequence(row: &Row<'_>, column: usize) -> Result<Sequence, StoreError> {
    u64::try_from(get::<i64>(row, column)?).map(Sequence).map_err(|error| damaged("a negative sequence number", error))
}

pub(super) fn account_id(row: &Row<'_>, column: usize) -> Result<AccountId, StoreError> {
    get::<String>(row, column)?.parse().map_err(|error| damaged("an account id", error))
}

fn addresses(row: &Row<'_>, column: usize) -> Result<Option<AddressList>, StoreError> {
    get::<Option<String>>(row, column)?.map(|text| json(&text)).transpose()
}

fn limits(row: &Row<'_>, column: usize) -> Result<BTreeMap<String, u64>, StoreError> {
    get::<Option<String>>(row, column)?.map_or_else(|| Ok(BTreeMap::new()), |text| json(&text))
}

pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged("a JSON column", error))
}

pub(super) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}
