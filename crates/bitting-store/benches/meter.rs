//! What usage takes: space for a year, time for a month's query and time for what a second brings, which is how long the
//! store's writer is held. `cargo bench -p bitting-store --bench meter` writes about a gigabyte, and takes minutes to do so.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../tests/suite/fixture.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fixture;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bitting_core::key::{Digest, KeyId};
use bitting_core::time::Timestamp;
use bitting_store::{
    BusyQuery, Change, ChangeLog as _, Holder, LastUse, MeterLog as _, NewKey, OwnerLock, Purchase, SqliteStore, Tally,
    UsageBatch, UsageQuery, Whose, Window,
};
use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::fixture::{entry, new_key};

const KEYS: u64 = 10_000;

/// Two keys to each account.
const ACCOUNTS: u64 = KEYS / 2;

const DAYS: i64 = 365;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

const ROUTES: [&str; 2] = ["GET /v1/tasks/*", "POST /v1/tasks"];

fn main() {
    divan::main();
    // What is static is not dropped by itself, and this is large.
    drop(YEAR.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// A store with a year of usage, made when it is first asked for.
static YEAR: Mutex<Option<(SqliteStore, TempDir)>> = Mutex::new(None);

/// A month of one holder, out of a year in which every key was used by two routes in every hour.
#[divan::bench(args = ["key", "account", "api", "api by route", "year of api"], sample_count = 20)]
fn query(bencher: Bencher, what: &str) {
    let runtime = Runtime::new().unwrap();
    let mut year = YEAR.lock().unwrap();
    let (store, _) = year.get_or_insert_with(|| a_year(&runtime));
    let whose = match what {
        "key" => Whose::Key(key(4_321)),
        "account" => Whose::Account(account(4_321)),
        _ => Whose::Api,
    };
    let days = if what == "year of api" { 0..DAYS } else { 300..330 };
    let query = UsageQuery {
        api: "csboard".into(),
        environment: None,
        whose,
        route: (what == "api by route").then(|| ROUTES[0].into()),
        from: Timestamp::from_millis(days.start * DAY_MS),
        until: Timestamp::from_millis(days.end * DAY_MS),
    };
    let routes = if what == "api by route" { 1 } else { ROUTES.len() };
    let rows = usize::try_from(days.end - days.start).unwrap() * 24 * routes;
    assert_eq!(runtime.block_on(store.usage(query.clone())).unwrap().len(), rows);
    bencher.bench_local(|| runtime.block_on(store.usage(query.clone())).unwrap());
}

/// The busiest of all keys, or of an account's two, in a month out of the same year, in 24 hours of two days, and in the year.
#[divan::bench(args = ["month", "month of account", "24 hours", "24 hours of account", "year"], sample_count = 20)]
fn busiest_keys(bencher: Bencher, what: &str) {
    let runtime = Runtime::new().unwrap();
    let mut year = YEAR.lock().unwrap();
    let (store, _) = year.get_or_insert_with(|| a_year(&runtime));
    let hours = match what.split(' ').next() {
        Some("month") => 300 * 24..330 * 24,
        Some("year") => 0..DAYS * 24,
        _ => 329 * 24 + 7..330 * 24 + 7,
    };
    let query = BusyQuery {
        api: "csboard".into(),
        account: what.ends_with("account").then(|| account(4_321)),
        environment: None,
        from: Timestamp::from_millis(hours.start * HOUR_MS),
        until: Timestamp::from_millis(hours.end * HOUR_MS),
        limit: 10,
    };
    let keys = if query.account.is_some() { 2 } else { 10 };
    assert_eq!(runtime.block_on(store.busiest_keys(query.clone())).unwrap().len(), keys);
    bencher.bench_local(|| runtime.block_on(store.busiest_keys(query.clone())).unwrap());
}

/// What is added at once when so many keys, their accounts and the API were used, late in a day in which they always were.
#[divan::bench(args = [50, 100, 250, 500, 1_000, 2_000], sample_count = 50)]
fn usage_added_of_keys(bencher: Bencher, keys: u64) {
    let runtime = Runtime::new().unwrap();
    let (store, _folder) = new_store();
    add(&runtime, &store, &holders(), 0..23);
    let active: Vec<Holder> =
        (0..keys).map(key_holder).chain((0..keys / 2).map(account_holder)).chain([api_holder()]).collect();
    let last_uses = |second| (0..keys).map(move |number| last_use(number, second));
    let mut second = 0;
    bencher.counter(ItemsCount::new(keys)).with_inputs(|| tallies(&active, 23..24)).bench_local_values(|tallies| {
        second += 1;
        runtime.block_on(add_batch(&store, tallies, last_uses(second).collect()));
    });
}

/// Blocks of so many limits, bought at once.
#[divan::bench(args = [1, 8, 64, 512], sample_count = 100)]
fn blocks_bought(bencher: Bencher, limits: u64) {
    let runtime = Runtime::new().unwrap();
    let (store, _folder) = new_store();
    let purchase = |number| {
        let (start, end) = (Timestamp::from_millis(0), Timestamp::from_millis(30 * DAY_MS));
        let window = Window { holder: key_holder(number), limit: "requests".into(), start, end };
        Purchase { window, more: 100, at_most: 1_000_000_000 }
    };
    let purchases = || (0..limits).map(purchase).collect::<Vec<_>>();
    bencher
        .counter(ItemsCount::new(limits))
        .with_inputs(purchases)
        .bench_local_values(|purchases| runtime.block_on(store.buy(purchases)).unwrap());
}

/// So many rows of usage at once, which is how long the writer is held.
#[divan::bench(args = [100, 1_000, 5_000], sample_count = 20)]
fn usage_forgotten(bencher: Bencher, rows: usize) {
    let runtime = Runtime::new().unwrap();
    let (store, _folder) = new_store();
    for day in 0..7 {
        add(&runtime, &store, &holders(), day * 24..(day + 1) * 24);
    }
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let forgotten = runtime.block_on(store.forget_usage("csboard", Timestamp::from_millis(7 * DAY_MS), rows)).unwrap();
        assert_eq!(forgotten, rows);
    });
}

/// Builds the year with one call for the 24 hours of a day. A day's blob holds the sums of its hours, so it is the same whether
/// they came at once or second by second. How full its pages are is not, so a week is also written hour by hour.
fn a_year(runtime: &Runtime) -> (SqliteStore, TempDir) {
    let holders = holders();
    let week = |hours_at_once: i64| {
        let (store, folder) = new_store();
        for hour in (0..7 * 24).step_by(usize::try_from(hours_at_once).unwrap()) {
            add(runtime, &store, &holders, hour..hour + hours_at_once);
        }
        size(store, &folder)
    };
    println!("\na week, by the day: {} MiB; by the hour: {} MiB", week(24) >> 20, week(1) >> 20);
    let (store, folder) = new_store();
    for day in 0..DAYS {
        add(runtime, &store, &holders, day * 24..(day + 1) * 24);
    }
    let bytes = size(store, &folder);
    println!("a year of {KEYS} keys and {ACCOUNTS} accounts: {} MiB", bytes >> 20);
    (open(&folder.path().join("bitting.db")), folder)
}

fn add(runtime: &Runtime, store: &SqliteStore, holders: &[Holder], hours: std::ops::Range<i64>) {
    for holders in holders.chunks(1_000) {
        runtime.block_on(add_batch(store, tallies(holders, hours.clone()), Vec::new()));
    }
}

fn tallies(holders: &[Holder], hours: std::ops::Range<i64>) -> Vec<Tally> {
    let mut tallies = Vec::new();
    for (number, holder) in (0..).zip(holders) {
        for hour in hours.clone() {
            for route in ROUTES {
                tallies.push(Tally {
                    holder: holder.clone(),
                    at: Timestamp::from_millis(hour * HOUR_MS),
                    route: route.into(),
                    outcome: "admitted".into(),
                    // Mostly two bytes.
                    count: 1 + (hour.unsigned_abs() * 7_919 + number * 104_729 + route.len() as u64) % 2_000,
                });
            }
        }
    }
    tallies
}

fn holders() -> Vec<Holder> {
    (0..KEYS).map(key_holder).chain((0..ACCOUNTS).map(account_holder)).chain([api_holder()]).collect()
}

fn key_holder(number: u64) -> Holder {
    holder(Whose::Key(key(number)))
}

fn account_holder(number: u64) -> Holder {
    holder(Whose::Account(account(number)))
}

fn api_holder() -> Holder {
    holder(Whose::Api)
}

fn holder(whose: Whose) -> Holder {
    Holder { api: "csboard".into(), environment: "live".into(), whose }
}

fn key(number: u64) -> KeyId {
    KeyId::new(Timestamp::from_millis(0), u128::from(number))
}

fn account(number: u64) -> bitting_core::account::AccountId {
    format!("org_{number:024}").parse().unwrap()
}

fn last_use(number: u64, second: i64) -> LastUse {
    LastUse { key: key(number), at: Timestamp::from_millis(second * 1_000), address: Some([192, 0, 2, 1].into()) }
}

/// On the disk that the project is on: the machine's folder for temporary files may be in memory.
fn new_store() -> (SqliteStore, TempDir) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(&folder.path().join("bitting.db"));
    let batch = (0..KEYS).map(|number| entry(0, Change::CreateKey(Box::new(key_of_account(number))))).collect();
    for answer in Runtime::new().unwrap().block_on(store.append(batch)).unwrap() {
        answer.unwrap();
    }
    (store, folder)
}

fn key_of_account(number: u64) -> NewKey {
    let Change::CreateKey(new) = new_key(1, "acme") else { unreachable!() };
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    let digest = Digest::from_bytes(digest);
    NewKey { api: "csboard".into(), id: key(number), digest, account: account(number % ACCOUNTS), create_account: true, ..*new }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(OwnerLock::acquire(path).unwrap()).unwrap()
}

/// Of everything, with the log brought in.
fn size(store: SqliteStore, folder: &TempDir) -> u64 {
    drop(store.close().unwrap());
    folder.path().read_dir().unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

/// Adds usage as the next batch.
async fn add_batch(store: &SqliteStore, tallies: Vec<Tally>, last_uses: Vec<LastUse>) {
    let batch = store.last_batch().await.unwrap();
    store.add_usage(batch + 1, UsageBatch { tallies, last_uses, ..UsageBatch::default() }).await.unwrap();
}
