//! How often somebody may try to sign in.
//!
//! Attempts are counted for what is tried and for the network that it is tried from, as failures until they turn out right: so
//! many that are made at once count like those made one after the other. Whoever has failed often waits before each further
//! attempt, for longer each time; so trying passwords leads nowhere, and nobody is locked out of their account for long by
//! somebody else. Whether there is such an address plays no part.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitting_core::ban::ClientNetwork;
use bitting_core::member::MemberId;
use bitting_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

/// The failures of the last while.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    by_tried: HashMap<Tried, Record>,
    by_network: HashMap<ClientNetwork, Record>,
}

/// What somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tried {
    /// The password of an e-mail address, of which only the digest is kept: it may be as long as a form.
    Email([u8; 32]),
    /// The password of a member who is signed in.
    Password(MemberId),
    /// The code of a member whose password was right.
    Code(MemberId),
}

/// An attempt, which counts as a failure from the beginning.
#[derive(Debug)]
#[must_use = "an attempt that was right is taken back"]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    tried: Tried,
    network: ClientNetwork,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    failures: u32,
    last: Timestamp,
}

/// Failures before the first wait.
const FREE: u32 = 5;
const FREE_FOR_NETWORK: u32 = 30;

/// The longest wait. An address is only so long out of its owner's reach; whoever guesses codes has the password already.
const LONGEST: Duration = Duration::from_mins(1);
const LONGEST_FOR_CODE: Duration = Duration::from_mins(15);
const LONGEST_FOR_NETWORK: Duration = Duration::from_mins(15);

/// After how long without one failures are forgotten.
const FORGOTTEN: Duration = Duration::from_mins(30);

/// The most that is remembered of either kind: a few megabytes.
const MOST: usize = 20_000;

impl Tried {
    pub(super) fn email(email: &str) -> Self {
        Self::Email(Sha256::digest(email).into())
    }

    fn longest(self) -> Duration {
        if matches!(self, Self::Code(_)) { LONGEST_FOR_CODE } else { LONGEST }
    }
}

impl Attempts {
    /// Somebody tries something. If they may not yet, the error is the moment from which on they may.
    pub(super) fn begin(&self, tried: Tried, client: IpAddr, now: Timestamp) -> Result<Attempt<'_>, Timestamp> {
        let (mut failures, network) = (self.lock(), ClientNetwork::from(client));
        let of_it = wait(failures.by_tried.get(&tried), FREE, tried.longest());
        let of_network = wait(failures.by_network.get(&network), FREE_FOR_NETWORK, LONGEST_FOR_NETWORK);
        if let Some(until) = of_it.max(of_network).filter(|until| *until > now) {
            return Err(until);
        }
        count(&mut failures.by_tried, tried, now);
        count(&mut failures.by_network, network, now);
        Ok(Attempt { attempts: self, tried, network })
    }

    /// Somebody has shown that it is theirs.
    pub(super) fn forget(&self, tried: Tried) {
        self.lock().by_tried.remove(&tried);
    }

    fn lock(&self) -> MutexGuard<'_, Failures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Waits for what shows whether it is right. What nobody could find out, since the server was too busy or the store could not
    /// be read, counts for nothing.
    pub(super) async fn judged<T, E>(self, judgement: impl Future<Output = Result<T, E>>) -> Result<(Self, T), E> {
        match judgement.await {
            Ok(judged) => Ok((self, judged)),
            Err(error) => {
                self.taken_back();
                Err(error)
            }
        }
    }

    /// It was right. The network's other failures stay: they may own one account and try others.
    pub(super) fn succeeded(self) {
        let attempts = self.attempts;
        let tried = self.tried;
        self.taken_back();
        attempts.forget(tried);
    }

    /// It was neither right nor wrong.
    pub(super) fn taken_back(self) {
        let mut failures = self.attempts.lock();
        uncount(failures.by_tried.get_mut(&self.tried));
        uncount(failures.by_network.get_mut(&self.network));
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

fn uncount(record: Option<&mut Record>) {
    if let Some(record) = record {
        record.failures = record.failures.saturating_sub(1);
    }
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

    fn email(number: usize) -> Tried {
        Tried::email(&format!("{number}@example.com"))
    }

    fn wait(attempts: &Attempts, tried: Tried, client: IpAddr, now: Timestamp) -> Option<Timestamp> {
        attempts.begin(tried, client, now).map(Attempt::taken_back).err()
    }

    fn fail(attempts: &Attempts, tried: Tried, client: IpAddr, now: Timestamp) {
        let _counts = attempts.begin(tried, client, now).unwrap();
    }

    #[test]
    fn whoever_fails_often_waits_longer_each_time_and_not_for_ever() {
        let mara = MemberId::from_bytes([1; 16]);
        for (tried, longest) in [
            (Tried::email("mara@example.com"), [32, 60, 60, 60, 60, 60]),
            (Tried::Password(mara), [32, 60, 60, 60, 60, 60]),
            (Tried::Code(mara), [32, 64, 128, 256, 512, 900]),
        ] {
            let attempts = Attempts::default();
            let mut now = 1_000;
            let mut waits = Vec::new();
            for _ in 0..15 {
                fail(&attempts, tried, client(1), at(now));
                let until = wait(&attempts, tried, client(2), at(now)).map_or(now, |at| at.as_millis() / 1_000);
                waits.push(until - now);
                now = until;
            }
            assert_eq!((&waits[..9], &waits[9..]), (&[0, 0, 0, 0, 1, 2, 4, 8, 16][..], &longest[..]), "{tried:?}");
            assert_eq!(wait(&attempts, Tried::email("tomasz@example.com"), client(2), at(now)), None, "others are not held up");
            attempts.begin(tried, client(2), at(now)).unwrap().succeeded();
            assert_eq!(wait(&attempts, tried, client(2), at(now)), None);
        }
    }

    #[test]
    fn attempts_at_once_count_like_attempts_one_after_the_other() {
        let attempts = Attempts::default();
        let at_once: Vec<_> =
            (0..60).map(|number| attempts.begin(Tried::email("mara@example.com"), client(number), at(1_000))).collect();
        assert_eq!(at_once.iter().filter(|attempt| attempt.is_ok()).count(), 5);
        let networks: Vec<_> = (0..60).map(|number| attempts.begin(email(number), client(100), at(1_000))).collect();
        assert_eq!(networks.iter().filter(|attempt| attempt.is_ok()).count(), 30);
        for attempt in networks.into_iter().flatten() {
            attempt.taken_back();
        }
        assert_eq!(wait(&attempts, email(99), client(100), at(1_000)), None, "what was right does not count");
    }

    #[test]
    fn what_somebody_tries_at_the_door_does_not_hold_up_whoever_is_inside() {
        let (attempts, mara) = (Attempts::default(), MemberId::from_bytes([1; 16]));
        for number in 0..5 {
            fail(&attempts, Tried::email(&mara.to_string()), client(number), at(1_000));
        }
        assert!(wait(&attempts, Tried::email(&mara.to_string()), client(9), at(1_000)).is_some());
        assert_eq!(wait(&attempts, Tried::Password(mara), client(9), at(1_000)), None);
        assert_eq!(wait(&attempts, Tried::Code(mara), client(9), at(1_000)), None);
    }

    #[test]
    fn a_network_that_tries_many_addresses_waits_too() {
        let attempts = Attempts::default();
        for number in 0..30 {
            fail(&attempts, email(number), client(1), at(1_000));
        }
        assert_eq!(wait(&attempts, email(99), client(1), at(1_000)), Some(at(1_001)));
        assert_eq!(wait(&attempts, email(99), client(2), at(1_000)), None);
        attempts.begin(email(99), client(1), at(1_001)).unwrap().succeeded();
        assert!(wait(&attempts, email(99), client(1), at(1_001)).is_some());
    }

    #[test]
    fn failures_are_forgotten_after_half_an_hour() {
        let attempts = Attempts::default();
        let mara = Tried::email("mara@example.com");
        for _ in 0..5 {
            fail(&attempts, mara, client(1), at(1_000));
        }
        fail(&attempts, mara, client(1), at(1_000 + 1_800));
        assert_eq!(wait(&attempts, mara, client(1), at(1_000 + 1_800)), None);
    }

    #[tokio::test]
    async fn what_nobody_could_look_at_counts_for_nothing() {
        let attempts = Attempts::default();
        let mara = Tried::email("mara@example.com");
        for _ in 0..40 {
            let attempt = attempts.begin(mara, client(1), at(1_000)).unwrap();
            attempt.judged(async { Err::<bool, _>("too busy") }).await.unwrap_err();
        }
        for _ in 0..5 {
            let (_counts, is_right) =
                attempts.begin(mara, client(1), at(1_000)).unwrap().judged(async { Ok::<_, ()>(false) }).await.unwrap();
            assert!(!is_right);
        }
        assert!(attempts.begin(mara, client(1), at(1_000)).is_err());
    }

    #[test]
    fn a_flood_of_addresses_neither_fills_the_memory_nor_frees_whoever_waits() {
        let attempts = Attempts::default();
        let mara = Tried::email("mara@example.com");
        for _ in 0..5 {
            fail(&attempts, mara, client(1), at(1_000));
        }
        for number in 0..MOST + 100 {
            let octets = u32::try_from(number).unwrap().to_be_bytes();
            fail(&attempts, email(number), IpAddr::from(octets), at(1_001));
        }
        let failures = attempts.0.lock().unwrap();
        assert_eq!((failures.by_tried.len(), failures.by_network.len()), (MOST, MOST));
        assert!(failures.by_tried.contains_key(&mara));
    }
}
