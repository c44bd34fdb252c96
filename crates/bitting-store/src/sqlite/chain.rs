//! The chain of audit rows in SQLite.

use async_trait::async_trait;
use bitting_core::record::Sequence;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use sha2::{Digest as _, Sha256};

use super::SqliteStore;
use super::error::{damaged, unavailable};
use super::read::rows;
use super::rows::{AUDIT_COLUMNS, get};
use super::write::execute;
use crate::audit_chain::{AuditChain, AuditFault, AuditHead, AuditVerdict};
use crate::error::StoreError;

/// What the first row's hash covers in place of one before it.
pub(super) const BEGINNING: [u8; 32] = [0; 32];

/// What is written before a row, so that another way of hashing could be told from this one.
const VERSION: u8 = 1;

/// How many rows are read at once.
const PAGE: usize = 2_000;

#[async_trait]
impl AuditChain for SqliteStore {
    async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<AuditVerdict, StoreError> {
        self.read(move |connection| verify(connection, kept)).await
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.read(|connection| Ok(AuditHead { sequence: last(connection)?, hash: head(connection)? })).await
    }
}

/// The columns of an audit row as they are stored, in the order of [`AUDIT_COLUMNS`].
pub(super) struct Columns<'r> {
    pub(super) sequence: i64,
    pub(super) at: i64,
    /// `None` is told from the empty text.
    pub(super) texts: [Option<&'r [u8]>; 8],
}

impl Columns<'_> {
    /// The hash of this row after the one with that hash. Each text comes with its length, so that none can lend a letter to the
    /// next.
    pub(super) fn hash_after(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update([VERSION]);
        hash.update(before);
        hash.update(self.sequence.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        for text in self.texts {
            hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hash.update(text.unwrap_or_default());
        }
        hash.finalize().into()
    }
}

/// A row as it is read back: as bytes, since whoever has altered it need not have written text.
struct Stored {
    sequence: i64,
    /// `None` if it is no number.
    at: Option<i64>,
    /// `None` if one is neither text nor null.
    texts: Option<[Option<Vec<u8>>; 8]>,
    /// Empty if it is none.
    hash: Vec<u8>,
}

impl Stored {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let mut texts = [const { None }; 8];
        let mut are_texts = true;
        for (column, text) in (2..).zip(&mut texts) {
            match row.get_ref(column).map_err(unavailable)? {
                ValueRef::Text(bytes) => *text = Some(bytes.to_vec()),
                ValueRef::Null => {}
                _ => are_texts = false,
            }
        }
        Ok(Self {
            sequence: get(row, 0)?,
            at: row.get_ref(1).map_err(unavailable)?.as_i64().ok(),
            texts: are_texts.then_some(texts),
            hash: bytes(row, 10)?,
        })
    }

    /// `None` if nobody can have written this row.
    fn hash_after(&self, before: &[u8; 32]) -> Option<[u8; 32]> {
        let texts = self.texts.as_ref()?.each_ref().map(Option::as_deref);
        Some(Columns { sequence: self.sequence, at: self.at?, texts }.hash_after(before))
    }
}

fn bytes(row: &Row<'_>, column: usize) -> Result<Vec<u8>, StoreError> {
    Ok(row.get_ref(column).map_err(unavailable)?.as_blob().unwrap_or_default().to_vec())
}

/// The hash of the last row.
pub(super) fn head(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let read = |row: &Row<'_>| get::<Option<[u8; 32]>>(row, 0);
    let found = rows(connection, "SELECT audit_head FROM progress", [], read)?.pop().flatten();
    Ok(found.unwrap_or(BEGINNING))
}

fn last(connection: &Connection) -> Result<Sequence, StoreError> {
    Ok(super::progress(connection)?.sequence)
}

fn page(connection: &Connection, after: i64) -> Result<Vec<Stored>, StoreError> {
    let sql = format!("SELECT {AUDIT_COLUMNS}, hash FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT {PAGE}");
    rows(connection, &sql, [after], Stored::read)
}

/// Chains the rows that were written before there was a chain, in the transaction that brings it. Later a row without a hash is
/// one that somebody has altered.
pub(super) fn begin(transaction: &Connection) -> Result<(), StoreError> {
    let (mut before, mut after) = (BEGINNING, 0);
    loop {
        let stored = page(transaction, after)?;
        let Some(last) = stored.last() else { break };
        after = last.sequence;
        for row in &stored {
            before = row.hash_after(&before).ok_or_else(|| damaged("an audit row", "it is not made of texts"))?;
            execute(transaction, "UPDATE audit SET hash = ?2 WHERE sequence = ?1", (row.sequence, before))?;
        }
    }
    execute(transaction, "UPDATE progress SET audit_head = ?1", [before])
}

fn verify(connection: &Connection, kept: Option<AuditHead>) -> Result<AuditVerdict, StoreError> {
    // One moment is looked at, whatever is written meanwhile.
    let transaction = connection.unchecked_transaction().map_err(unavailable)?;
    let expected = last(&transaction)?;
    let expected_head =
        rows(&transaction, "SELECT audit_head FROM progress", [], |row| bytes(row, 0))?.pop().unwrap_or_default();
    let mut verdict = AuditVerdict { rows: 0, head: AuditHead { sequence: Sequence(0), hash: BEGINNING }, fault: None };
    let mut met_kept = kept.is_none_or(|kept| kept.sequence == Sequence(0));
    // Nothing has been written under such a number, and somebody could show it all the same.
    let mut after = i64::MIN;
    loop {
        let stored = page(&transaction, after)?;
        let Some(last) = stored.last() else { break };
        after = last.sequence;
        for row in &stored {
            let before = verdict.head;
            let fault = match u64::try_from(row.sequence).map(Sequence) {
                Ok(number) if number.0 == 0 || number > expected => Err(AuditFault::Added(row.sequence)),
                Err(_) => Err(AuditFault::Added(row.sequence)),
                Ok(number) if number.0 != before.sequence.0 + 1 => Err(AuditFault::Missing(before.sequence, number)),
                Ok(number) => match row.hash_after(&before.hash) {
                    Some(hash) if row.hash == hash => Ok(AuditHead { sequence: number, hash }),
                    _ => Err(AuditFault::Altered(number)),
                },
            };
            match fault {
                Ok(head) => verdict.head = head,
                Err(fault) => return Ok(AuditVerdict { fault: Some(fault), ..verdict }),
            }
            verdict.rows += 1;
            met_kept |= kept == Some(verdict.head);
            if let Some(kept) = kept.filter(|kept| kept.sequence == verdict.head.sequence && kept.hash != verdict.head.hash) {
                verdict.fault = Some(AuditFault::OtherLog(kept.sequence));
                return Ok(verdict);
            }
        }
    }
    if verdict.head.sequence != expected {
        verdict.fault = Some(AuditFault::CutOff(verdict.head.sequence, expected));
    } else if expected_head != verdict.head.hash && !(expected_head.is_empty() && verdict.rows == 0) {
        verdict.fault = Some(AuditFault::Altered(expected));
    } else if let Some(kept) = kept.filter(|_| !met_kept) {
        verdict.fault = Some(AuditFault::CutOff(verdict.head.sequence, kept.sequence));
    }
    Ok(verdict)
}
