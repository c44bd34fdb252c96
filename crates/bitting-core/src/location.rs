//! From which networks a key is used.
//!
//! Nobody's address stays the same for long, but mostly its network does; so places are told apart by what providers give to one
//! customer or site: the /24 of an IPv4 address, the /48 of an IPv6 address. A database of countries was rejected: it is wrong where
//! it matters, is out of date by tomorrow, and whoever steals a key can rent a machine next door.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::time::Timestamp;

/// A network that is one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// The upper 24 bits of an IPv4 address.
    V4([u8; 3]),
    /// The upper 48 bits of an IPv6 address.
    V6([u8; 6]),
}

/// A use of a key from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The place.
    pub location: Location,
    /// The address that came first.
    pub address: IpAddr,
    /// When it came.
    pub at: Timestamp,
}

/// From where a key is used, as requests note it until somebody takes it out.
#[derive(Debug, Default)]
pub struct Visits {
    /// The address that was noted last, and until when it need not be noted again.
    latest: Option<(IpAddr, Timestamp)>,
    noted: Vec<Visit>,
}

/// The places from which a key was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// When the first was noted.
    pub since: Timestamp,
    /// All of them, in no order.
    pub known: Vec<Place>,
}

/// A place from which a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The network.
    pub location: Location,
    /// When the key was first used from there.
    pub first: Timestamp,
    /// When it was last used from there, to within [`Places::PRECISION`].
    pub last: Timestamp,
}

/// What a visit is to a key's places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visited {
    /// The key was used from there before, a little while ago, so that there is nothing to remember.
    Known,
    /// The key was used from there before.
    Again,
    /// It was not, but nobody knows yet from where it is used.
    Learned,
    /// It was not.
    New,
}

impl From<IpAddr> for Location {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(std::array::from_fn(|byte| address.octets()[byte])),
            IpAddr::V6(address) => Self::V6(std::array::from_fn(|byte| address.octets()[byte])),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Self::V6(upper) => {
                let mut octets = [0; 16];
                octets[..6].copy_from_slice(&upper);
                write!(f, "{}/48", Ipv6Addr::from(octets))
            }
        }
    }
}

impl Visits {
    /// How many places are told apart until they are taken out, which is for about a second. Whoever comes from more is noted when they
    /// come again.
    pub const MOST: usize = 16;

    /// Notes a request. Mostly it comes from where the last one came from, so that two comparisons are all.
    pub fn note(&mut self, now: Timestamp, address: IpAddr) {
        if self.latest.is_some_and(|(latest, fresh_until)| latest == address && now < fresh_until) {
            return;
        }
        self.note_another(now, address);
    }

    #[cold]
    fn note_another(&mut self, now: Timestamp, address: IpAddr) {
        let location = Location::from(address);
        if let Some((latest, fresh_until)) = &mut self.latest
            && now < *fresh_until
            && Location::from(*latest) == location
        {
            *latest = address;
            return;
        }
        let is_noted = self.noted.iter().any(|visit| visit.location == location);
        if is_noted || self.noted.len() < Self::MOST {
            self.latest = Some((address, now.plus(Places::PRECISION)));
        }
        if !is_noted && self.noted.len() < Self::MOST {
            self.noted.push(Visit { location, address: address.to_canonical(), at: now });
        }
    }

    /// Takes out what was noted.
    pub fn take(&mut self) -> Vec<Visit> {
        std::mem::take(&mut self.noted)
    }
}

impl Places {
    /// How many places are remembered of a key. Of more, the one from which it was not used for the longest time is forgotten.
    pub const MOST: usize = 64;

    /// How exactly it is remembered when a key was used from a place.
    pub const PRECISION: Duration = Duration::from_hours(1);

    /// Of a key that is used for the first time.
    pub fn new(since: Timestamp) -> Self {
        Self { since, known: Vec::new() }
    }

    /// Remembers a visit and says what it is. For so long from the first use on everything is learned.
    pub fn visit(&mut self, visit: &Visit, learning: Duration) -> Visited {
        let Visit { location, at, .. } = *visit;
        if let Some(place) = self.known.iter_mut().find(|place| place.location == location) {
            if at.since(place.last) < Self::PRECISION {
                return Visited::Known;
            }
            place.last = at;
            return Visited::Again;
        }
        if self.known.len() >= Self::MOST
            && let Some(longest_unseen) = (0..self.known.len()).min_by_key(|position| self.known[*position].last)
        {
            self.known.swap_remove(longest_unseen);
        }
        self.known.push(Place { location, first: at, last: at });
        if at.since(self.since) < learning || self.known.len() == 1 { Visited::Learned } else { Visited::New }
    }

    /// From how many places it was first used since a moment.
    pub fn new_since(&self, moment: Timestamp) -> usize {
        self.known.iter().filter(|place| place.first >= moment).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn visit(text: &str, seconds: i64) -> Visit {
        let address = address(text);
        Visit { location: address.into(), address, at: at(seconds) }
    }

    #[test]
    fn a_place_is_the_24_of_an_ipv4_and_the_48_of_an_ipv6_address_however_it_is_written() {
        let location = |text| Location::from(address(text));
        assert_eq!(location("192.0.2.1"), location("::ffff:192.0.2.254"));
        assert_ne!(location("192.0.2.1"), location("192.0.3.1"));
        assert_eq!(location("2001:db8:1:2::1"), location("2001:db8:1:ffff::9"));
        assert_ne!(location("2001:db8:1::1"), location("2001:db8:2::1"));
        let texts = ["192.0.2.7", "2001:db8:1:2::1"].map(|text| location(text).to_string());
        assert_eq!(texts, ["192.0.2.0/24", "2001:db8:1::/48"]);
    }

    #[test]
    fn two_places_in_one_second_are_both_noted_and_one_that_goes_on_is_noted_once_an_hour() {
        let mut visits = Visits::default();
        for text in ["192.0.2.1", "198.51.100.1", "192.0.2.1", "192.0.2.2"] {
            visits.note(at(1), address(text));
        }
        let noted: Vec<String> = visits.take().iter().map(|visit| visit.location.to_string()).collect();
        assert_eq!(noted, ["192.0.2.0/24", "198.51.100.0/24"]);
        visits.note(at(2), address("192.0.2.2"));
        visits.note(at(2), address("192.0.2.77"));
        assert!(visits.take().is_empty(), "that is known");
        visits.note(at(3), address("198.51.100.1"));
        assert_eq!(visits.take().len(), 1, "and this may have been forgotten meanwhile");
        visits.note(at(3_602), address("198.51.100.1"));
        assert!(visits.take().is_empty());
        visits.note(at(3_603), address("198.51.100.1"));
        assert_eq!(visits.take().len(), 1, "after an hour it is noted again");
    }

    #[test]
    fn of_very_many_places_in_one_second_a_few_are_noted_and_the_others_when_they_come_again() {
        let mut visits = Visits::default();
        for third in 0..200 {
            visits.note(at(1), [10, 0, third, 1].into());
        }
        assert_eq!(visits.take().len(), Visits::MOST);
        visits.note(at(2), [10, 0, 199, 1].into());
        assert_eq!(visits.take().len(), 1);
    }

    #[test]
    fn while_it_learns_everything_is_learned_and_afterwards_what_is_new_is_told_once() {
        let (mut places, week) = (Places::new(at(0)), 7 * DAY);
        assert_eq!(places.visit(&visit("192.0.2.1", 0), week), Visited::Learned);
        assert_eq!(places.visit(&visit("192.0.2.9", 60), week), Visited::Known);
        assert_eq!(places.visit(&visit("192.0.2.9", 3_600), week), Visited::Again);
        assert_eq!(places.visit(&visit("198.51.100.1", 604_799), week), Visited::Learned);
        assert_eq!(places.visit(&visit("203.0.113.1", 604_800), week), Visited::New);
        assert_eq!(places.visit(&visit("203.0.113.2", 604_801), week), Visited::Known);
        assert_eq!(places.visit(&visit("198.51.100.7", 700_000), week), Visited::Again);
        let at_once = &mut Places::new(at(0));
        assert_eq!(at_once.visit(&visit("192.0.2.1", 0), Duration::ZERO), Visited::Learned, "the first is never new");
        assert_eq!(at_once.visit(&visit("198.51.100.1", 0), Duration::ZERO), Visited::New);
    }

    #[test]
    fn the_place_that_was_not_seen_for_the_longest_time_makes_room() {
        let mut places = Places::new(at(0));
        for number in 0..64_u8 {
            places.visit(&visit(&format!("10.0.{number}.1"), i64::from(number)), DAY);
        }
        assert_eq!(places.visit(&visit("10.0.0.1", 7_200), DAY), Visited::Again);
        assert_eq!(places.visit(&visit("10.9.9.9", 90_000), DAY), Visited::New);
        assert_eq!(places.known.len(), Places::MOST);
        assert_eq!(places.visit(&visit("10.0.0.1", 90_001), DAY), Visited::Again);
        assert_eq!(places.visit(&visit("10.0.1.1", 90_002), DAY), Visited::New, "it was forgotten");
        assert_eq!(places.new_since(at(90_000)), 2);
    }
}
