//! What one key used in the days of one month, as a blob.
//!
//! Four bytes with a bit for each day in which there was anything, and for each of those days how many requests were allowed, over a
//! limit and refused, as varints. Routes, outcomes and hours stand in the [`day`](super::day)s; this is to find the few keys among
//! many of which somebody wants to know them.

use super::varint::{push, take};
use crate::meter::UsageSums;

/// How much was used on each day.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Month([UsageSums; DAYS]);

const DAYS: usize = 31;

impl Month {
    /// Adds to a day of the month, counted from zero. A day that no month has is none.
    pub(super) fn add(&mut self, day: usize, sums: UsageSums) {
        if let Some(sum) = self.0.get_mut(day) {
            sum.add(sums);
        }
    }

    /// Adds all of another month.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, sums)| sum.add(sums));
    }

    /// All days, in order.
    pub(super) fn into_days(self) -> impl Iterator<Item = UsageSums> {
        self.0.into_iter()
    }

    /// As it is stored.
    pub(super) fn to_blob(&self) -> Vec<u8> {
        let used = || (0..).zip(&self.0).filter(|(_, sums)| sums.total() > 0);
        let mut blob = used().fold(0_u32, |mask, (day, _)| mask | 1 << day).to_le_bytes().to_vec();
        for (_, UsageSums { allowed, limited, refused }) in used() {
            for count in [*allowed, *limited, *refused] {
                push(&mut blob, count);
            }
        }
        blob
    }

    /// From what was stored; `None` if [`to_blob`](Self::to_blob) cannot have written it.
    pub(super) fn from_blob(blob: &[u8]) -> Option<Self> {
        let (mask, mut rest) = blob.split_first_chunk()?;
        let mask = u32::from_le_bytes(*mask);
        let mut month = Self::default();
        for (day, sums) in month.0.iter_mut().enumerate().filter(|&(day, _)| mask >> day & 1 == 1) {
            let [allowed, limited, refused] = [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?];
            *sums = UsageSums { allowed, limited, refused };
            if sums.total() == 0 || day >= DAYS {
                return None;
            }
        }
        (rest.is_empty() && mask >> DAYS == 0).then_some(month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(days: &[(usize, [u64; 3])]) -> Month {
        let mut month = Month::default();
        for &(day, [allowed, limited, refused]) in days {
            month.add(day, UsageSums { allowed, limited, refused });
        }
        month
    }

    #[test]
    fn a_month_reads_back_as_it_was_written() {
        let all = (0..DAYS).map(|day| (day, [1 << day, 0, 7])).collect::<Vec<_>>();
        for days in [&[][..], &[(0, [0, 0, 1])], &[(30, [u64::MAX, 200, 0]), (7, [1, 2, 3])], &all] {
            assert_eq!(Month::from_blob(&month(days).to_blob()), Some(month(days)));
        }
        assert_eq!(month(&[(1, [5, 0, 300])]).to_blob(), [2, 0, 0, 0, 5, 0, 0xAC, 2]);
    }

    #[test]
    fn what_cannot_have_been_written_is_no_month() {
        let good = month(&[(3, [100, 1, 1_000]), (9, [1, 0, 0])]).to_blob();
        for end in 0..good.len() {
            assert_eq!(Month::from_blob(&good[..end]), None, "cut after {end} bytes");
        }
        let (empty_day, too_many, day_32) = ([1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0x80, 1, 0, 0]);
        for bad in [&empty_day[..], &too_many, &day_32] {
            assert_eq!(Month::from_blob(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn months_are_added_day_by_day() {
        let mut sum = month(&[(0, [1, 0, 0]), (5, [u64::MAX, 0, 2])]);
        sum.add_all(&month(&[(5, [1, 1, 1]), (31, [9, 9, 9])]));
        assert_eq!(sum, month(&[(0, [1, 0, 0]), (5, [u64::MAX, 1, 3])]));
    }
}
