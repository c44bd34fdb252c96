//! Whoever presents invalid keys again and again is refused for a while.
//!
//! Failures are counted for each client over a window that ends now, so that nobody gains by waiting for the clock. What is
//! remembered is bounded whatever comes: clients who are being counted stand in two generations, of which the older is forgotten when
//! the younger is full or its window is over, and of those who are banned the first to be free makes room.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::address::AddressList;
use crate::time::Timestamp;

/// When an API bans somebody, and whom never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanPolicy {
    /// So many invalid keys…
    pub after: u32,
    /// …within this time…
    pub within: Duration,
    /// …and nothing is answered for this long.
    pub lasting: Duration,
    /// Who is never banned.
    pub exempt: AddressList,
    /// Whether loopback, private and link-local addresses can be banned: mostly they are a proxy, or somebody's own machine.
    pub covers_private: bool,
}

/// Whoever is counted and banned as one: an IPv4 address, or the /64 of IPv6 addresses, since that is what one customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientNetwork {
    /// One address.
    V4(Ipv4Addr),
    /// The upper 64 bits.
    V6(u64),
}

/// A ban that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Who is banned.
    pub network: ClientNetwork,
    /// Until when; then they are free.
    pub until: Timestamp,
}

/// The failures and bans of one API.
#[derive(Debug, Default)]
pub struct BanBook {
    younger: HashMap<ClientNetwork, Vec<Timestamp>>,
    older: HashMap<ClientNetwork, Vec<Timestamp>>,
    /// When the younger generation began.
    since: Option<Timestamp>,
    banned: HashMap<ClientNetwork, Timestamp>,
    /// The same in the order in which they end. One that was lifted stays here until its turn.
    ending: VecDeque<Ban>,
}

/// How many clients a generation has, and how many can be banned at once: some ten megabytes for each API in the worst case.
const MOST: usize = 50_000;

impl BanPolicy {
    /// Whether a client could be banned at all.
    pub fn covers(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        (self.covers_private || !is_private(client)) && !self.exempt.contains(client)
    }
}

impl From<IpAddr> for ClientNetwork {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(u64::from_be_bytes(std::array::from_fn(|byte| address.octets()[byte]))),
        }
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => fmt::Display::fmt(address, f),
            Self::V6(upper) => write!(f, "{}/64", Ipv6Addr::from(u128::from(*upper) << 64)),
        }
    }
}

impl BanBook {
    /// Whether anybody is banned, or was of late. As long as this is false there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.banned.is_empty()
    }

    /// Until when a client is banned, if they are.
    pub fn banned_until(&self, network: ClientNetwork, now: Timestamp) -> Option<Timestamp> {
        self.banned.get(&network).copied().filter(|until| *until > now)
    }

    /// Counts an invalid key. The ban, if this was one too many. Whoever is banned is not counted.
    pub fn failed(&mut self, policy: &BanPolicy, network: ClientNetwork, now: Timestamp) -> Option<Ban> {
        self.end(now);
        if self.banned.contains_key(&network) {
            return None;
        }
        self.turn(policy, now);
        // Whoever was counted in the older generation goes on in the younger.
        let known = self.older.remove(&network);
        let failures = self.younger.entry(network).or_insert_with(|| known.unwrap_or_default());
        failures.retain(|failure| now.since(*failure) < policy.within);
        failures.push(now);
        if failures.len() < usize::try_from(policy.after).unwrap_or(usize::MAX) {
            return None;
        }
        self.younger.remove(&network);
        let ban = Ban { network, until: now.plus(policy.lasting) };
        if self.banned.len() >= MOST
            && let Some(first) = self.ending.pop_front()
        {
            self.banned.remove(&first.network);
        }
        self.banned.insert(network, ban.until);
        self.ending.push_back(ban);
        Some(ban)
    }

    /// Ends a ban before its time. Whether there was one.
    pub fn lift(&mut self, network: ClientNetwork, now: Timestamp) -> bool {
        self.banned.remove(&network).is_some_and(|until| until > now)
    }

    /// The bans in force, the first to end first.
    pub fn bans(&self, now: Timestamp) -> Vec<Ban> {
        let is_in_force = |ban: &&Ban| ban.until > now && self.banned.get(&ban.network) == Some(&ban.until);
        self.ending.iter().filter(is_in_force).copied().collect()
    }

    /// Forgets the bans that are over.
    fn end(&mut self, now: Timestamp) {
        while let Some(first) = self.ending.front().filter(|first| first.until <= now).copied() {
            self.ending.pop_front();
            if self.banned.get(&first.network) == Some(&first.until) {
                self.banned.remove(&first.network);
            }
        }
    }

    /// Lets the younger generation become the older one when it is full, or when nobody in the older can still count.
    fn turn(&mut self, policy: &BanPolicy, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        if self.younger.len() >= MOST || now.since(since) >= policy.within {
            self.older = std::mem::take(&mut self.younger);
            self.since = Some(now);
        }
    }
}

/// Addresses that no stranger has.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() || address.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(after: u32) -> BanPolicy {
        let (within, lasting) = (Duration::from_mins(1), Duration::from_mins(5));
        BanPolicy { after, within, lasting, exempt: AddressList::default(), covers_private: true }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn client(number: u32) -> ClientNetwork {
        ClientNetwork::V4(Ipv4Addr::from(number))
    }

    #[test]
    fn so_many_failures_within_the_window_are_a_ban_that_ends_by_itself() {
        let (policy, mut book) = (policy(20), BanBook::default());
        for second in 0..19 {
            assert_eq!(book.failed(&policy, client(1), at(second * 1_000)), None);
        }
        assert_eq!(book.banned_until(client(1), at(19_000)), None);
        let ban = book.failed(&policy, client(1), at(59_999)).unwrap();
        assert_eq!(ban.until, at(359_999));
        assert_eq!(
            (book.banned_until(client(1), at(359_998)), book.banned_until(client(2), at(60_000))),
            (Some(ban.until), None)
        );
        assert_eq!(book.failed(&policy, client(1), at(100_000)), None, "what is refused extends nothing");
        assert_eq!(book.banned_until(client(1), at(359_999)), None);
        assert_eq!(book.failed(&policy, client(1), at(360_000)), None, "counting begins anew");
    }

    #[test]
    fn failures_before_the_window_do_not_count() {
        let (policy, mut book) = (policy(3), BanBook::default());
        for ms in [0, 1, 60_000, 60_001] {
            assert_eq!(book.failed(&policy, client(1), at(ms)), None, "{ms}");
        }
        assert!(book.failed(&policy, client(1), at(60_002)).is_some());
    }

    #[test]
    fn a_ban_can_be_lifted_and_those_in_force_are_listed() {
        let (policy, mut book) = (policy(1), BanBook::default());
        for number in 0..3 {
            book.failed(&policy, client(number), at(i64::from(number)));
        }
        assert!(book.lift(client(1), at(10)) && !book.lift(client(1), at(10)) && !book.lift(client(9), at(10)));
        let listed: Vec<_> = book.bans(at(10)).iter().map(|ban| ban.network).collect();
        assert_eq!(listed, [client(0), client(2)]);
        assert_eq!(book.banned_until(client(1), at(10)), None);
        book.failed(&policy, client(1), at(20));
        assert_eq!(book.bans(at(20)).len(), 3);
        assert!(book.bans(at(300_020)).is_empty());
    }

    #[test]
    fn hundreds_of_thousands_of_clients_are_forgotten_before_they_fill_the_memory() {
        let (policy, mut book) = (policy(2), BanBook::default());
        for number in 0..200_000 {
            book.failed(&policy, client(number), at(1));
        }
        assert!(book.younger.len() <= MOST && book.older.len() <= MOST);
        for number in 0..200_000 {
            book.failed(&policy, client(number), at(2));
            book.failed(&policy, client(number), at(2));
        }
        assert!(book.banned.len() <= MOST && book.ending.len() <= MOST);
        assert!(book.banned_until(client(199_999), at(3)).is_some());
        book.failed(&policy, client(7), at(400_000));
        assert!(book.is_empty() && book.ending.is_empty());
    }

    #[test]
    fn private_and_exempt_addresses_are_covered_by_no_ban() {
        let exempt = AddressList::parse(["203.0.113.0/24"]).unwrap();
        let strict = BanPolicy { exempt, covers_private: false, ..policy(1) };
        for free in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.1",
            "::ffff:10.0.0.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
            "203.0.113.9",
        ] {
            assert!(!strict.covers(free.parse().unwrap()), "{free}");
        }
        for open in ["198.51.100.7", "2001:db8::1"] {
            assert!(strict.covers(open.parse().unwrap()), "{open}");
        }
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_client() {
        let network = |text: &str| ClientNetwork::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    proptest! {
        #[test]
        fn whoever_is_banned_has_failed_so_often_within_one_window_and_whoever_has_is_banned(
            steps in prop::collection::vec((0_u32..3, 0_i64..30_000), 1..200),
        ) {
            let (policy, mut book) = (policy(4), BanBook::default());
            let (mut now, mut counted, mut banned) = (0, HashMap::<u32, Vec<i64>>::new(), HashMap::<u32, i64>::new());
            for (number, passed) in steps {
                now += passed;
                let is_banned = banned.get(&number).is_some_and(|until| *until > now);
                prop_assert_eq!(book.banned_until(client(number), at(now)).is_some(), is_banned);
                let ban = book.failed(&policy, client(number), at(now));
                if is_banned {
                    prop_assert_eq!(ban, None);
                    continue;
                }
                let failures = counted.entry(number).or_default();
                failures.push(now);
                let within = failures.iter().filter(|failure| now - **failure < 60_000).count();
                prop_assert_eq!(ban.is_some(), within >= 4);
                if within >= 4 {
                    failures.clear();
                    banned.insert(number, now + 300_000);
                }
            }
        }
    }
}
