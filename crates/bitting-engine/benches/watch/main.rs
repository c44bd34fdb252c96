//! What watching costs: a decision with it and without, and how long it takes to look whether 10,000 keys are used as usual, with what others
//! who read the store notice of it. `cargo bench -p bitting-engine --bench watch`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "../../tests/suite/fixture.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fixture;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitting_core::api::{Alerts, Api};
use bitting_core::key::{Digest, KeyId};
use bitting_core::name::Names;
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Engine, EngineOptions, Inquiry, Issued, KeySpec, ManualClock, Presented, Scope};
use bitting_store::{
    Actor, Change, ChangeLog, Conditions, Entry, Holder, MeterLog, NewKey, Origin, OwnerLock, SqliteStore, Tally, UsageBatch,
    Whose,
};
use http::Method;
use serde_json::Map;

const KEYS: u32 = 10_000;
const HOUR_MS: i64 = 3_600_000;
const DAYS: i64 = 50;
const TURNS: usize = 4_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Arc::new(SqliteStore::open(OwnerLock::acquire(&folder.path().join("bitting.db")).unwrap()).unwrap());
    let (names, clock) = (Arc::new(Names::default()), ManualClock::at(Timestamp::from_millis(fixture::START)));
    let options = |apis| EngineOptions { store: Arc::clone(&store) as _, apis, clock: Arc::new(clock.clone()) };
    let apis = fixture::apis(&names, vec![fixture::shop(&names, &["clerk"])]).unwrap();
    let engine = Engine::start(options(apis)).await.unwrap();
    decide(&engine, &names, &clock).await;
    engine.stop().await;

    let started = Instant::now();
    let this_hour = fixture::START / HOUR_MS;
    fill(&store, this_hour).await;
    println!("{KEYS} keys with an hourly past of {DAYS} days were written in {:.1?}", started.elapsed());

    let names = Arc::new(Names::default());
    let apis = fixture::apis(&names, vec![fixture::shop(&names, &["clerk"])]).unwrap();
    let engine = Engine::start(options(apis)).await.unwrap();
    let mut last = engine.last_event();
    let before = *last.borrow_and_update();
    let end = Timestamp::from_millis((this_hour + 1) * HOUR_MS + 6_000);
    clock.set(end);
    assert!(clock.now() >= end);
    look(&engine, last, before).await;
    engine.stop().await;
}

/// Waits until it is told of the last of all keys, and reads something else meanwhile.
async fn look(engine: &Engine, mut last: tokio::sync::watch::Receiver<u64>, before: u64) {
    let (started, mut reads) = (Instant::now(), Vec::new());
    let told = last.wait_for(|last| *last > before);
    tokio::pin!(told);
    loop {
        let asked = Instant::now();
        tokio::select! {
            biased;
            told = &mut told => break drop(told.unwrap()),
            key = engine.store().key("shop", id(7)) => assert!(key.unwrap().is_some()),
        }
        reads.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    reads.sort_unstable();
    let of = |hundredths: usize| reads[(reads.len() - 1) * hundredths / 100];
    println!("all of them were looked at in {:.1?}, up to a second's wait included", started.elapsed());
    println!(
        "meanwhile a key was read {} times: {:.1?} in the median, {:.1?} for p99, {:.1?} at most",
        reads.len(),
        of(50),
        of(99),
        of(100)
    );
}

/// A decision on a hot key with everything that is watched and with nothing; and a refusal, which is looked at when it is written down. Turns
/// are short against the slices of time that the kernel gives, and in pairs of changing order, so that neighbours meet both alike.
async fn decide(engine: &Engine, names: &Arc<Names>, clock: &ManualClock) {
    let issued = issue(engine, clock);
    engine.commit(issued.change, Actor::System, "bench").await.unwrap();
    for (what, key) in [("a decision on a hot key", issued.key), ("a refusal of an unknown key", issue(engine, clock).key)] {
        let mut each = [Vec::new(), Vec::new()];
        for turn in 0..TURNS {
            let is_on = (turn + turn / 2) % 2 == 1;
            let alerts = if is_on { Alerts::default() } else { Alerts::NONE };
            let api = Api { alerts, ..fixture::shop(names, &["clerk"]) };
            engine.install(fixture::apis(names, vec![api]).unwrap()).unwrap();
            each[usize::from(is_on)].push(a_turn(engine, key.expose().as_bytes()));
            tokio::task::yield_now().await;
        }
        let [off, on] = each.map(|mut took| {
            took.sort_unstable();
            took[took.len() / 2]
        });
        let ratio = on.as_secs_f64() / off.as_secs_f64();
        println!("{what}: {off:.0?} unwatched, {on:.0?} watched, ratio {ratio:.3} (medians)");
    }
}

/// The time of one decision among many.
fn a_turn(engine: &Engine, key: &[u8]) -> Duration {
    const DECISIONS: u32 = 300;
    let started = Instant::now();
    for _ in 0..DECISIONS {
        let inquiry = Inquiry {
            scope: Scope::Api("shop"),
            method: &Method::GET,
            path: black_box("/v1/things/17"),
            presented: Presented::Key(black_box(key)),
            client: Some(black_box(IpAddr::from([192, 0, 2, 1])).into()),
        };
        black_box(engine.decide_now(&inquiry));
    }
    started.elapsed() / DECISIONS
}

/// A key that nobody knows yet.
fn issue(engine: &Engine, clock: &ManualClock) -> Issued {
    let spec = KeySpec { name: "bench".into(), ..KeySpec::default() };
    spec.issue(engine.apis().find("shop").unwrap(), clock.now()).unwrap()
}

fn id(number: u32) -> KeyId {
    KeyId::new(Timestamp::from_millis(fixture::START), u128::from(number))
}

async fn fill(store: &SqliteStore, this_hour: i64) {
    for part in (0..KEYS).collect::<Vec<_>>().chunks(1_000) {
        for answer in store.append(part.iter().map(|number| entry(*number)).collect()).await.unwrap() {
            answer.unwrap();
        }
    }
    let first = this_hour - DAYS * 24;
    let next = store.last_batch().await.unwrap() + 1;
    for (batch, day) in (next..).zip(0..=DAYS) {
        let hours = first + day * 24..(first + day * 24 + 24).min(this_hour + 1);
        let tallies = (0..KEYS).flat_map(|number| hours.clone().map(move |hour| tally(number, hour, this_hour)));
        let tallies = tallies.collect();
        store.add_usage(batch, UsageBatch { tallies, ..UsageBatch::default() }).await.unwrap();
    }
}

/// All keys are used so much that they are looked at, and the last one far too much in the last hour.
fn tally(number: u32, hour: i64, this_hour: i64) -> Tally {
    let is_odd = number == KEYS - 1 && hour == this_hour;
    let count = if is_odd { 50_000 } else { 200 + u64::from(number) % 300 + hour.unsigned_abs() * 7_919 % 50 };
    let holder = Holder { api: "shop".into(), environment: "live".into(), whose: Whose::Key(id(number)) };
    Tally { holder, at: Timestamp::from_millis(hour * HOUR_MS), route: "*".into(), outcome: "admitted".into(), count }
}

fn entry(number: u32) -> Entry {
    let at = Timestamp::from_millis(fixture::START);
    let new = NewKey {
        api: "shop".into(),
        id: id(number),
        digest: Digest::from_bytes(std::array::from_fn(|byte| number.to_le_bytes()[byte % 4])),
        prefix: "shop_live_".into(),
        account: format!("account-{}", number % 1_000).parse().unwrap(),
        create_account: true,
        name: format!("key {number}"),
        description: String::new(),
        environment: "live".into(),
        role: Some("clerk".into()),
        permissions: Vec::new(),
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: BTreeMap::new(),
        metadata: Map::new(),
        expires_at: None,
        auto_renew: false,
        account_limit: None,
    };
    let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
    Entry { change: Change::CreateKey(Box::new(new)), origin, conditions: Conditions::default(), at }
}
