//! A decision on a warm map of a million keys: `cargo bench -p bitting-engine`.
//!
//! The store is made once, below the target folder, by the store's own entry for changes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

mod attack;
#[path = "../../tests/suite/fixture.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod fixture;
mod million;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use bitting_core::address::Client;
use bitting_core::api::{Alerts, Api};
use bitting_core::key::PlaintextKey;
use bitting_core::limit::{Limit, LimitScope, LimitSpec, MOST, Pace, Period, Plan, Plans};
use bitting_core::name::Names;
use bitting_engine::{Decision, Engine, EngineOptions, Inquiry, Presented, Scope, WallClock};
use bitting_store::{OwnerLock, SqliteStore};
use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue, Method, header};

use self::million::{COUNT, keys};

fn main() {
    divan::main();
}

/// An engine with a million keys, and some of those keys, spread over the whole map.
struct Setting {
    _runtime: tokio::runtime::Runtime,
    engine: Arc<Engine>,
    keys: Vec<PlaintextKey>,
}

static SETTING: LazyLock<Setting> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let engine = runtime.block_on(async {
        let path = million::store().await;
        let names = Arc::new(Names::default());
        let store = Arc::new(SqliteStore::open(OwnerLock::acquire(&path).unwrap()).unwrap());
        let apis = fixture::apis(&names, vec![fixture::shop(&names, &["clerk", "boss"])]).unwrap();
        Engine::start(EngineOptions { store, apis, clock: Arc::new(WallClock) }).await.unwrap()
    });
    Setting { keys: keys().step_by(COUNT / 200_000).collect(), engine, _runtime: runtime }
});

/// The head of a request, as a connection has just read it.
fn request(key: &PlaintextKey) -> HeaderMap {
    let bearer = HeaderValue::try_from(format!("Bearer {}", key.expose())).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("curl/8.5.0"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::AUTHORIZATION, bearer);
    headers
}

fn decide(headers: &HeaderMap) -> Option<Decision> {
    decide_from(None, headers)
}

fn decide_from(client: impl Into<Option<Client>>, headers: &HeaderMap) -> Option<Decision> {
    let inquiry = Inquiry {
        scope: Scope::Authority("shop.example"),
        method: &Method::GET,
        path: black_box("/v1/things/17"),
        presented: Presented::Request { headers, query: None },
        client: client.into(),
    };
    SETTING.engine.decide_now(&inquiry)
}

#[divan::bench]
fn parse_and_digest(bencher: Bencher<'_, '_>) {
    let format = fixture::shop(&Names::default(), &[]).format;
    let key = keys().next().unwrap();
    bencher.bench(|| format.parse(black_box(key.expose().as_bytes())).unwrap().digest());
}

#[divan::bench(sample_size = 1_000)]
fn decide_hot(bencher: Bencher<'_, '_>) {
    let headers = request(&SETTING.keys[0]);
    assert!(matches!(decide(&headers), Some(Decision::Permit(_))));
    bencher.bench(|| decide(black_box(&headers)));
}

/// The head is in the cache, as it is when it was just read; the key's record is not. The stride visits all keys in an
/// order that no prefetcher follows.
#[divan::bench(sample_size = 32, sample_count = 2_000)]
fn decide_random(bencher: Bencher<'_, '_>) {
    let keys = &SETTING.keys;
    let at = AtomicUsize::new(0);
    let next = || request(&keys[at.fetch_add(76_543, Ordering::Relaxed) % keys.len()]);
    assert!(matches!(decide(&next()), Some(Decision::Permit(_))));
    bencher.with_inputs(next).bench_refs(|headers| decide(headers));
}

/// Puts limits in force that refuse nothing here: windows of a minute, so that nothing has to be bought.
fn limit(scopes: &[LimitScope]) {
    let engine = &SETTING.engine;
    let names = Arc::clone(engine.apis().names());
    let limit = |(number, scope): (usize, &LimitScope)| {
        let (name, pace) = (format!("limit-{number}").into(), Pace::Window(Period::Minute));
        Limit::new(LimitSpec { name, allowed: MOST, pace, scope: *scope, is_quota: false }, &names).unwrap()
    };
    let plan = Plan::new("bench", scopes.iter().enumerate().map(limit).collect(), &names);
    let api = Api { plans: Plans::new(plan, Vec::new(), false), ..fixture::shop(&names, &["clerk", "boss"]) };
    engine.install(fixture::apis(&names, vec![api]).unwrap()).unwrap();
}

const STACKS: [&[LimitScope]; 3] = [&[], &[LimitScope::Key], &[LimitScope::Key, LimitScope::Account, LimitScope::Api]];

/// One key, asked by one thread or by two at once, with no limit, one, and one for the key, its account and the API each.
#[divan::bench(args = [0, 1, 2], threads = [1, 2], sample_size = 1_000)]
fn decide_hot_with_limits(bencher: Bencher<'_, '_>, stack: usize) {
    limit(STACKS[stack]);
    let headers = request(&SETTING.keys[0]);
    assert!(matches!(decide(&headers), Some(Decision::Permit(_))));
    bencher.bench(|| decide(black_box(&headers)));
    limit(&[]);
}

fn somebody() -> Client {
    black_box(IpAddr::from([192, 0, 2, 1])).into()
}

/// Puts alerts in force, or none.
fn alert(alerts: Alerts) {
    let engine = &SETTING.engine;
    let names = Arc::clone(engine.apis().names());
    let api = Api { alerts, ..fixture::shop(&names, &["clerk", "boss"]) };
    engine.install(fixture::apis(&names, vec![api]).unwrap()).unwrap();
}

/// The same request with everything that is watched, and with nothing, turn by turn so that both meet the same neighbours. What is
/// noticed is looked at when usage is written, once a second on the other thread, while this goes on.
#[divan::bench(args = ["off", "on", "off again", "on again"], sample_size = 1_000, sample_count = 2_000)]
fn decide_hot_with_alerts(bencher: Bencher<'_, '_>, alerts: &str) {
    alert(if alerts.starts_with("on") { Alerts::default() } else { Alerts::NONE });
    let headers = request(&SETTING.keys[0]);
    assert!(matches!(decide_from(somebody(), &headers), Some(Decision::Permit(_))));
    bencher.bench(|| decide_from(somebody(), black_box(&headers)));
    alert(Alerts::default());
}

#[divan::bench(sample_size = 1_000)]
fn refuse_garbage(bencher: Bencher<'_, '_>) {
    let mut headers = request(&SETTING.keys[0]);
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer shop_live_abc"));
    bencher.bench(|| decide(black_box(&headers)));
}
