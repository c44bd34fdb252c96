//! Time for the engine: never backwards, and in tests by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bitting_core::time::Timestamp;

/// Where the engine takes the time from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // In 64 bits, which is enough for any date and quicker than `as_millis`.
        let ms = since_epoch.as_secs().saturating_mul(1_000).saturating_add(u64::from(since_epoch.subsec_millis()));
        Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<RwLock<Timestamp>>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(RwLock::new(now)))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *now = now.plus(by);
    }

    /// Sets it, backwards too.
    pub fn set(&self, now: Timestamp) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another clock that is never behind what it showed before, nor behind a floor: an expired key does not come back to life
/// when somebody sets the machine's clock back.
pub(crate) struct SteadyClock {
    source: Arc<dyn Clock>,
    latest_ms: AtomicI64,
}

impl SteadyClock {
    pub(crate) fn new(source: Arc<dyn Clock>, floor: Timestamp) -> Self {
        Self { source, latest_ms: AtomicI64::new(floor.as_millis()) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now_ms = self.source.now().as_millis();
        // Written once a millisecond at most, so that readers share the line.
        let latest_ms = self.latest_ms.load(Ordering::Acquire);
        if now_ms <= latest_ms {
            return Timestamp::from_millis(latest_ms);
        }
        Timestamp::from_millis(self.latest_ms.fetch_max(now_ms, Ordering::AcqRel).max(now_ms))
    }

    /// What it showed last: no more than a second ago while an engine runs, and much cheaper to ask.
    pub(crate) fn latest(&self) -> Timestamp {
        Timestamp::from_millis(self.latest_ms.load(Ordering::Acquire))
    }

    /// The source itself, for whoever watches it.
    pub(crate) fn source(&self) -> &dyn Clock {
        &*self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_time_starts_at_its_floor_and_never_goes_back() {
        let at = Timestamp::from_millis;
        let hand = ManualClock::at(at(1_000));
        let steady = SteadyClock::new(Arc::new(hand.clone()), at(5_000));
        assert_eq!(steady.now(), at(5_000));
        hand.set(at(7_000));
        assert_eq!(steady.now(), at(7_000));
        hand.set(at(6_000));
        assert_eq!(steady.now(), at(7_000));
        hand.advance(Duration::from_secs(2));
        assert_eq!(steady.now(), at(8_000));
    }
}
