//! Watching the clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_store::Store;
use tokio::time::Instant;

use crate::clock::SteadyClock;

/// How often the clock is looked at.
const PULSE: Duration = Duration::from_secs(1);

/// How often the time is kept in the store, so that a restart does not begin long before it.
const KEEP: Duration = Duration::from_mins(1);

/// A difference between the clock and the time that has passed that somebody should know of.
const JUMP: i64 = 60_000;

/// The last jump of the machine's clock, in words.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch(Mutex<Option<String>>);

impl ClockWatch {
    pub(crate) fn last_jump(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares how far the clock went with how much time has passed.
    fn compare(&self, before: Timestamp, after: Timestamp, passed: Duration) {
        let moved_ms = after.as_millis() - before.as_millis();
        let jumped_ms = moved_ms - i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        if jumped_ms.abs() > JUMP {
            let words = format!("the machine's clock jumped by {} s at {after}", jumped_ms / 1_000);
            tracing::warn!("{words}; keys do not come back to life, but limits and expiry follow the later time");
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
        }
    }
}

/// Watches the clock and keeps the time until it is dropped.
pub(crate) async fn run(clock: Arc<SteadyClock>, watch: Arc<ClockWatch>, store: Arc<dyn Store>) {
    let (mut seen, mut seen_at, mut kept_at) = (clock.source().now(), Instant::now(), Instant::now());
    loop {
        tokio::time::sleep(PULSE).await;
        let (now, now_at) = (clock.source().now(), Instant::now());
        watch.compare(seen, now, now_at - seen_at);
        (seen, seen_at) = (now, now_at);
        if kept_at.elapsed() >= KEEP {
            kept_at = now_at;
            if let Err(error) = store.keep_time(clock.now()).await {
                tracing::warn!(%error, "the time could not be kept");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_jump_of_over_a_minute_is_told() {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        let watch = ClockWatch::default();
        watch.compare(at(1_000), at(1_030), Duration::from_secs(1));
        watch.compare(at(1_000), at(5_000), Duration::from_secs(3_990));
        assert_eq!(watch.last_jump(), None);
        watch.compare(at(5_000), at(1_400), Duration::from_secs(1));
        assert!(watch.last_jump().unwrap().contains("jumped by -3601 s"));
        watch.compare(at(1_000), at(1_100), Duration::from_secs(1));
        assert!(watch.last_jump().unwrap().contains("jumped by 99 s"));
    }
}
