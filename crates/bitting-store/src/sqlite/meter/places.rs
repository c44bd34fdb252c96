//! From which networks keys are used.
//!
//! The networks of a key are one blob: for each a byte that says whether it is IPv4 or IPv6, its 3 or 6 bytes, and when the key was first and
//! last used from there, as varints of seconds since 1970. A row for each network was rejected: it would be looked up
//! by itself, and all of a key's are needed to say which of too many makes room.

use bitting_core::key::KeyId;
use bitting_core::location::{Location, Place, Places};
use bitting_core::time::Timestamp;
use rusqlite::Connection;

use super::super::error::{damaged, unavailable};
use super::super::events;
use super::super::read::rows;
use super::super::write::execute;
use super::varint::{push, take};
use crate::error::{StoreError, StoreErrorKind};
use crate::seen::SeenFrom;

pub(super) fn add(connection: &Connection, seen: &[SeenFrom]) -> Result<(), StoreError> {
    for seen in seen {
        let known = match find(connection, seen.key) {
            Ok(known) => known,
            // It would fail whatever it comes with. What it held nobody can read.
            Err(error) if error.kind() == StoreErrorKind::Damaged => {
                tracing::error!(key = %seen.key, "the networks of a key are damaged and are learned anew from now on");
                None
            }
            Err(error) => return Err(error),
        };
        let (changed, raised) = seen.hold_against(known);
        if let Some(Places { since, known }) = changed {
            let sql = "REPLACE INTO key_places (key, since, places) VALUES (?1, ?2, ?3)";
            execute(connection, sql, (seen.key.to_bytes(), since.as_millis(), to_blob(&known)))?;
        }
        raised.iter().try_for_each(|raised| events::raise(connection, raised))?;
    }
    Ok(())
}

pub(super) fn find(connection: &Connection, key: KeyId) -> Result<Option<Places>, StoreError> {
    let sql = "SELECT since, places FROM key_places WHERE key = ?1";
    let found = rows(connection, sql, [key.to_bytes()], |row| {
        let (since, blob): (i64, Vec<u8>) = row.try_into().map_err(unavailable)?;
        let known = from_blob(&blob).ok_or_else(|| damaged("the networks of a key", "no networks are written so"))?;
        Ok(Places { since: Timestamp::from_millis(since), known })
    });
    found.map(|mut found| found.pop())
}

fn to_blob(known: &[Place]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(known.len() * 16);
    for Place { location, first, last } in known {
        match location {
            Location::V4(network) => {
                blob.push(4);
                blob.extend(network);
            }
            Location::V6(network) => {
                blob.push(6);
                blob.extend(network);
            }
        }
        for at in [first, last] {
            // A time is never before 1970.
            push(&mut blob, u64::try_from(at.as_millis() / 1_000).unwrap_or_default());
        }
    }
    blob
}

fn from_blob(mut blob: &[u8]) -> Option<Vec<Place>> {
    let mut known = Vec::new();
    while let Some((&version, rest)) = blob.split_first() {
        let location = if version == 4 {
            let (network, rest) = rest.split_first_chunk()?;
            blob = rest;
            Location::V4(*network)
        } else {
            let (network, rest) = rest.split_first_chunk().filter(|_| version == 6)?;
            blob = rest;
            Location::V6(*network)
        };
        let mut time = || Some(Timestamp::from_millis(i64::try_from(take(&mut blob)?).ok()?.checked_mul(1_000)?));
        known.push(Place { location, first: time()?, last: time()? });
    }
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_read_back_as_they_were_written_and_half_of_a_blob_does_not() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let known = [
            Place { location: Location::V4([192, 0, 2]), first: at(1_790_000_000), last: at(1_790_000_001) },
            Place { location: Location::V6([0x20, 1, 0x0d, 0xb8, 0, 1]), first: at(0), last: at(253_402_128_000) },
        ];
        let blob = to_blob(&known);
        assert_eq!((blob.len(), from_blob(&blob).as_deref()), (14 + 14, Some(&known[..])));
        for end in (1..blob.len()).filter(|end| *end != 14) {
            assert_eq!(from_blob(&blob[..end]), None, "cut after {end} bytes");
        }
        assert_eq!(from_blob(&[5, 1, 2, 3, 1, 1]), None);
    }
}
