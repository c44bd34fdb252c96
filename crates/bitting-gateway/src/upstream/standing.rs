//! Whether a server is in use, from how its last requests ended.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitting_core::api::Failover;
use tokio::time::Instant;

/// How a server stands. Asked at every request, so that nothing is locked as long as all is well.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// In a row.
    failures: AtomicU32,
    /// Whether the lock holds anything.
    is_out: AtomicBool,
    out: Mutex<Option<Out>>,
}

/// A server is left out.
#[derive(Debug, Clone, Copy)]
struct Out {
    until: Instant,
    pause: Duration,
    /// One request is finding out whether it is well again.
    is_tried: bool,
}

impl Standing {
    /// Whether requests go there.
    pub(crate) fn is_in(&self) -> bool {
        !self.is_out.load(Ordering::Acquire)
    }

    /// Until when it is left out.
    pub(crate) fn out_until(&self) -> Option<Instant> {
        self.out().map(|out| out.until)
    }

    /// Whether this request is the one that tries a server which has been left out for long enough.
    pub(crate) fn begin_trial(&self, now: Instant) -> bool {
        match &mut *self.out() {
            Some(out) if !out.is_tried && out.until <= now => {
                out.is_tried = true;
                true
            }
            _ => false,
        }
    }

    /// The request that tried it ended without telling anything: the next one tries.
    pub(crate) fn abandon_trial(&self) {
        if let Some(out) = &mut *self.out() {
            out.is_tried = false;
        }
    }

    /// It has answered. Says whether it had been left out.
    pub(crate) fn succeeded(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.is_in() {
            return false;
        }
        let mut out = self.out();
        let was_out = out.take().is_some();
        // Still under the lock: a failure that comes right after must not be covered up.
        self.is_out.store(false, Ordering::Release);
        was_out
    }

    /// It has failed. Says for how long it is left out from now on, if that begins or is made longer.
    pub(crate) fn failed(&self, now: Instant, rules: &Failover) -> Option<Duration> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures < rules.failures && self.is_in() {
            return None;
        }
        let mut out = self.out();
        let pause = match &*out {
            None => rules.pause,
            // Requests that were on their way when it was left out say nothing new.
            Some(out) if now < out.until => return None,
            Some(out) => out.pause.saturating_mul(2),
        };
        let pause = pause.min(rules.longest_pause);
        *out = Some(Out { until: now + pause, pause, is_tried: false });
        self.is_out.store(true, Ordering::Release);
        Some(pause)
    }

    fn out(&self) -> MutexGuard<'_, Option<Out>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Failover = Failover { failures: 3, pause: Duration::from_secs(1), longest_pause: Duration::from_secs(3) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_server_is_left_out_after_failures_in_a_row_and_for_longer_each_time() {
        let (standing, mut now) = (Standing::default(), Instant::now());
        for _ in 0..2 {
            assert_eq!(standing.failed(now, &RULES), None);
        }
        // An answer between makes them no row.
        assert!(!standing.succeeded());
        for _ in 0..2 {
            assert_eq!(standing.failed(now, &RULES), None);
            assert!(standing.is_in());
        }
        for pause in [1, 2, 3, 3] {
            assert_eq!(standing.failed(now, &RULES), Some(seconds(pause)));
            assert!(!standing.is_in());
            // One that was under way already.
            assert_eq!(standing.failed(now, &RULES), None);
            assert!(!standing.begin_trial(now + seconds(pause) - Duration::from_millis(1)));
            now += seconds(pause);
            assert!(standing.begin_trial(now));
        }
        assert!(standing.succeeded());
        assert!(standing.is_in() && standing.out_until().is_none());
        assert_eq!(standing.failed(now, &RULES), None);
    }

    #[test]
    fn one_request_at_a_time_tries_a_server_again() {
        let (standing, now) = (Standing::default(), Instant::now());
        for _ in 0..3 {
            standing.failed(now, &RULES);
        }
        let later = now + seconds(1);
        assert!(standing.begin_trial(later));
        assert!(!standing.begin_trial(later));
        standing.abandon_trial();
        assert!(standing.begin_trial(later));
    }
}
