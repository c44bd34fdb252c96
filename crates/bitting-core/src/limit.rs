//! How often something may be done.
//!
//! A [`Limit`] says how much within which time; a [`Level`] says how much of it is used. [`admit`] looks at all limits of a
//! request at once and charges all of them or none. It is one pure function in integers: the time is an argument, and what has
//! to last longer than the process is bought ahead in blocks by the caller, who hears from it when another is needed
//! ([`Verdict::Short`]). Floating-point buckets were rejected: they drift, and two of them cannot be compared exactly.
//!
//! Two paces: a *window* is aligned to the clock in UTC, so that its reset is a round time; a *bucket* is the generic cell rate
//! algorithm (GCRA, ITU-T I.371), which lets requests through at an even rate after a burst.

mod book;
mod level;
mod own;
mod pace;
mod plan;
mod refused;

pub use book::{Book, Entry, IdHasher, KeyPage, Levels, Outcome, Tallied};
pub use level::Level;
pub use pace::{InvalidPace, Pace, Period};
pub use plan::{InvalidLimit, KeyLimits, Limit, LimitScope, LimitSpec, Plan, Plans};
pub use refused::{Refusal, Refused};

use self::level::Need;
use crate::time::Timestamp;

/// The most that a limit can allow: what JSON numbers hold exactly everywhere (RFC 8259, section 6).
pub const MOST: u64 = 1 << 53;

/// A limit and its level, as a request meets them.
#[derive(Debug)]
pub struct Gauge<'g> {
    /// How fast.
    pub pace: &'g Pace,
    /// How much, after whatever the key itself says.
    pub allowed: u64,
    /// Whether what is used must survive the process.
    pub durable: bool,
    /// How much is used.
    pub level: &'g mut Level,
}

/// What a limit says of itself after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What it allows.
    pub allowed: u64,
    /// What is left, in requests of cost 1.
    pub remaining: u64,
    /// When all of it is free again: the end of the window, or when the bucket is empty.
    pub reset: Timestamp,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was charged to all.
    Charged,
    /// It was charged to none. The limit at this position refuses longest.
    Refused {
        /// Which.
        position: usize,
        /// The first moment at which this request would be let through if nobody else asked meanwhile.
        retry_at: Timestamp,
    },
    /// It was charged to none: it costs more than the limit at this position ever allows.
    TooDear {
        /// Which.
        position: usize,
    },
    /// It was charged to none: what was bought ahead for some limit does not suffice.
    Short,
}

/// Charges a request to all limits, or to none.
///
/// A cost of zero is charged to none and let through, whatever is left.
pub fn admit(gauges: &mut [Gauge<'_>], cost: u64, now: Timestamp) -> Verdict {
    let mut refusal: Option<(usize, Timestamp)> = None;
    let mut is_short = false;
    for (position, gauge) in gauges.iter_mut().enumerate() {
        gauge.level.advance(gauge.pace, now);
        if cost > gauge.pace.capacity(gauge.allowed) {
            return Verdict::TooDear { position };
        }
        match gauge.level.need(gauge.pace, gauge.allowed, cost, now, gauge.durable) {
            Need::Until(at) if refusal.is_none_or(|(_, latest)| at > latest) => refusal = Some((position, at)),
            Need::Met | Need::Until(_) => {}
            Need::Short => is_short = true,
        }
    }
    match (cost, refusal, is_short) {
        (0, ..) => Verdict::Charged,
        (_, Some((position, retry_at)), _) => Verdict::Refused { position, retry_at },
        (_, None, true) => Verdict::Short,
        (_, None, false) => {
            for gauge in gauges {
                gauge.level.charge(gauge.pace, cost);
            }
            Verdict::Charged
        }
    }
}

#[cfg(test)]
mod tests;
