//! Rows that hold what Bitting cannot have written.

use std::time::Duration;

use bitting_core::event::EventKind;
use bitting_core::location::{Location, Visit};
use bitting_core::time::Timestamp;
use bitting_store::{
    ChangeLog, EventLog, Holder, MeterLog, OwnerLock, Refusal, RingSource, SeenFrom, SqliteStore, StoreErrorKind, Tally,
    UsageBatch, UsageQuery, WatchReader, Whose,
};
use rusqlite::Connection;

use super::fixture::{API, at, entry, id, new_account, new_key, rename, revoke, suspend};

fn batch(tallies: impl Into<Vec<Tally>>) -> UsageBatch {
    UsageBatch { tallies: tallies.into(), ..UsageBatch::default() }
}

/// A store with the accounts "acme" and "other", two keys of the former, and one statement run past it.
async fn damaged_by(sql: &str) -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitting.db");
    let store = SqliteStore::open(OwnerLock::acquire(&path).unwrap()).unwrap();
    let changes = [new_account("acme"), new_account("other"), new_key(1, "acme"), new_key(2, "acme")];
    for answer in store.append(changes.into_iter().map(|change| entry(1, change)).collect()).await.unwrap() {
        answer.unwrap();
    }
    assert_eq!(Connection::open(&path).unwrap().execute(sql, []).unwrap(), 1, "{sql}");
    (store, folder)
}

#[tokio::test]
async fn a_damaged_row_is_told_from_a_store_that_cannot_be_reached() {
    let (store, _folder) = damaged_by("UPDATE account SET id = 'not an id' WHERE id = 'other'").await;
    assert_eq!(store.ring_accounts().await.unwrap_err().kind(), StoreErrorKind::Damaged);
    let (store, _folder) = damaged_by("UPDATE api_key SET digest = x'00' WHERE name = 'key 1'").await;
    let error = store.ring_key(id(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(error.to_string().starts_with("the store is damaged: a column: "), "{error}");
    assert!(store.ring_key(id(2)).await.unwrap().is_some(), "the other rows are sound");
}

#[tokio::test]
async fn a_change_to_a_damaged_row_is_refused_and_the_rest_of_its_batch_is_written() {
    for sql in [
        "UPDATE api_key SET digest = x'00' WHERE name = 'key 1'",
        "UPDATE api_key SET rights = 'no list' WHERE name = 'key 1'",
        "UPDATE api_key SET description = CAST(x'ff' AS TEXT) WHERE name = 'key 1'",
        "UPDATE api_key SET sequence = -1 WHERE name = 'key 1'",
    ] {
        let (store, _folder) = damaged_by(sql).await;
        let batch = [rename(2, "kept"), revoke(1), suspend("other")].map(|change| entry(2, change));
        let answers = store.append(batch.into()).await.unwrap();
        assert!(matches!(&answers[..], [Ok(_), Err(Refusal::Damaged(_)), Ok(_)]), "{sql}: {answers:?}");
        assert_eq!(store.progress().await.unwrap().sequence.0, 6, "{sql}");
    }
}

#[tokio::test]
async fn a_damaged_day_of_usage_cannot_be_read_and_hinders_no_other_and_is_counted_anew() {
    let tally = |number| {
        let holder = Holder { api: API.into(), environment: "live".into(), whose: Whose::Key(id(number)) };
        Tally { holder, at: at(0), route: "GET /a".into(), outcome: "admitted".into(), count: 1 }
    };
    for sql in ["UPDATE usage SET hours = x'01'", "UPDATE usage SET hours = x'0101000000'"] {
        let (store, folder) = damaged_by("UPDATE account SET name = name WHERE id = 'acme'").await;
        let usage = async |number| {
            let (whose, from, until) = (Whose::Key(id(number)), at(0), Timestamp::MAX);
            let found = store.usage(UsageQuery { api: API.into(), environment: None, whose, route: None, from, until }).await;
            found.map(|rows| rows.iter().map(|row| row.count).sum::<u64>())
        };
        store.add_usage(1, batch([tally(1)])).await.unwrap();
        Connection::open(folder.path().join("bitting.db")).unwrap().execute(sql, []).unwrap();
        store.add_usage(2, batch([tally(2)])).await.unwrap();
        assert_eq!(usage(1).await.unwrap_err().kind(), StoreErrorKind::Damaged, "{sql}");
        assert_eq!(usage(2).await.unwrap(), 1, "{sql}");
        store.add_usage(3, batch([tally(1), tally(2)])).await.unwrap();
        assert_eq!((usage(1).await.unwrap(), usage(2).await.unwrap()), (1, 2), "{sql}");
    }
}

#[tokio::test]
async fn damaged_networks_of_a_key_are_learned_anew_and_hinder_nothing_else_of_their_batch() {
    let (store, folder) = damaged_by("UPDATE account SET name = name WHERE id = 'acme'").await;
    let seen = |ms, address: [u8; 4]| {
        let (address, learning) = (address.into(), Duration::from_hours(1));
        let visits = vec![Visit { location: Location::from(address), address, at: at(ms) }];
        let seen = SeenFrom { api: API.into(), key: id(1), account: "acme".parse().unwrap(), visits, learning };
        UsageBatch { seen: vec![seen], ..UsageBatch::default() }
    };
    store.add_usage(1, seen(0, [192, 0, 2, 1])).await.unwrap();
    let raw = Connection::open(folder.path().join("bitting.db")).unwrap();
    assert_eq!(raw.execute("UPDATE key_places SET places = x'04'", []).unwrap(), 1);
    assert_eq!(store.places(id(1)).await.unwrap_err().kind(), StoreErrorKind::Damaged);
    store.add_usage(2, seen(9_000_000, [198, 51, 100, 1])).await.unwrap();
    assert_eq!(store.places(id(1)).await.unwrap().unwrap().since, at(9_000_000));
    assert!(store.events_after(0, 10).await.unwrap().iter().all(|row| row.kind != EventKind::KeyUsedFromNewLocation));
}
