//! Looking up keys that are to be imported.

use std::collections::HashSet;

use bitting_core::account::AccountId;
use bitting_core::key::{KeyHash, KeyId};
use rusqlite::Connection;

use super::error::unavailable;
use super::read::rows;
use super::rows::foreign_hash;
use crate::change::{FoundImports, ImportStanding, ImportedKey};
use crate::error::StoreError;

pub(super) fn find(connection: &Connection, api: &str, keys: &[ImportedKey]) -> Result<FoundImports, StoreError> {
    let standings = keys.iter().map(|key| standing(connection, api, key.id, &key.hash)).collect::<Result<_, _>>()?;
    let mut accounts = HashSet::new();
    let named: HashSet<&AccountId> = keys.iter().map(|key| &key.account).collect();
    for account in named {
        let sql = "SELECT 1 FROM account WHERE api = ?1 AND id = ?2";
        if !rows(connection, sql, (api, account.as_str()), |_| Ok(()))?.is_empty() {
            accounts.insert(account.clone());
        }
    }
    Ok(FoundImports { standings, accounts })
}

/// A key is the same if its hash is. One that came with a SHA-512 is still known by it after it was seen.
pub(super) fn standing(connection: &Connection, api: &str, id: KeyId, hash: &KeyHash) -> Result<ImportStanding, StoreError> {
    let whose = |sql: &str, hash: &[u8]| {
        let found = rows(connection, sql, [hash], |row| row.get::<_, String>(0).map_err(unavailable))?;
        Ok::<_, StoreError>(found.into_iter().next())
    };
    let owner = match hash {
        KeyHash::Sha256(digest) => whose("SELECT api FROM api_key WHERE digest = ?1", digest.as_bytes())?,
        // How others keep keys names no API. What may stand in two of them is known by its place.
        KeyHash::Sha512(_) | KeyHash::LongToken(_) => {
            whose("SELECT api FROM api_key WHERE foreign_hash = ?1", &foreign_hash(hash))?
        }
        KeyHash::Salted(_) => {
            let there = whose("SELECT api FROM api_key WHERE foreign_hash = ?1", &foreign_hash(hash))?;
            match there {
                None => whose("SELECT api FROM api_key WHERE digest = ?1", hash.place(api).as_bytes())?,
                there => there,
            }
        }
    };
    Ok(match owner {
        Some(owner) if owner == api => ImportStanding::There,
        Some(_) => ImportStanding::Elsewhere,
        None if whose("SELECT api FROM api_key WHERE id = ?1", &id.to_bytes())?.is_some() => ImportStanding::IdTaken,
        None => ImportStanding::New,
    })
}
