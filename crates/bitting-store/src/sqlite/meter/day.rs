//! What one holder used in one day, as a blob.
//!
//! For each route and outcome, in the order of their numbers: both numbers, three bytes with a bit for each hour in which
//! there was anything, and a count for each of those hours. Numbers and counts are varints, seven bits to a byte, the lowest
//! first. An entry for each hour, with its hour, route and outcome, was rejected: it takes more than twice the space of a day
//! that is used throughout.

use std::collections::BTreeMap;

use super::varint::{push, take};

/// How many were made of each kind in each hour.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Day(BTreeMap<Kind, [u64; HOURS]>);

/// A route and an outcome, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) route: i64,
    pub(super) outcome: i64,
}

const HOURS: usize = 24;

/// The bytes that have a bit for each hour.
const MASK_BYTES: usize = HOURS / 8;

impl Day {
    /// Adds to an hour of the day, counted from zero. An hour that no day has is none.
    pub(super) fn add(&mut self, kind: Kind, hour: usize, count: u64) {
        let hours = self.0.entry(kind).or_insert([0; HOURS]);
        if let Some(sum) = hours.get_mut(hour) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Adds all of another day.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (kind, hour, count) in other.counts() {
            self.add(kind, hour, count);
        }
    }

    /// Every kind, hour and count that is not zero.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Kind, usize, u64)> {
        let of_kind = |(&kind, hours): (&Kind, &[u64; HOURS])| {
            hours.map(|count| (kind, count)).into_iter().enumerate().map(|(hour, (kind, count))| (kind, hour, count))
        };
        self.0.iter().flat_map(of_kind).filter(|&(.., count)| count > 0)
    }

    /// As it is stored.
    pub(super) fn to_blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        for (kind, hours) in &self.0 {
            let mask = (0..).zip(hours).filter(|&(_, &count)| count > 0).fold(0_u32, |mask, (hour, _)| mask | 1 << hour);
            if mask == 0 {
                continue;
            }
            push(&mut blob, kind.route.cast_unsigned());
            push(&mut blob, kind.outcome.cast_unsigned());
            blob.extend(mask.to_le_bytes().iter().take(MASK_BYTES));
            hours.iter().filter(|&&count| count > 0).for_each(|&count| push(&mut blob, count));
        }
        blob
    }

    /// From what was stored; `None` if [`to_blob`](Self::to_blob) cannot have written it.
    pub(super) fn from_blob(mut blob: &[u8]) -> Option<Self> {
        let mut day = Self::default();
        while !blob.is_empty() {
            let kind = Kind { route: take(&mut blob)?.cast_signed(), outcome: take(&mut blob)?.cast_signed() };
            let (mask, rest) = blob.split_first_chunk::<MASK_BYTES>()?;
            blob = rest;
            let is_used = |hour: usize| mask.get(hour / 8).is_some_and(|byte| byte >> (hour % 8) & 1 == 1);
            let mut hours = [0; HOURS];
            for (_, count) in hours.iter_mut().enumerate().filter(|&(hour, _)| is_used(hour)) {
                *count = take(&mut blob).filter(|&count| count > 0)?;
            }
            let is_in_order = day.0.last_key_value().is_none_or(|(&last, _)| last < kind);
            if !is_in_order || *mask == [0; MASK_BYTES] {
                return None;
            }
            day.0.insert(kind, hours);
        }
        Some(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Kind = Kind { route: 3, outcome: 1 };
    const WRITE: Kind = Kind { route: 300, outcome: 2 };

    fn day(counts: &[(Kind, usize, u64)]) -> Day {
        let mut day = Day::default();
        for &(kind, hour, count) in counts {
            day.add(kind, hour, count);
        }
        day
    }

    #[test]
    fn a_day_reads_back_as_it_was_written() {
        let all = (0..HOURS).map(|hour| (READ, hour, 1 << (2 * hour))).collect::<Vec<_>>();
        let largest = [(WRITE, 0, u64::MAX), (WRITE, 23, 127), (READ, 7, 128)];
        for counts in [&[][..], &[(READ, 0, 1)], &largest, &all] {
            assert_eq!(Day::from_blob(&day(counts).to_blob()), Some(day(counts)));
        }
    }

    #[test]
    fn an_hour_of_one_route_takes_six_bytes_and_each_further_hour_one() {
        assert_eq!(day(&[(READ, 9, 100)]).to_blob(), [3, 1, 0, 2, 0, 100]);
        assert_eq!(day(&[(READ, 9, 100), (READ, 23, 5)]).to_blob(), [3, 1, 0, 2, 0x80, 100, 5]);
    }

    #[test]
    fn a_count_stays_at_the_most_that_it_can_hold() {
        let mut full = day(&[(READ, 5, u64::MAX)]);
        full.add_all(&day(&[(READ, 5, 2), (READ, 6, 2)]));
        assert_eq!(full, day(&[(READ, 5, u64::MAX), (READ, 6, 2)]));
    }

    #[test]
    fn what_cannot_have_been_written_is_no_day() {
        let good = day(&[(READ, 9, 100), (WRITE, 9, 1000)]).to_blob();
        let whole_kinds = [0, 6, good.len()];
        for end in (0..=good.len()).filter(|end| !whole_kinds.contains(end)) {
            assert_eq!(Day::from_blob(&good[..end]), None, "cut after {end} bytes");
        }
        let no_hour = [3, 1, 0, 0, 0];
        let no_count = [3, 1, 0, 2, 0, 0];
        let twice = [3, 1, 0, 2, 0, 1, 3, 1, 0, 2, 0, 1];
        let endless = [0xFF; 40];
        let beyond_64_bits = [0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2, 1, 0, 2, 0, 1];
        for blob in [&no_hour[..], &no_count, &twice, &endless, &beyond_64_bits] {
            assert_eq!(Day::from_blob(blob), None, "{blob:?}");
        }
    }
}
