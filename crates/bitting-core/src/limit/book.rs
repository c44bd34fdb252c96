//! What is remembered of an account's limits and usage, under one lock.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use super::{Gauge, Level, Limit, Pace, Refused};
use crate::key::KeyId;
use crate::location::Visits;
use crate::name::NameId;
use crate::reason::Reason;
use crate::time::Timestamp;

/// The levels of an account and of its keys, as far as they are used, and what was used since that was last written down. An
/// account of which nothing is remembered has an empty one, which takes no memory beyond itself.
#[derive(Debug, Default)]
pub struct Book {
    /// The keys of which something is remembered.
    pub keys: HashMap<KeyId, KeyPage, BuildHasherDefault<IdHasher>>,
    /// What the keys of an environment share.
    pub shared: Vec<(NameId, Levels)>,
    /// Whether somebody knows that there is usage to be written down.
    pub is_dirty: bool,
    /// Whether somebody knows that there are levels to be looked after.
    pub is_listed: bool,
}

/// What is remembered of one key.
#[derive(Debug)]
pub struct KeyPage {
    /// The key's environment.
    pub environment: NameId,
    /// Its own levels.
    pub levels: Levels,
    /// What was used and not written down.
    pub tallies: Vec<Tallied>,
    /// What was refused and not written down.
    pub refused: Vec<Refused>,
    /// The last use that was not written down.
    pub last_use: Option<(Timestamp, Option<IpAddr>)>,
    /// From where it was used.
    pub visits: Visits,
}

/// The levels of some limits.
#[derive(Debug, Default)]
pub struct Levels(Vec<Entry>);

/// The level of one limit, and how more of it is bought.
#[derive(Debug)]
pub struct Entry {
    id: NameId,
    /// The limit's name.
    pub limit: Arc<str>,
    /// How fast.
    pub pace: Pace,
    /// How much is used.
    pub level: Level,
    /// Whether more was asked for, and the answer is not there.
    pub is_asked: bool,
    recent: Recent,
    /// What was used when somebody looked whether it is still in use.
    pub used_before: Option<u64>,
}

/// How much of a limit is used in a second.
#[derive(Debug, Clone, Copy)]
struct Recent {
    /// In the last second that was measured.
    each_second: u64,
    /// When the present one began, and what was used then.
    since: (Timestamp, u64),
}

/// So many requests of one kind in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallied {
    /// Hours since 1970.
    pub hour: u32,
    /// The route's label.
    pub route: Arc<str>,
    /// What became of them.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
}

/// What became of a request, as usage counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was let through to the upstream.
    Admitted,
    /// Bitting answered it itself.
    Answered,
    /// It was refused; or it was let through and then failed, which is counted beside.
    Refused(Reason),
}

impl Outcome {
    /// The name in the store and in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Answered => "answered",
            Self::Refused(reason) => reason.name(),
        }
    }
}

/// Folds a key's id. It is random where Bitting made it, and where an operator did not make up ids to import, so nothing stronger
/// is needed to tell the keys of one account apart.
#[derive(Debug, Default, Clone, Copy)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u128(byte.into());
        }
    }

    fn write_u128(&mut self, number: u128) {
        let halves = [number, number >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default());
        let mixed = (self.0 ^ halves[0]).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ halves[1];
        self.0 = mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Book {
    /// What is remembered of a key, and of what the keys of its environment share.
    pub fn open(&mut self, key: KeyId, environment: NameId) -> (&mut KeyPage, &mut Levels) {
        let new = || KeyPage {
            environment,
            levels: Levels::default(),
            tallies: Vec::new(),
            refused: Vec::new(),
            last_use: None,
            visits: Visits::default(),
        };
        (self.keys.entry(key).or_insert_with(new), Levels::of_environment(&mut self.shared, environment))
    }

    /// Forgets what nobody needs any more.
    pub fn trim(&mut self, now: Timestamp) {
        self.shared.retain_mut(|(_, levels)| !levels.trim(now));
        self.keys.retain(|_, page| !page.levels.trim(now) || !page.tallies.is_empty() || page.last_use.is_some());
        if self.keys.is_empty() {
            self.keys.shrink_to_fit();
        }
        if self.shared.is_empty() {
            self.shared.shrink_to_fit();
        }
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.shared.is_empty()
    }
}

impl KeyPage {
    /// Counts a request.
    pub fn tally(&mut self, now: Timestamp, route: &Arc<str>, outcome: Outcome) {
        Tallied::add(&mut self.tallies, now, route, outcome);
    }
}

impl Tallied {
    /// Counts a request among others.
    pub fn add(tallies: &mut Vec<Self>, now: Timestamp, route: &Arc<str>, outcome: Outcome) {
        let hour = u32::try_from(now.as_millis() / 3_600_000).unwrap_or(u32::MAX);
        // Mostly it is the same route of the same table, so that its text need not be read.
        let is_route = |known: &Arc<str>| Arc::ptr_eq(known, route) || known == route;
        match tallies.iter_mut().find(|known| known.hour == hour && known.outcome == outcome && is_route(&known.route)) {
            Some(known) => known.count += 1,
            None => tallies.push(Self { hour, route: Arc::clone(route), outcome, count: 1 }),
        }
    }
}

impl Levels {
    /// Those of one environment among those of all, of which there are few.
    pub fn of_environment(shared: &mut Vec<(NameId, Self)>, environment: NameId) -> &mut Self {
        let position = shared.iter().position(|(of, _)| *of == environment).unwrap_or_else(|| {
            shared.push((environment, Self::default()));
            shared.len() - 1
        });
        &mut shared[position].1
    }

    /// The levels of some limits, in their order, each with what the limit allows. A level is made for a limit that has none. The
    /// same name with another pace is another level, so that two plans that share one do not begin it anew for each other.
    pub fn gauges<'g>(
        &'g mut self,
        limits: &'g [Limit],
        now: Timestamp,
        allowed: impl Fn(&Limit) -> u64 + 'g,
    ) -> impl Iterator<Item = Gauge<'g>> {
        for (position, limit) in limits.iter().enumerate() {
            self.arrange(position, limit, now);
        }
        self.0.iter_mut().zip(limits).map(move |(entry, limit)| Gauge {
            pace: &limit.pace,
            allowed: allowed(limit),
            durable: limit.is_lasting(),
            level: &mut entry.level,
        })
    }

    /// Sees to it that the entry at a position is that of a limit. Mostly it is.
    fn arrange(&mut self, position: usize, limit: &Limit, now: Timestamp) {
        let is_its = |entry: &Entry| entry.id == limit.id && entry.pace == limit.pace;
        let found = self.0.get(position).is_some_and(is_its).then_some(position);
        let found = found.or_else(|| self.0.iter().position(is_its)).unwrap_or_else(|| {
            let level = Level::unused(&limit.pace, now);
            let (limit, id, pace) = (Arc::clone(&limit.name), limit.id, limit.pace);
            self.0.push(Entry {
                id,
                limit,
                pace,
                level,
                is_asked: false,
                recent: Recent { each_second: 0, since: (now, 0) },
                used_before: None,
            });
            self.0.len() - 1
        });
        self.0.swap(found, position);
    }

    /// The level of a limit, if there is one.
    pub fn level_of(&self, limit: &Limit) -> Option<Level> {
        self.0.iter().find(|entry| entry.id == limit.id && entry.pace == limit.pace).map(|entry| entry.level)
    }

    /// All entries.
    pub fn entries(&mut self) -> &mut [Entry] {
        &mut self.0
    }

    /// Takes out the entries that a condition names.
    pub fn take_if(&mut self, condition: impl FnMut(&mut Entry) -> bool) -> Vec<Entry> {
        self.0.extract_if(.., condition).collect()
    }

    /// The entry of a limit.
    pub fn find(&mut self, limit: &str, pace: Pace) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| *entry.limit == *limit && entry.pace == pace)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets levels of which nothing counts any more; whether none is left.
    fn trim(&mut self, now: Timestamp) -> bool {
        self.0.retain(|entry| !entry.level.is_over(now));
        self.0.is_empty()
    }
}

impl Entry {
    /// Takes over that more was bought of a window: what it holds, and what had been bought before. What others have bought before,
    /// a process that was killed, counts as used.
    pub fn bought(&mut self, of: Timestamp, before: u64, total: u64) {
        self.is_asked = false;
        let Level::Window { start, used, bought, .. } = &mut self.level else { return };
        if *start != of {
            return;
        }
        let unknown = before.saturating_sub(*bought);
        *used = used.saturating_add(unknown);
        *bought = total.max(*bought);
        // It was not used in this second.
        self.recent.since.1 = self.recent.since.1.saturating_add(unknown);
    }

    /// How much was used in one second of late: in the last that was measured, or in the present one so far.
    pub fn each_second(&mut self, used: u64, now: Timestamp) -> u64 {
        let Recent { each_second, since: (since, then) } = &mut self.recent;
        let so_far = used.saturating_sub(*then);
        let elapsed_ms = u64::try_from(now.since(*since).as_millis()).unwrap_or(u64::MAX);
        if elapsed_ms < 1_000 {
            return so_far.max(*each_second);
        }
        *each_second = so_far.saturating_mul(1_000) / elapsed_ms;
        (*since, *then) = (now, used);
        *each_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{LimitScope, LimitSpec, Period};
    use crate::name::Names;

    fn limit(names: &Names, name: &str, period: Period) -> Limit {
        let spec =
            LimitSpec { name: name.into(), allowed: 10, pace: Pace::Window(period), scope: LimitScope::Key, is_quota: false };
        Limit::new(spec, names).unwrap()
    }

    fn used(levels: &mut Levels, limits: &[Limit]) -> Vec<u64> {
        let now = Timestamp::from_millis(0);
        let gauges = levels.gauges(limits, now, |limit| limit.allowed);
        gauges.map(|gauge| gauge.level.read(gauge.pace, gauge.allowed, now).remaining).collect()
    }

    #[test]
    fn a_level_stays_with_its_name_and_pace_however_limits_are_reordered() {
        let names = Names::default();
        let (minute, hour) = (limit(&names, "a", Period::Minute), limit(&names, "b", Period::Hour));
        let mut levels = Levels::default();
        let now = Timestamp::from_millis(0);
        for (gauge, cost) in levels.gauges(&[minute.clone(), hour.clone()], now, |limit| limit.allowed).zip([3, 4]) {
            gauge.level.charge(gauge.pace, cost);
        }
        assert_eq!(used(&mut levels, &[minute.clone(), hour.clone()]), [7, 6]);
        assert_eq!(used(&mut levels, &[hour.clone(), minute.clone()]), [6, 7]);
        assert_eq!(used(&mut levels, std::slice::from_ref(&hour)), [6]);
        assert_eq!(used(&mut levels, &[limit(&names, "c", Period::Day), minute.clone(), hour.clone()]), [10, 7, 6]);
        assert_eq!(used(&mut levels, &[limit(&names, "a", Period::Day), hour]), [10, 6]);
        assert_eq!(used(&mut levels, &[minute]), [7], "what another pace of the same name did is no matter of this one");
    }

    #[test]
    fn what_was_bought_before_and_is_not_known_of_counts_as_used() {
        let names = Names::default();
        let mut levels = Levels::default();
        let hour = limit(&names, "hour", Period::Hour);
        let start = Timestamp::from_millis(0);
        assert_eq!(levels.gauges(std::slice::from_ref(&hour), start, |limit| limit.allowed).count(), 1);
        let entry = levels.find("hour", Pace::Window(Period::Hour)).unwrap();
        entry.bought(start, 3, 5);
        assert!(matches!(entry.level, Level::Window { used: 3, bought: 5, .. }));
        assert_eq!(entry.each_second(3, start), 0, "and not as used just now");
        entry.bought(start, 5, 7);
        assert!(matches!(entry.level, Level::Window { used: 3, bought: 7, .. }));
        entry.bought(Timestamp::from_millis(3_600_000), 9, 9);
        assert!(matches!(entry.level, Level::Window { used: 3, bought: 7, .. }), "that was another window");
    }

    #[test]
    fn what_a_second_takes_is_that_of_the_last_one_or_of_the_present_one_so_far() {
        let names = Names::default();
        let mut levels = Levels::default();
        let at = Timestamp::from_millis;
        assert_eq!(levels.gauges(&[limit(&names, "hour", Period::Hour)], at(0), |limit| limit.allowed).count(), 1);
        let entry = levels.find("hour", Pace::Window(Period::Hour)).unwrap();
        assert_eq!([entry.each_second(0, at(0)), entry.each_second(30, at(999))], [0, 30]);
        assert_eq!([entry.each_second(40, at(2_000)), entry.each_second(41, at(2_100))], [20, 20]);
        assert_eq!(entry.each_second(0, at(100_000)), 0, "a new window has begun");
    }

    #[test]
    fn a_book_in_which_nothing_counts_any_more_is_empty() {
        let names = Names::default();
        let mut book = Book::default();
        let environment = names.intern(crate::name::NameKind::Environment, "live");
        let minute = [limit(&names, "minute", Period::Minute)];
        let at = Timestamp::from_millis;
        let (page, shared) = book.open(KeyId::from_bytes([1; 16]), environment);
        page.tally(at(0), &"GET /x".into(), Outcome::Admitted);
        page.tally(at(1), &"GET /x".into(), Outcome::Admitted);
        assert_eq!((page.tallies.len(), page.tallies[0].count), (1, 2));
        assert_eq!(page.levels.gauges(&minute, at(0), |limit| limit.allowed).count(), 1);
        assert_eq!(shared.gauges(&minute, at(0), |limit| limit.allowed).count(), 1);
        book.trim(at(59_999));
        assert_eq!((book.keys.len(), book.shared.len()), (1, 1));
        book.trim(at(60_000));
        assert!(!book.is_empty(), "usage is not forgotten before it was written down");
        book.keys.values_mut().for_each(|page| page.tallies.clear());
        book.trim(at(60_000));
        assert!(book.is_empty());
        assert_eq!((book.keys.capacity(), book.shared.capacity()), (0, 0), "nor does it keep room for what is gone");
    }
}
