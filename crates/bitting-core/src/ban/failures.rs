//! Counting failures.
//!
//! They are counted for each client over a window that ends now, so that nobody gains by waiting for the clock. What is remembered is
//! bounded whatever comes: clients stand in two generations, of which the older is forgotten when the younger is full or its
//! window is over. A log of all failures in their order was rejected: it drops those of a client who fails all the time as soon as others make
//! noise, and after a pause somebody has to clear it up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use smallvec::SmallVec;

use super::{BanPolicy, ClientNetwork};
use crate::time::Timestamp;

/// Who has failed of late, and when.
#[derive(Debug, Default)]
pub struct Failures {
    younger: Generation,
    older: Generation,
    /// When the younger generation began.
    since: Option<Timestamp>,
    /// The latest time that was seen.
    latest: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Generation {
    clients: HashMap<ClientNetwork, Moments>,
    /// How many moments there are in all.
    moments: usize,
}

/// When somebody failed, in milliseconds modulo 2^32, which are 49 days: nothing stands here for more than three windows. Few fail
/// more than four times, and for them nothing has to be allocated.
type Moments = SmallVec<[u32; 4]>;

/// How many clients a generation has, and how many of their failures.
const CLIENTS: usize = 50_000;
const MOMENTS: usize = 500_000;

impl Failures {
    /// Counts a failure. Whether it was one too many; then counting begins anew.
    pub fn add(&mut self, policy: &BanPolicy, client: ClientNetwork, now: Timestamp) -> bool {
        // Those who fail at once may come here in another order.
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.forget(policy, now);
        let moment = millis(now);
        let window = u32::try_from(policy.within.as_millis()).unwrap_or(u32::MAX);
        let (moments, counted) = match self.younger.clients.entry(client) {
            Entry::Occupied(known) => {
                let moments = known.into_mut();
                let counted = moments.len();
                (moments, counted)
            }
            // Whoever was counted in the older generation goes on in the younger.
            Entry::Vacant(new) => (new.insert(self.older.take(client).unwrap_or_default()), 0),
        };
        moments.retain(|earlier| moment.wrapping_sub(*earlier) < window);
        moments.push(moment);
        let is_too_many = moments.len() >= usize::try_from(policy.after).unwrap_or(usize::MAX);
        self.younger.moments = self.younger.moments - counted + moments.len();
        if is_too_many {
            self.younger.take(client);
        }
        is_too_many
    }

    /// Forgets everybody whose failures cannot count any more, so that they take no memory.
    pub fn forget(&mut self, policy: &BanPolicy, now: Timestamp) {
        self.latest = self.latest.max(Some(now));
        let age = now.since(*self.since.get_or_insert(now));
        if age >= policy.within || self.younger.is_full() {
            let younger = std::mem::take(&mut self.younger);
            // After a pause nobody in either can still count.
            self.older = if age >= policy.within * 2 { Generation::default() } else { younger };
            self.since = Some(now);
        }
    }

    /// How many clients are being counted.
    pub fn clients(&self) -> usize {
        self.younger.clients.len() + self.older.clients.len()
    }
}

impl Generation {
    fn is_full(&self) -> bool {
        self.clients.len() >= CLIENTS || self.moments >= MOMENTS
    }

    fn take(&mut self, client: ClientNetwork) -> Option<Moments> {
        let moments = self.clients.remove(&client)?;
        self.moments -= moments.len();
        Some(moments)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only differences are looked at, modulo 2^32")]
fn millis(at: Timestamp) -> u32 {
    at.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::address::AddressList;

    fn policy(after: u32) -> BanPolicy {
        let (within, lasting) = (Duration::from_mins(1), Duration::from_mins(5));
        BanPolicy {
            after,
            within,
            lasting,
            exempt: AddressList::default(),
            covers_private: true,
            covers_undeclared_proxies: false,
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn client(number: u32) -> ClientNetwork {
        ClientNetwork::V4(Ipv4Addr::from(number))
    }

    #[test]
    fn so_many_failures_within_the_window_are_too_many_and_counting_begins_anew() {
        let (policy, mut failures) = (policy(20), Failures::default());
        for second in 0..19 {
            assert!(!failures.add(&policy, client(1), at(second * 1_000)));
            assert!(!failures.add(&policy, client(2), at(second * 1_000)));
        }
        assert!(failures.add(&policy, client(1), at(59_999)));
        assert!(!failures.add(&policy, client(1), at(59_999)));
        assert!(!failures.add(&policy, client(2), at(60_000)), "the first of them was a minute ago");
    }

    #[test]
    fn failures_before_the_window_do_not_count() {
        let (policy, mut failures) = (policy(3), Failures::default());
        for ms in [0, 1, 60_000, 60_001] {
            assert!(!failures.add(&policy, client(1), at(ms)), "{ms}");
        }
        assert!(failures.add(&policy, client(1), at(60_002)));
    }

    #[test]
    fn after_a_pause_as_long_as_the_clock_that_moments_are_kept_in_nothing_old_counts() {
        let (policy, mut failures) = (policy(2), Failures::default());
        assert!(!failures.add(&policy, client(1), at(0)));
        assert!(!failures.add(&policy, client(1), at(1 << 32)));
        assert!(failures.add(&policy, client(1), at((1 << 32) + 1)));
    }

    #[test]
    fn failures_that_come_in_another_order_than_they_happened_all_count() {
        let (policy, mut failures) = (policy(3), Failures::default());
        assert!(!failures.add(&policy, client(1), at(1_002)));
        assert!(!failures.add(&policy, client(1), at(1_000)));
        assert!(failures.add(&policy, client(1), at(1_001)));
    }

    #[test]
    fn hundreds_of_thousands_of_clients_are_forgotten_before_they_fill_the_memory() {
        let (policy, mut failures) = (policy(20), Failures::default());
        for number in 0..200_000 {
            failures.add(&policy, client(number), at(1));
        }
        assert!(failures.clients() <= 2 * CLIENTS);
        // Each of them up to the last failure but one.
        for number in 0..60_000 {
            for _ in 0..19 {
                assert!(!failures.add(&policy, client(number), at(2)));
            }
        }
        for generation in [&failures.younger, &failures.older] {
            let counted: usize = generation.clients.values().map(SmallVec::len).sum();
            assert_eq!(generation.moments, counted);
            assert!(generation.clients.len() <= CLIENTS && generation.moments <= MOMENTS + 19);
        }
        assert!(failures.add(&policy, client(59_999), at(3)), "the last ones are remembered");
        failures.forget(&policy, at(60_003));
        failures.forget(&policy, at(120_003));
        assert_eq!(failures.clients(), 0);
    }

    #[test]
    fn noise_from_others_does_not_hide_whoever_goes_on_failing() {
        let (policy, mut failures) = (policy(20), Failures::default());
        let mut others = 10..;
        for round in 1.. {
            for number in others.by_ref().take(40_000) {
                failures.add(&policy, client(number), at(round));
            }
            if failures.add(&policy, client(1), at(round)) {
                assert_eq!(round, 20);
                break;
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_one_too_many_exactly_where_so_many_lie_within_one_window(
            steps in prop::collection::vec((0_u32..3, 0_i64..30_000), 1..200),
        ) {
            let (policy, mut failures) = (policy(4), Failures::default());
            let (mut now, mut counted) = (0, HashMap::<u32, Vec<i64>>::new());
            for (number, passed) in steps {
                now += passed;
                let known = counted.entry(number).or_default();
                known.push(now);
                let is_too_many = known.iter().filter(|failure| now - **failure < 60_000).count() >= 4;
                prop_assert_eq!(failures.add(&policy, client(number), at(now)), is_too_many);
                if is_too_many {
                    known.clear();
                }
            }
        }
    }
}
