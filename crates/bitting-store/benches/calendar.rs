//! What looking for what time does to keys takes, in a store with a million of them, and what telling of it takes of the writer.
//! `cargo bench -p bitting-store --bench calendar` writes about a gigabyte, and takes minutes to do so.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/suite/fixture.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fixture;

use std::sync::{Mutex, PoisonError};

use bitting_core::event::EventKind;
use bitting_core::key::{Digest, KeyId};
use bitting_store::{
    Calendar as _, Change, ChangeLog as _, EventLog as _, Fold, KeyReader as _, LastUse, Line, MeterLog as _, NewKey,
    OwnerLock, Place, Raised, Span, SqliteStore, UsageBatch, key_facts,
};
use divan::Bencher;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::fixture::{API, at, entry, new_key};

const KEYS: u32 = 1_000_000;
const DAY: i64 = 86_400_000;

/// The keys were made evenly in the two years before, and half of them end a year after.
const NOW: i64 = 730 * DAY;

/// As many as are read, or told of, at once.
const CHUNK: usize = 200;

fn main() {
    divan::main();
    // What is static is not dropped by itself, and this is large.
    drop(MILLION.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// A store with a million keys, made when it is first asked for.
static MILLION: Mutex<Option<(SqliteStore, TempDir)>> = Mutex::new(None);

fn with_a_million<T>(work: impl FnOnce(&Runtime, &SqliteStore) -> T) -> T {
    let runtime = Runtime::new().unwrap();
    let mut million = MILLION.lock().unwrap_or_else(PoisonError::into_inner);
    let (store, _) = million.get_or_insert_with(|| a_million(&runtime));
    work(&runtime, store)
}

const LINES: [&str; 6] = ["ending", "renewing", "leaving", "made", "used", "never used"];

fn line(name: &str) -> Line {
    match name {
        "ending" => Line::Ending,
        "renewing" => Line::Renewing,
        "leaving" => Line::Leaving,
        "made" => Line::Made("live".into()),
        "used" => Line::Used,
        _ => Line::NeverUsed,
    }
}

/// What is done every few seconds for each thing that is told of an API.
#[divan::bench(args = LINES, sample_count = 200)]
fn nothing_is_due(bencher: Bencher<'_, '_>, name: &str) {
    read(bencher, name, NOW - 90 * DAY, NOW - 90 * DAY + 1_000);
}

/// What is done after a long pause, again and again until all is told.
#[divan::bench(args = LINES, sample_count = 50)]
fn a_chunk_is_due(bencher: Bencher<'_, '_>, name: &str) {
    read(bencher, name, NOW - 90 * DAY, NOW + 90 * DAY);
}

fn read(bencher: Bencher<'_, '_>, name: &str, after: i64, until: i64) {
    let span = Span { after: Place::end_of(at(after)), until: at(until) };
    with_a_million(|runtime, store| {
        bencher.bench_local(|| runtime.block_on(store.along(API, line(name), span, CHUNK)).unwrap());
    });
}

/// How long the writer is held for a chunk of events that are each written once.
#[divan::bench(sample_count = 50)]
fn tell_of_a_chunk(bencher: Bencher<'_, '_>) {
    with_a_million(|runtime, store| {
        let mut key = runtime.block_on(store.key(API, key(2).id)).unwrap().unwrap();
        let mut told = 0_u64;
        bencher
            .with_inputs(|| {
                let raised = |_| {
                    told += 1;
                    key.name = format!("key {told}");
                    Raised {
                        kind: EventKind::KeyExpiring,
                        api: API.into(),
                        account: Some(key.account.clone()),
                        key: Some(key.id),
                        at: at(NOW),
                        count: 1,
                        fold: Fold::Once(format!("{} {told}", key.id)),
                        data: json!({"key": key_facts(&key), "expires_at": at(NOW), "days_left": 30}),
                    }
                };
                (0..CHUNK).map(raised).collect::<Vec<_>>()
            })
            .bench_local_values(|raised| runtime.block_on(store.raise(raised)).unwrap());
    });
}

fn a_million(runtime: &Runtime) -> (SqliteStore, TempDir) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = SqliteStore::open(OwnerLock::acquire(&folder.path().join("bitting.db")).unwrap()).unwrap();
    let started = std::time::Instant::now();
    for first in (0..KEYS).step_by(2_000) {
        let (mut batch, mut last_uses) = (Vec::new(), Vec::new());
        for number in first..first + 2_000 {
            let new = key(number);
            let used_at = NOW - i64::from(number.wrapping_mul(7_919) % 200) * DAY;
            let is_used = number % 4 != 0;
            last_uses.extend(is_used.then(|| LastUse { key: new.id, at: at(used_at), address: Some([192, 0, 2, 1].into()) }));
            batch.push(entry(made_at(number), Change::CreateKey(Box::new(new))));
        }
        for answer in runtime.block_on(store.append(batch)).unwrap() {
            answer.unwrap();
        }
        let batch = UsageBatch { last_uses, ..UsageBatch::default() };
        runtime.block_on(store.add_usage(u64::from(first) + 1, batch)).unwrap();
    }
    println!("\n{KEYS} keys with their last uses written in {:.1?}", started.elapsed());
    (store, folder)
}

fn made_at(number: u32) -> i64 {
    NOW / i64::from(KEYS) * i64::from(number)
}

fn key(number: u32) -> NewKey {
    let Change::CreateKey(new) = new_key(1, "large") else { unreachable!() };
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    NewKey {
        id: KeyId::new(at(made_at(number)), u128::from(number)),
        digest: Digest::from_bytes(digest),
        prefix: format!("csb_pub_{number:06}"),
        account: format!("org_{:024}", number % 5_000).parse().unwrap(),
        create_account: true,
        environment: if number.is_multiple_of(4) { "test" } else { "live" }.into(),
        expires_at: number.is_multiple_of(2).then(|| at(made_at(number) + 365 * DAY)),
        auto_renew: number.is_multiple_of(10),
        ..*new
    }
}
