//! What lists for people take: of an account with a hundred thousand keys, and of an API with a million.
//! `cargo bench -p bitting-store --bench overview` writes about a gigabyte, and takes minutes to do so.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/suite/fixture.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fixture;

use std::sync::{Mutex, PoisonError};

use bitting_core::key::{Digest, KeyId};
use bitting_store::{
    Ages, Change, ChangeLog as _, KeyPatch, LastUse, MeterLog as _, NewKey, OverviewQuery, OverviewReader as _, OwnerLock,
    Part, Sort, SortBy, SqliteStore, UsageBatch, View,
};
use divan::Bencher;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::fixture::{API, at, entry, new_key};

const KEYS: u32 = 1_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The keys were made evenly in the two years before.
const NOW: i64 = 730 * DAY;

fn main() {
    divan::main();
    // What is static is not dropped by itself, and this is large.
    drop(MILLION.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// A store with a million keys, made when it is first asked for.
static MILLION: Mutex<Option<(SqliteStore, TempDir)>> = Mutex::new(None);

fn ask(bencher: Bencher<'_, '_>, query: &OverviewQuery) {
    let runtime = Runtime::new().unwrap();
    let mut million = MILLION.lock().unwrap_or_else(PoisonError::into_inner);
    let (store, _) = million.get_or_insert_with(|| a_million(&runtime));
    bencher.bench_local(|| runtime.block_on(store.overview(query.clone())).unwrap());
}

fn query(account: bool, list: &str) -> OverviewQuery {
    let mut words = list.split(' ');
    let view = match words.next() {
        Some("attention") => View::Attention,
        Some("unused") => View::Unused,
        Some("revoked") => View::Revoked,
        _ => View::All,
    };
    let mut query = OverviewQuery {
        api: API.into(),
        account: account.then(|| "large".parse().unwrap()),
        environment: None,
        search: None,
        view,
        sort: SortBy::LastUsed.usual(),
        part: Part::First,
        limit: 25,
        ages: Ages::default(),
        now: at(NOW),
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("in", environment) => query.environment = Some(environment.into()),
            ("like", text) => query.search = Some(text.into()),
            ("by", "name") => query.sort = SortBy::Name.usual(),
            ("by", "creation") => query.sort = SortBy::Created.usual(),
            ("by", "end") => query.sort = SortBy::Expires.usual(),
            ("from", "below") => query.sort = Sort { descending: !query.sort.descending, ..query.sort },
            _ => {}
        }
    }
    query
}

const LISTS: [&str; 14] = [
    "all by=use",
    "all by=name",
    "all by=creation",
    "all by=end",
    "all by=end from=below",
    "all by=use in=test",
    "all by=use in=rare",
    "all by=use like=billing",
    "all by=use like=key",
    "all by=use like=csb_pub_12345",
    "attention by=use",
    "attention by=creation",
    "unused by=name",
    "revoked by=use",
];

#[divan::bench(args = LISTS, sample_count = 20)]
fn of_an_account(bencher: Bencher<'_, '_>, list: &str) {
    ask(bencher, &query(true, list));
}

#[divan::bench(args = LISTS, sample_count = 20)]
fn of_an_api(bencher: Bencher<'_, '_>, list: &str) {
    ask(bencher, &query(false, list));
}

/// A tenth of the keys is of one account. A tenth is revoked, half ends a year after it was made, so that a quarter has expired; a
/// tenth was never used, and a tenth not for long.
fn a_million(runtime: &Runtime) -> (SqliteStore, TempDir) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = SqliteStore::open(OwnerLock::acquire(&folder.path().join("bitting.db")).unwrap()).unwrap();
    let started = std::time::Instant::now();
    for first in (0..KEYS).step_by(2_000) {
        let mut batch = Vec::new();
        let mut last_uses = Vec::new();
        for number in first..first + 2_000 {
            let new = key(number);
            let (id, created_at) = (new.id, made_at(number));
            batch.push(entry(created_at, Change::CreateKey(Box::new(new))));
            if number % 10 == 3 {
                batch.push(entry(NOW, Change::RevokeKey { api: API.into(), key: id }));
            }
            if number % 50 == 1 {
                let patch = Box::new(KeyPatch { name: Some(format!("Billing {number}")), ..KeyPatch::default() });
                batch.push(entry(NOW, Change::UpdateKey { api: API.into(), key: id, patch }));
            }
            let used_at = match number % 10 {
                4 => None,
                5 => Some(created_at + DAY),
                _ => Some(NOW - i64::from(number.wrapping_mul(7_919) % 40) * DAY - i64::from(number % 86_400) * 1_000),
            };
            last_uses.extend(used_at.map(|ms| LastUse {
                key: id,
                at: at(ms.max(created_at)),
                address: Some([192, 0, 2, 1].into()),
            }));
        }
        for answer in runtime.block_on(store.append(batch)).unwrap() {
            answer.unwrap();
        }
        let batch = UsageBatch { last_uses, ..UsageBatch::default() };
        runtime.block_on(store.add_usage(u64::from(first) + 1, batch)).unwrap();
    }
    while runtime.block_on(store.note_expired(API, at(NOW), 10_000)).unwrap() > 0 {}
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
    let account = if number.is_multiple_of(10) { "large".to_owned() } else { format!("org_{:024}", number % 5_000) };
    NewKey {
        id: KeyId::new(at(made_at(number)), u128::from(number)),
        digest: Digest::from_bytes(digest),
        prefix: format!("csb_pub_{number:06}"),
        account: account.parse().unwrap(),
        create_account: true,
        name: format!("key of service {}", number.wrapping_mul(40_503) % 100_000),
        environment: if number % 1_000 == 7 {
            "rare"
        } else if number.is_multiple_of(4) {
            "test"
        } else {
            "live"
        }
        .into(),
        expires_at: number.is_multiple_of(2).then(|| at(made_at(number) + 365 * DAY)),
        ..*new
    }
}
