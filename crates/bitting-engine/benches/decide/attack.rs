//! What it costs to hold addresses off: those who are banned, those who fail, and everybody else.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bitting_core::address::{AddressList, Client};
use bitting_core::api::Api;
use bitting_core::ban::BanPolicy;
use bitting_engine::Decision;
use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue, header};

use crate::{SETTING, decide_from, fixture, request};

/// Who behaves.
const CUSTOMER: [u8; 4] = [198, 51, 100, 1];

/// How many addresses are banned where some are: as many as can be.
const BANNED: u32 = 50_000;

/// Has so many invalid keys within a minute banned for an hour; nobody is if it is `None`.
fn ban(after: Option<u32>) {
    let engine = &SETTING.engine;
    let names = Arc::clone(engine.apis().names());
    let policy = |after| BanPolicy {
        after,
        within: Duration::from_mins(1),
        lasting: Duration::from_hours(1),
        exempt: AddressList::default(),
        covers_private: false,
        covers_undeclared_proxies: false,
    };
    let api = Api { bans: after.map(policy), ..fixture::shop(&names, &["clerk", "boss"]) };
    engine.install(fixture::apis(&names, vec![api]).unwrap()).unwrap();
}

fn client(number: u32) -> Client {
    IpAddr::from(Ipv4Addr::from(0x0B00_0000 + number)).into()
}

fn customer() -> Client {
    IpAddr::from(CUSTOMER).into()
}

fn garbage() -> HeaderMap {
    let mut headers = request(&SETTING.keys[0]);
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer shop_live_abc"));
    headers
}

/// Has as many addresses banned as can be.
fn ban_many(headers: &HeaderMap) {
    ban(Some(1));
    for number in 0..BANNED {
        decide_from(client(number), headers);
    }
}

/// A good key: where no address is ever banned, where none is now, and where as many are as can be.
#[divan::bench(args = ["off", "nobody", "many"], threads = [1, 2], sample_size = 1_000)]
fn decide_hot_beside_bans(bencher: Bencher<'_, '_>, banned: &str) {
    let headers = request(&SETTING.keys[0]);
    match banned {
        "off" => ban(None),
        "nobody" => ban(Some(20)),
        _ => ban_many(&garbage()),
    }
    assert!(matches!(decide_from(customer(), &headers), Some(Decision::Permit(_))));
    bencher.bench(|| decide_from(customer(), black_box(&headers)));
    forget();
}

/// A good key from an address that is banned, one of as many as can be.
#[divan::bench(threads = [1, 2], sample_size = 1_000)]
fn refuse_banned(bencher: Bencher<'_, '_>) {
    let headers = request(&SETTING.keys[0]);
    ban_many(&garbage());
    assert!(matches!(decide_from(client(7), &headers), Some(Decision::Denial(_))));
    bencher.bench(|| decide_from(client(7), black_box(&headers)));
    forget();
}

/// Damaged keys from ever other addresses, which are counted.
#[divan::bench(threads = [1, 2], sample_size = 1_000)]
fn refuse_garbage_and_count_it(bencher: Bencher<'_, '_>) {
    let (headers, next) = (garbage(), AtomicU32::new(0));
    ban(Some(20));
    bencher.bench(|| decide_from(client(next.fetch_add(1, Ordering::Relaxed) % 10_000_000), black_box(&headers)));
    forget();
}

/// Says how much memory attacks take: from a million addresses once each, and from as many as are remembered as often as is.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn memory_under_attack(bencher: Bencher<'_, '_>) {
    let headers = garbage();
    bencher.bench(|| {
        ban(Some(20));
        for (addresses, times) in [(1_000_000, 1), (100_000, 19), (1_000_000, 20)] {
            let before = resident();
            for number in 0..addresses {
                for _ in 0..times {
                    decide_from(client(number), &headers);
                }
            }
            let more = resident().saturating_sub(before) / 1_024;
            eprintln!("{times} invalid keys from each of {addresses} addresses: {more} kB more");
        }
        forget();
    });
}

/// Has all bans forgotten, which the engine does each second.
fn forget() {
    ban(None);
    let apis = SETTING.engine.apis();
    while apis.find("shop").is_some_and(|api| !SETTING.engine.bans(api).is_empty()) {
        std::thread::yield_now();
    }
}

/// What the process holds of the machine's memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
}
