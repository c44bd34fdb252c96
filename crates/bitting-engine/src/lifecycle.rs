//! What time does to keys: it renews them, ends overlaps that nobody needs, and has people told of what comes and of what has come.
//!
//! One task looks once a second, on the engine's clock, and reads only what has become due: keys along [lines](bitting_store::Line) of
//! their times, each from where it was read to before, and the changes that were made since, which may have put a key where was looked
//! already. Nothing is told twice: each event is written [once](bitting_store::Fold::Once) under a name that says what it is about, and
//! how far was told is kept after it was told. Nothing is told late either: a step of the clock over forty days tells what is true
//! after it.
//!
//! A timer for each key was rejected: a million timers would have to be set at each start, and a step of the clock would not move them.

mod agenda;
mod following;
mod notice;
mod overlap;
mod renewal;
mod stage;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bitting_core::name::NameId;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_store::{Actor, Change, Conditions, Entry, Origin, Store, StoreError, StoreErrorKind};
use tokio::sync::{Mutex, mpsc, oneshot};

pub use self::renewal::{NotRenewed, renewal};

use self::agenda::{Agenda, Task};
use self::stage::Stages;
use crate::apis::ServedApi;
use crate::clock::SteadyClock;
use crate::engine::Engine;
use crate::feed::Feed;
use crate::metering::Metering;
use crate::ring::Ring;
use crate::writer::Job;

/// How often is looked.
const PULSE: Duration = Duration::from_secs(1);

/// How many keys are read, or events written, at once: few enough to hold the writer for a few milliseconds.
const CHUNK: usize = 200;

/// How long to wait for a store that has failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Whoever sees to it.
pub(crate) struct Keeper {
    store: Arc<dyn Store>,
    metering: Weak<Metering>,
    clock: Arc<SteadyClock>,
    feed: Arc<Feed>,
    queue: mpsc::WeakSender<Job>,
    /// The latest time that was known when this began: what has ended before had ended while somebody looked.
    floor: Timestamp,
    /// How far changes were followed; `None` until that was read.
    followed: Option<Sequence>,
    agenda: Agenda,
    stages: HashMap<NameId, Stages>,
}

/// A job on its way to the writer.
type Answered = oneshot::Receiver<crate::writer::Answer>;

/// What becomes of a change that was handed over.
enum Outcome {
    Done,
    Refused,
    /// The writer has said why.
    Failed,
}

impl Keeper {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        metering: &Arc<Metering>,
        clock: Arc<SteadyClock>,
        feed: Arc<Feed>,
        queue: mpsc::WeakSender<Job>,
        floor: Timestamp,
    ) -> Self {
        let (agenda, stages) = (Agenda::default(), HashMap::new());
        Self { store, metering: Arc::downgrade(metering), clock, feed, queue, floor, followed: None, agenda, stages }
    }

    /// Does everything that is due. With `patience`, what is told may wait for a few seconds to be looked for.
    async fn see_to_all(&mut self, patience: bool) -> Result<(), StoreError> {
        let mut is_written = false;
        loop {
            let Some(metering) = self.running() else { return Ok(()) };
            let (apis, now) = (metering.served(), self.clock.now());
            let mut more = self.follow(&apis, now).await?;
            for api in &apis {
                more |= self.gather(api, now).await?;
                more |= self.gather_leaving(api, now).await?;
            }
            more |= self.act(&apis, &metering, now).await?;
            for api in &apis {
                if patience && !self.is_time_to_look(api, now) {
                    continue;
                }
                // A use that is written down later would stand where was looked already.
                if !is_written && !metering.write_down().await {
                    return Err(unwritten());
                }
                is_written = true;
                more |= self.tell(api, now).await?;
            }
            if !more {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Renews what should have been renewed while nobody ran.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let Some(metering) = self.running() else { return Ok(()) };
            let (apis, now) = (metering.served(), self.clock.now());
            let mut more = self.begin_following().await?;
            for api in &apis {
                more |= self.gather(api, now).await?;
            }
            more |= self.act(&apis, &metering, now).await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Does what is due on the agenda, some of it. Whether there is more.
    async fn act(&mut self, apis: &[Arc<ServedApi>], metering: &Metering, now: Timestamp) -> Result<bool, StoreError> {
        let due = self.agenda.due(now, CHUNK);
        let more = due.len() == CHUNK;
        let (renewals, overlaps): (Vec<_>, Vec<_>) = due.into_iter().partition(|item| matches!(item.task, Task::Renew { .. }));
        let mut failure = None;
        for api in apis {
            let of_api = |items: &[agenda::Item]| items.iter().filter(|item| item.api == api.id).copied().collect::<Vec<_>>();
            let (renewals, overlaps) = (of_api(&renewals), of_api(&overlaps));
            // Whatever goes wrong, they are looked at again, and those of the other APIs are looked at all the same.
            if let Err(error) = self.renew(api, &renewals, now).await {
                self.agenda.put_off(renewals, now.plus(PAUSE));
                failure.get_or_insert(error);
            }
            if let Err(error) = self.end_overlaps(api, &overlaps, metering, now).await {
                self.agenda.put_off(overlaps, now.plus(PAUSE));
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(more), Err)
    }

    /// What runs with it; `None` once the engine is stopping or gone.
    fn running(&self) -> Option<Arc<Metering>> {
        self.metering.upgrade().filter(|_| self.queue.strong_count() > 0)
    }

    /// Hands a change to the writer. `None` if that is gone.
    async fn hand_over(&self, change: Change, conditions: Conditions, at: Timestamp) -> Option<Answered> {
        let queue = self.queue.upgrade()?;
        let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
        let (answer, answered) = oneshot::channel();
        queue.send(Job { entry: Entry { change, origin, conditions, at }, answer, then: None }).await.ok()?;
        Some(answered)
    }
}

impl Outcome {
    async fn of(answered: Option<Answered>) -> Self {
        let Some(answered) = answered else { return Self::Failed };
        match answered.await {
            Ok(Ok(Ok(_))) => Self::Done,
            Ok(Ok(Err(_))) => Self::Refused,
            Ok(Err(_)) | Err(_) => Self::Failed,
        }
    }
}

/// Looks after keys until the engine is gone, as soon as all are in memory.
pub(crate) async fn run(keeper: Arc<Mutex<Keeper>>, ring: Arc<Ring>) {
    loop {
        tokio::time::sleep(PULSE).await;
        if !ring.is_loaded() {
            continue;
        }
        let mut keeper = keeper.lock().await;
        if keeper.metering.strong_count() == 0 {
            return;
        }
        let done = keeper.see_to_all(true).await;
        drop(keeper);
        if let Err(error) = done {
            tracing::warn!(%error, "what time does to keys could not be looked after; it is tried again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Engine {
    /// Does to keys what time has made due and has it told, as happens by itself every few seconds.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn see_to_keys(&self) -> Result<(), StoreError> {
        self.keeper.lock().await.see_to_all(false).await
    }

    /// Renews keys whose renewal came due while no engine ran, before any of them is asked for.
    pub(crate) async fn renew_what_is_owed(&self) {
        if let Err(error) = self.keeper.lock().await.catch_up().await {
            tracing::error!(%error, "keys that should have renewed themselves could not be looked after; it is tried again");
        }
    }
}

/// The error of a store whose writer could not do what was wanted.
fn unwritten() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "a change that time has made due could not be written")
}
