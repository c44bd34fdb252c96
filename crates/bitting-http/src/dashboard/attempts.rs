//! How often somebody may try to sign in.
//!
//! Failures are counted for the address that is tried and for the network that it is tried from. Whoever has failed often waits
//! before each further attempt, for longer each time; so trying passwords leads nowhere, and nobody is locked out of
//! their account for long by somebody else. Whether there is such an address plays no part.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bitting_core::time::Timestamp;

/// The failures of the last while.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    by_email: HashMap<String, Record>,
    by_network: HashMap<[u8; 8], Record>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    failures: u32,
    last: Timestamp,
}

/// Failures before the first wait.
const FREE_FOR_EMAIL: u32 = 5;
const FREE_FOR_NETWORK: u32 = 30;

/// The longest wait. An address is only so long out of its owner's reach.
const LONGEST_FOR_EMAIL: Duration = Duration::from_mins(1);
const LONGEST_FOR_NETWORK: Duration = Duration::from_mins(15);

/// After how long without one failures are forgotten.
const FORGOTTEN: Duration = Duration::from_mins(30);

/// The most that is remembered of either kind: a few megabytes.
const MOST: usize = 20_000;

impl Attempts {
    /// When somebody may try, if that is not now.
    pub(super) fn wait_until(&self, email: &str, client: IpAddr, now: Timestamp) -> Option<Timestamp> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let email = wait(failures.by_email.get(email), FREE_FOR_EMAIL, LONGEST_FOR_EMAIL);
        let network = wait(failures.by_network.get(&network(client)), FREE_FOR_NETWORK, LONGEST_FOR_NETWORK);
        email.max(network).filter(|until| *until > now)
    }

    /// Somebody tried and was wrong.
    pub(super) fn failed(&self, email: &str, client: IpAddr, now: Timestamp) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count(&mut failures.by_email, email.to_owned(), now);
        count(&mut failures.by_network, network(client), now);
    }

    /// Somebody tried and was right. The network's failures stay: they may own one account and try others.
    pub(super) fn succeeded(&self, email: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_email.remove(email);
    }
}

fn wait(record: Option<&Record>, free: u32, longest: Duration) -> Option<Timestamp> {
    let record = record.filter(|record| record.failures >= free)?;
    let doubled = (record.failures - free).min(20);
    Some(record.last.plus(Duration::from_secs(1 << doubled).min(longest)))
}

fn count<K: Eq + Hash + Clone>(records: &mut HashMap<K, Record>, key: K, now: Timestamp) {
    if records.len() >= MOST && !records.contains_key(&key) {
        records.retain(|_, record| now.since(record.last) < FORGOTTEN);
        // Whoever floods it makes room for themselves: those with the fewest failures go first.
        if records.len() >= MOST {
            let fewest = records.iter().min_by_key(|(_, record)| (record.failures, record.last)).map(|(key, _)| key.clone());
            fewest.and_then(|key| records.remove(&key));
        }
    }
    let record = records.entry(key).or_insert(Record { failures: 0, last: now });
    let before = if now.since(record.last) < FORGOTTEN { record.failures } else { 0 };
    *record = Record { failures: before.saturating_add(1), last: now };
}

/// An IPv4 address, or the /64 of an IPv6 one, which is one customer's.
fn network(address: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match address {
        IpAddr::V4(address) => network[4..].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => network.copy_from_slice(&address.octets()[..8]),
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn whoever_fails_often_waits_longer_each_time_and_not_for_ever() {
        let attempts = Attempts::default();
        let mut now = 1_000;
        let mut waits = Vec::new();
        for _ in 0..14 {
            attempts.failed("mara@example.com", client(1), at(now));
            let until = attempts.wait_until("mara@example.com", client(2), at(now)).map_or(now, |at| at.as_millis() / 1_000);
            waits.push(until - now);
            now = until;
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(attempts.wait_until("tomasz@example.com", client(2), at(now)), None, "others are not held up");
        attempts.succeeded("mara@example.com");
        assert_eq!(attempts.wait_until("mara@example.com", client(2), at(now)), None);
    }

    #[test]
    fn a_network_that_tries_many_addresses_waits_too() {
        let attempts = Attempts::default();
        for number in 0..31 {
            attempts.failed(&format!("{number}@example.com"), client(1), at(1_000));
        }
        assert_eq!(attempts.wait_until("new@example.com", client(1), at(1_000)), Some(at(1_002)));
        assert_eq!(attempts.wait_until("new@example.com", client(2), at(1_000)), None);
        attempts.succeeded("new@example.com");
        assert!(attempts.wait_until("new@example.com", client(1), at(1_000)).is_some());
    }

    #[test]
    fn failures_are_forgotten_after_half_an_hour() {
        let attempts = Attempts::default();
        for _ in 0..6 {
            attempts.failed("mara@example.com", client(1), at(1_000));
        }
        attempts.failed("mara@example.com", client(1), at(1_000 + 1_800));
        assert_eq!(attempts.wait_until("mara@example.com", client(1), at(1_000 + 1_800)), None);
    }

    #[test]
    fn a_flood_of_addresses_neither_fills_the_memory_nor_frees_whoever_waits() {
        let attempts = Attempts::default();
        for _ in 0..6 {
            attempts.failed("mara@example.com", client(1), at(1_000));
        }
        for number in 0..MOST + 100 {
            attempts.failed(&format!("{number}@example.com"), client(2), at(1_001));
        }
        let failures = attempts.0.lock().unwrap();
        assert_eq!((failures.by_email.len(), failures.by_network.len()), (MOST, 2));
        assert!(failures.by_email.contains_key("mara@example.com"));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        assert_eq!(network("2001:db8:1:2::1".parse().unwrap()), network("2001:db8:1:2:ffff::9".parse().unwrap()));
        assert_ne!(network("2001:db8:1:2::1".parse().unwrap()), network("2001:db8:1:3::1".parse().unwrap()));
    }
}
