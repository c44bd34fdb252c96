//! The end of an engine, and of what goes on for long.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::decision::Permit;
use crate::engine::Engine;

/// What runs beside an engine.
pub(crate) struct Tasks {
    pub(crate) writer: JoinHandle<()>,
    pub(crate) heartbeat: JoinHandle<()>,
    pub(crate) supply: JoinHandle<()>,
    pub(crate) sightings: JoinHandle<()>,
    pub(crate) feed: JoinHandle<()>,
    pub(crate) keeper: JoinHandle<()>,
    pub(crate) traffic: JoinHandle<()>,
    pub(crate) streams: JoinHandle<()>,
    /// Ends those that go on with the store until they have done what they are at.
    pub(crate) halt: CancellationToken,
}

impl Engine {
    /// Whether a request that was let through would be let through now, all but its limits: for answers that go on for long.
    pub async fn still_admits(&self, permit: &Permit, client: Option<IpAddr>) -> bool {
        let Some(key) = permit.key() else { return true };
        match self.record(key.id).await {
            Ok(Some(record)) => permit.still_holds_for(&record, self.now(), client),
            Ok(None) | Err(_) => false,
        }
    }

    /// Becomes true when the engine is about to stop: what goes on for long is to end then.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Says in its status that it is about to stop, and goes on deciding.
    pub fn announce_stop(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Has everything end that goes on for long, so that the rest can finish.
    pub fn begin_to_stop(&self) {
        self.announce_stop();
        self.stopping.send_replace(true);
    }

    /// Finishes the changes that were handed over, keeps the time and stops. Later changes are refused. Nothing of it is at work in
    /// the store after that, so that another engine can open it.
    pub async fn stop(&self) {
        self.begin_to_stop();
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Tasks { writer, heartbeat, sightings, supply, feed, keeper, traffic, streams, halt }) = tasks else { return };
        halt.cancel();
        // With its lock in hand, so that nothing of it goes on in the store.
        let quiet = self.keeper.lock().await;
        keeper.abort();
        drop(quiet);
        sightings.abort();
        // It may hold the writer's queue until it is gone.
        let _ = sightings.await;
        let _ = keeper.await;
        // If one of them panicked, that was said when it did.
        for task in [writer, heartbeat, feed, traffic, streams] {
            let _ = task.await;
        }
        self.metering.close().await;
        let _ = supply.await;
        if let Err(error) = self.store().keep_time(self.now()).await {
            tracing::warn!(%error, "the time could not be kept");
        }
    }
}
