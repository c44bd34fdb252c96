//! What a durable change costs, alone and in company: `cargo bench -p bitting-store`.
//!
//! The two rows at the end say what the assurance against power loss costs: SQLite itself, writing one row with
//! `synchronous = FULL`, which waits for the disk at each commit, and with `NORMAL`, which does not.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/suite/fixture.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fixture;

use bitting_store::{ChangeLog as _, OwnerLock, SqliteStore};
use divan::Bencher;
use divan::counter::ItemsCount;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::fixture::{entry, new_account, new_key, rename};

fn main() {
    divan::main();
}

/// A folder on the disk that the project is on: the machine's folder for temporary files may be in memory.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Changes in one transaction, one or as many as wait under load.
#[divan::bench(args = [1, 8, 64], sample_count = 200)]
fn changes_in_one_commit(bencher: Bencher, count: usize) {
    let folder = folder();
    let runtime = Runtime::new().unwrap();
    let store = SqliteStore::open(OwnerLock::acquire(&folder.path().join("bitting.db")).unwrap()).unwrap();
    let first = vec![entry(1, new_account("acme")), entry(2, new_key(1, "acme"))];
    runtime.block_on(store.append(first)).unwrap();
    let mut number = 0;
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let batch = (0..count).map(|_| {
            number += 1;
            entry(10 + number, rename(1, &format!("name {number}")))
        });
        let batch = batch.collect();
        runtime.block_on(store.append(batch)).unwrap()
    });
}

/// A row of the size of an audit entry.
#[divan::bench(args = ["FULL", "NORMAL"], sample_count = 200)]
fn bare_row(bencher: Bencher, synchronous: &str) {
    let folder = folder();
    let database = Connection::open(folder.path().join("bare.db")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.pragma_update(None, "synchronous", synchronous).unwrap();
    database.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
    let text = "x".repeat(400);
    bencher.bench_local(|| database.execute("INSERT INTO t (text) VALUES (?1)", [&text]).unwrap());
}
