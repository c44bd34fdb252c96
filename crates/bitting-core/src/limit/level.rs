//! How much of a limit is used.

use super::{Pace, Reading};
use crate::time::Timestamp;

/// How much of a limit is used, and how much of a lasting one was bought ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Of a window.
    Window {
        /// Its first moment.
        start: Timestamp,
        /// The first moment of the next.
        end: Timestamp,
        /// What was charged to it.
        used: u64,
        /// What may be charged to it before more is bought. It stands in the store.
        bought: u64,
    },
    /// Of a bucket. One request takes `per_ms` parts, and `allowed` parts drain in a millisecond, so nothing is ever rounded.
    Bucket {
        /// What is in it, in parts.
        parts: u128,
        /// When that was so.
        at: Timestamp,
        /// How many parts drain in a millisecond, by the limit that was last asked.
        rate: u64,
    },
}

/// Whether a limit lets a request through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It does.
    Met,
    /// Not before this moment.
    Until(Timestamp),
    /// It would, but not enough was bought ahead.
    Short,
}

impl Level {
    /// Of a limit that nobody has used yet.
    pub fn unused(pace: &Pace, now: Timestamp) -> Self {
        match pace {
            Pace::Window(period) => {
                let (start, end) = period.around(now);
                Self::Window { start, end, used: 0, bought: 0 }
            }
            Pace::Bucket { .. } => Self::Bucket { parts: 0, at: now, rate: 1 },
        }
    }

    /// Whether nothing of it is used any more, so that it can be forgotten.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Window { end, .. } => now >= *end,
            Self::Bucket { parts, at, rate } => Self::drained(*parts, *at, *rate, now) == 0,
        }
    }

    /// Goes on to the window that `now` lies in. Time never goes back here: a moment before the window belongs to it.
    pub(super) fn advance(&mut self, pace: &Pace, now: Timestamp) {
        match self {
            Self::Window { end, .. } if now >= *end => *self = Self::unused(pace, now),
            Self::Window { .. } | Self::Bucket { .. } => {}
        }
    }

    /// Lets what has drained since then leave a bucket.
    fn drained(parts: u128, at: Timestamp, allowed: u64, now: Timestamp) -> u128 {
        parts.saturating_sub(now.since(at).as_millis().saturating_mul(u128::from(allowed)))
    }

    pub(super) fn need(&mut self, pace: &Pace, allowed: u64, cost: u64, now: Timestamp, durable: bool) -> Need {
        match (self, pace) {
            (Self::Window { end, used, bought, .. }, _) => {
                if used.saturating_add(cost) > allowed {
                    Need::Until(*end)
                } else if durable && used.saturating_add(cost) > *bought {
                    Need::Short
                } else {
                    Need::Met
                }
            }
            (Self::Bucket { parts, at, rate }, Pace::Bucket { per_ms, burst }) => {
                let left = Self::drained(*parts, *at, allowed, now);
                // What drained stays drained whatever becomes of the request.
                (*parts, *at, *rate) = (left, now.max(*at), allowed);
                let per = u128::from(*per_ms);
                let room = u128::from(*burst).saturating_mul(per);
                let excess = left.saturating_add(u128::from(cost).saturating_mul(per)).saturating_sub(room);
                if excess == 0 {
                    return Need::Met;
                }
                let wait_ms = excess.div_ceil(u128::from(allowed.max(1)));
                Need::Until(at.plus(std::time::Duration::from_millis(u64::try_from(wait_ms).unwrap_or(u64::MAX))))
            }
            // A level is found by its pace, so these two never meet.
            (Self::Bucket { .. }, Pace::Window(_)) => Need::Met,
        }
    }

    pub(super) fn charge(&mut self, pace: &Pace, cost: u64) {
        match (self, pace) {
            (Self::Window { used, .. }, _) => *used = used.saturating_add(cost),
            (Self::Bucket { parts, .. }, Pace::Bucket { per_ms, .. }) => {
                *parts = parts.saturating_add(u128::from(cost).saturating_mul(u128::from(*per_ms)));
            }
            (Self::Bucket { .. }, Pace::Window(_)) => {}
        }
    }

    /// What is left of a limit.
    pub fn read(&self, pace: &Pace, allowed: u64, now: Timestamp) -> Reading {
        match (self, pace) {
            (Self::Window { end, used, .. }, Pace::Window(period)) => {
                let (used, reset) = if now >= *end { (0, period.around(now).1) } else { (*used, *end) };
                Reading { allowed, remaining: allowed.saturating_sub(used), reset }
            }
            (Self::Bucket { parts, at, .. }, Pace::Bucket { per_ms, burst }) => {
                let left = Self::drained(*parts, *at, allowed, now);
                let per = u128::from((*per_ms).max(1));
                let free = u128::from(*burst).saturating_mul(per).saturating_sub(left) / per;
                let drain_ms = u64::try_from(left.div_ceil(u128::from(allowed.max(1)))).unwrap_or(u64::MAX);
                let reset = now.max(*at).plus(std::time::Duration::from_millis(drain_ms));
                Reading { allowed, remaining: u64::try_from(free).unwrap_or(u64::MAX), reset }
            }
            _ => Self::unused(pace, now).read(pace, allowed, now),
        }
    }
}
