//! How long webhooks hold the writer: `cargo bench -p bitting-store --bench outbox`. Each is one transaction of the size that the
//! sending task uses at most.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, SigningSecret, WebhookId};
use bitting_store::{
    Actor, Answer, AttemptRow, Attempted, Change, ChangeLog as _, Conditions, Entry, NewDelivery, NewWebhook, Origin,
    Outbox as _, OwnerLock, SqliteStore, Verdict,
};
use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

const WAITING: u128 = 100_000;

struct Bench {
    runtime: Runtime,
    store: SqliteStore,
    webhook: WebhookId,
    last: u128,
    _folder: TempDir,
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

impl Bench {
    /// A store in which a hundred thousand deliveries wait.
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let runtime = Runtime::new().unwrap();
        let store = SqliteStore::open(OwnerLock::acquire(&folder.path().join("bitting.db")).unwrap()).unwrap();
        let webhook = WebhookId::new(at(1), 1);
        let new = NewWebhook {
            api: "shop".to_owned(),
            account: None,
            id: webhook,
            url: "https://example.com/".parse().unwrap(),
            description: String::new(),
            events: Vec::new(),
            severity: None,
            secret: SigningSecret::new([1; 32]),
        };
        let change = Change::CreateWebhook(Box::new(new));
        let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
        let entry = Entry { change, origin, conditions: Conditions::default(), at: at(1) };
        runtime.block_on(store.append(vec![entry])).unwrap().remove(0).unwrap();
        let mut bench = Self { runtime, store, webhook, last: 0, _folder: folder };
        while bench.last < WAITING {
            let new = bench.deliveries(1_000);
            bench.runtime.block_on(bench.store.deliver(new, None)).unwrap();
        }
        bench
    }

    fn deliveries(&mut self, count: usize) -> Vec<NewDelivery> {
        let one = |_| {
            self.last += 1;
            NewDelivery {
                id: DeliveryId::new(at(1_000), self.last),
                webhook: self.webhook,
                message: format!("evt_{}", self.last),
                kind: "key.updated".to_owned(),
                body: format!("{{\"type\":\"key.updated\",\"data\":\"{}\"}}", "x".repeat(900)),
                at: at(1_000),
                is_test: false,
            }
        };
        (0..count).map(one).collect()
    }

    fn attempts(&self, count: u128, from: u128) -> Vec<Attempted> {
        let headers: Vec<(String, String)> = (0..8).map(|n| (format!("header-{n}"), "x".repeat(60))).collect();
        let one = |number| Attempted {
            delivery: DeliveryId::new(at(1_000), number),
            webhook: self.webhook,
            epoch: 0,
            attempt: AttemptRow {
                number: 0,
                at: at(2_000),
                duration_ms: 20,
                sent: headers.clone(),
                answer: Some(Answer { status: 500, headers: headers.clone(), body: "x".repeat(1_024) }),
                error: Some("it answered 500 Internal Server Error".to_owned()),
            },
            verdict: Verdict::Again(at(9_000)),
            counts: true,
            asked_at: None,
        };
        (from..from + count).map(one).collect()
    }
}

#[divan::bench(sample_count = 50)]
fn write_300_deliveries(bencher: Bencher) {
    let mut bench = Bench::new();
    bencher.counter(ItemsCount::new(300usize)).bench_local(|| {
        let new = bench.deliveries(300);
        bench.runtime.block_on(bench.store.deliver(new, Some(1))).unwrap();
    });
}

#[divan::bench(sample_count = 50)]
fn write_64_outcomes(bencher: Bencher) {
    let bench = Bench::new();
    let mut from = 1;
    bencher.counter(ItemsCount::new(64usize)).bench_local(|| {
        let attempted = bench.attempts(64, from);
        from += 64;
        bench.runtime.block_on(bench.store.attempted(attempted)).unwrap();
    });
}

#[divan::bench(sample_count = 50)]
fn find_8_due_among_100000(bencher: Bencher) {
    let bench = Bench::new();
    bencher.bench_local(|| bench.runtime.block_on(bench.store.due(bench.webhook, 0, at(9_000), 8)).unwrap());
}

#[divan::bench(sample_count = 50)]
fn forget_50_deliveries(bencher: Bencher) {
    let bench = Bench::new();
    bench.runtime.block_on(bench.store.attempted(bench.attempts(WAITING, 1))).unwrap();
    let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
    let change = Change::DeleteWebhook { api: "shop".to_owned(), webhook: bench.webhook };
    let entry = Entry { change, origin, conditions: Conditions::default(), at: at(3_000) };
    bench.runtime.block_on(bench.store.append(vec![entry])).unwrap().remove(0).unwrap();
    bencher.bench_local(|| bench.runtime.block_on(bench.store.forget_deliveries(at(0), at(3_000), 50)).unwrap());
    assert!(bench.runtime.block_on(bench.store.progress()).unwrap().sequence > Sequence(0));
}
