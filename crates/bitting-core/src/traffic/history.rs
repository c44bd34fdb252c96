//! How much a key was used, hour by hour.

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// The hours of a week.
pub const WEEK_HOURS: u32 = 168;

/// The requests with one key in each hour, from its first use on as far as that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    first: u32,
    counts: Vec<u64>,
}

impl History {
    /// From the counts of the hours from one on, in hours since 1970. Those before the first request are none: the key was not in use.
    pub fn new(first: u32, mut counts: Vec<u64>) -> Self {
        let unused = counts.iter().position(|&count| count > 0).unwrap_or(counts.len());
        counts.drain(..unused);
        Self { first: first.saturating_add(u32::try_from(unused).unwrap_or(u32::MAX)), counts }
    }

    /// How many requests there were in an hour; `None` before the first use and after what is known.
    pub fn at(&self, hour: u32) -> Option<u64> {
        let position = usize::try_from(hour.checked_sub(self.first)?).ok()?;
        self.counts.get(position).copied()
    }

    /// The same hour of so many weeks before.
    pub(super) fn weeks_before(&self, hour: u32, weeks: u32) -> impl Iterator<Item = u64> {
        (1..=weeks).filter_map(move |week| self.at(hour.checked_sub(week * WEEK_HOURS)?))
    }

    /// The hours from one to another that are known.
    pub(super) fn between(&self, from: u32, until: u32) -> impl Iterator<Item = (u32, u64)> {
        (from.max(self.first)..until)
            .zip(self.counts.iter().copied().skip(usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX)))
    }
}
