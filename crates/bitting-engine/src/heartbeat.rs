//! Watching the clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::SteadyClock;

/// How often the clock is looked at.
const PULSE: Duration = Duration::from_secs(1);

/// How often the time is kept in the store, so that a restart does not begin long before it.
const KEEP: Duration = Duration::from_mins(1);

/// By how much the clock must be off before somebody should know of it.
const JUMP_MS: i64 = 60_000;

/// What was last odd about the machine's clock, in words.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch(Mutex<Option<String>>);

impl ClockWatch {
    pub(crate) fn last_oddity(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Compares the clock, when the engine starts, with the latest time in the store, which engine time does not fall behind.
    pub(crate) fn begin(&self, now: Timestamp, floor: Timestamp) {
        let behind_ms = floor.as_millis().saturating_sub(now.as_millis());
        if behind_ms > JUMP_MS {
            let behind = behind_ms / 1_000;
            let words =
                format!("at the start, the machine's clock was {behind} s behind the latest time in the store, {floor}");
            tracing::warn!("{words}; engine time stands still until the clock has caught up");
            self.tell(words);
        }
    }

    /// Compares how far the clock went with how much time has passed.
    fn compare(&self, before: Timestamp, after: Timestamp, passed: Duration) {
        let moved_ms = after.as_millis() - before.as_millis();
        let jumped_ms = moved_ms - i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        if jumped_ms.abs() > JUMP_MS {
            let words = format!("the machine's clock jumped by {} s at {after}", jumped_ms / 1_000);
            tracing::warn!("{words}; keys do not come back to life, but limits and expiry follow the later time");
            self.tell(words);
        }
    }

    fn tell(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }
}

/// Watches the clock and keeps the time until it is to halt.
pub(crate) async fn run(clock: Arc<SteadyClock>, watch: Arc<ClockWatch>, store: Arc<dyn Store>, halt: CancellationToken) {
    let (mut seen, mut seen_at, mut kept_at) = (clock.source().now(), Instant::now(), Instant::now());
    while halt.run_until_cancelled(tokio::time::sleep(PULSE)).await.is_some() {
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
        assert_eq!(watch.last_oddity(), None);
        watch.compare(at(5_000), at(1_400), Duration::from_secs(1));
        assert!(watch.last_oddity().unwrap().contains("jumped by -3601 s"));
        watch.compare(at(1_000), at(1_100), Duration::from_secs(1));
        assert!(watch.last_oddity().unwrap().contains("jumped by 99 s"));
    }

    #[test]
    fn a_start_over_a_minute_behind_the_store_is_told() {
        let at = |s: i64| Timestamp::from_millis(s * 1_000);
        let watch = ClockWatch::default();
        watch.begin(at(1_000), at(1_060));
        watch.begin(at(9_000), at(1_000));
        assert_eq!(watch.last_oddity(), None);
        watch.begin(at(1_000), at(1_061));
        assert!(watch.last_oddity().unwrap().contains("61 s behind the latest time in the store"));
    }
}
