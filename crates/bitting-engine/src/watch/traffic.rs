//! Comparing how much keys are used with how much they usually are.
//!
//! An hour is looked at when it is over, and every ten minutes while it lasts. It is done in small parts with pauses between them, from what is
//! written in the store, so that nobody waits for it and a restart loses nothing: an hour is told once, whoever looks at it again.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_core::traffic::{Direction, HOUR_MS, History, TrafficPolicy, Unusual, WEEK_HOURS};
use bitting_store::{BusyHourQuery, Fold, KeyStatus, Raised, Store, StoreError, TrafficQuery};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::apis::ServedApi;
use crate::clock::SteadyClock;
use crate::feed::Feed;
use crate::metering::Metering;

/// How often it is looked whether there is something to look at.
const PULSE: Duration = Duration::from_secs(1);

/// By how much more than time has passed the clock must go on to have jumped.
const JUMP: Duration = Duration::from_mins(1);

/// How long after an hour's end it is looked at: by then all of it is written down.
const SETTLED_MS: i64 = 5_000;

/// How often the hour that lasts is looked at.
const STEP_MS: i64 = 600_000;

/// How many rows are read at once, to find the keys of an hour.
const ROWS: usize = 500;

/// The hours of how many keys are read at once. Each has a row a day, so that these are some ten milliseconds.
const KEYS: usize = 50;

/// Of how many keys it is told one by one in an hour. Where it happens to more, it happens to the API.
const EACH: usize = 100;

/// How long to pause between two parts, so that whoever needs the processor or the store's reader gets it.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks at all APIs until the engine is gone, or it is to halt.
pub(crate) async fn run(
    metering: Weak<Metering>,
    store: Arc<dyn Store>,
    clock: Arc<SteadyClock>,
    feed: Arc<Feed>,
    halt: CancellationToken,
) {
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut started = clock.now();
    let (mut seen, mut seen_at) = (started, Instant::now());
    // The hour before the start may have been looked at by nobody.
    let (mut done, mut looked_at) = (hour(started).saturating_sub(2), started);
    while halt.run_until_cancelled(pulse.tick()).await.is_some() {
        let (now, now_at) = (clock.now(), Instant::now());
        // While the machine slept, and in hours that its clock left out, nobody counted.
        if now.since(seen) > (now_at - seen_at) + JUMP {
            started = now;
        }
        (seen, seen_at) = (now, now_at);
        let over = hour(Timestamp::from_millis(now.as_millis() - SETTLED_MS)).saturating_sub(1);
        let look = if over > done {
            (done, looked_at) = (over, now);
            Look { hour: over, until: start(over + 1), is_over: true, is_whole: start(over) >= started }
        } else if now.since(looked_at).as_millis() >= u128::from(STEP_MS.unsigned_abs()) && now.as_millis() % HOUR_MS >= STEP_MS
        {
            looked_at = now;
            Look { hour: hour(now), until: now, is_over: false, is_whole: false }
        } else {
            continue;
        };
        let Some(served) = metering.upgrade().map(|metering| metering.served()) else { return };
        for api in served {
            let Some(policy) = api.alerts.traffic else { continue };
            let mut patrol = Patrol { api: &api, policy, store: &*store, look, told: [0; 2], halt: &halt };
            let walked = patrol.walk().await;
            if patrol.told != [0; 2] {
                feed.wake();
            }
            if let Err(error) = walked {
                tracing::warn!(%error, api = &*api.name, "whether traffic is as usual could not be looked at; the next hour is");
            }
        }
    }
}

/// Which hour is looked at.
#[derive(Debug, Clone, Copy)]
struct Look {
    hour: u32,
    /// Until when it has lasted.
    until: Timestamp,
    is_over: bool,
    /// Whether requests were counted in all of it: where nobody counts there is nothing to miss.
    is_whole: bool,
}

/// One look at the keys of an API.
struct Patrol<'p> {
    api: &'p ServedApi,
    policy: TrafficPolicy,
    store: &'p dyn Store,
    look: Look,
    /// Of how many keys there were too many requests, and of how many too few.
    told: [usize; 2],
    halt: &'p CancellationToken,
}

impl Patrol<'_> {
    /// Looks at the keys that were used so much that it can be too much, and at those that were used so much a week ago.
    async fn walk(&mut self) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        self.walk_through(self.look.hour, &mut seen).await?;
        if self.look.is_whole {
            self.walk_through(self.look.hour.saturating_sub(WEEK_HOURS), &mut seen).await?;
        }
        let of_many = [Direction::More, Direction::Fewer].map(|direction| self.of_many(direction));
        let raised: Vec<Raised> = of_many.into_iter().flatten().collect();
        if raised.is_empty() { Ok(()) } else { self.store.raise(raised).await }
    }

    async fn walk_through(&mut self, hour: u32, seen: &mut HashSet<KeyId>) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let (api, at_least) = (self.api.name.clone(), self.policy.requests);
            let page = self.store.busy_in(BusyHourQuery { api, hour: start(hour), at_least, after, rows: ROWS }).await?;
            let keys: Vec<KeyId> = page.busy.iter().map(|busy| busy.key).filter(|key| seen.insert(*key)).collect();
            for part in keys.chunks(KEYS) {
                self.judge(part).await?;
                // The next start looks at the hour anew.
                if self.halt.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                    return Ok(());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Holds keys against their past.
    async fn judge(&mut self, keys: &[KeyId]) -> Result<(), StoreError> {
        let Look { hour, until, is_over, is_whole } = self.look;
        let first = (hour + 1).saturating_sub(self.policy.hours_needed());
        let (api, from) = (self.api.name.clone(), start(first));
        let traffic = self.store.traffic(TrafficQuery { api, keys: keys.to_vec(), from, until: start(hour + 1) }).await?;
        let mut raised = Vec::new();
        for (key, counts) in keys.iter().zip(traffic) {
            let history = History::new(first, counts);
            let judged =
                if is_over { self.policy.judge(&history, hour) } else { self.policy.judge_so_far(&history, hour, until) };
            let Some(unusual) = judged.filter(|unusual| is_whole || unusual.direction == Direction::More) else { continue };
            let Some(one) = self.raised(*key, &unusual).await? else { continue };
            let told = &mut self.told[usize::from(unusual.direction == Direction::Fewer)];
            *told += 1;
            if *told <= EACH {
                raised.push(one);
            }
        }
        if raised.is_empty() { Ok(()) } else { self.store.raise(raised).await }
    }

    /// What to tell if the same happened to so many keys that it is no matter of theirs.
    fn of_many(&self, direction: Direction) -> Option<Raised> {
        let keys = self.told[usize::from(direction == Direction::Fewer)];
        let (from, until) = (start(self.look.hour), self.look.until);
        let how = if direction == Direction::More { "much more" } else { "much less" };
        (keys > EACH).then(|| Raised {
            kind: EventKind::TrafficUnusual,
            api: self.api.name.clone(),
            account: None,
            key: None,
            at: until,
            count: 1,
            fold: Fold::Once(format!("many {from} {}", direction.name())),
            data: json!({
                "summary": format!("{keys} keys were used {how} between {from} and {until} than they usually are"),
                "direction": direction.name(),
                "from": from,
                "until": until,
                "keys": keys,
            }),
        })
    }

    /// What to tell of a key. That one is not used any more which cannot be, or which was replaced, is as it should be.
    async fn raised(&self, key: KeyId, unusual: &Unusual) -> Result<Option<Raised>, StoreError> {
        let Some(row) = self.store.key(&self.api.name, key).await? else { return Ok(None) };
        if unusual.direction == Direction::Fewer {
            let account = self.store.account(&self.api.name, &row.account).await?;
            let is_in_use = row.status(unusual.until) == KeyStatus::Active && row.replaced_by.is_none();
            if !is_in_use || account.is_none_or(|account| !account.enabled) {
                return Ok(None);
            }
        }
        let (low, high) = unusual.usual;
        Ok(Some(Raised {
            kind: EventKind::TrafficUnusual,
            api: self.api.name.clone(),
            account: Some(row.account),
            key: Some(key),
            at: unusual.until,
            count: 1,
            fold: Fold::Once(format!("{key} {} {}", unusual.from, unusual.direction.name())),
            data: json!({
                "summary": unusual.to_string(),
                "direction": unusual.direction.name(),
                "environment": row.environment,
                "from": unusual.from,
                "until": unusual.until,
                "requests": unusual.count,
                "usually_from": low,
                "usually_to": high,
                "weeks": unusual.weeks,
            }),
        }))
    }
}

/// Whole hours since 1970.
fn hour(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis() / HOUR_MS).unwrap_or(u32::MAX)
}

/// The first moment of an hour.
fn start(hour: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(hour) * HOUR_MS)
}
