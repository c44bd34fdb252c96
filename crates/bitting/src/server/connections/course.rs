//! How a listener and its connections come to their end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bitting_gateway::LastApi;
use tokio::sync::watch;

use super::pace::Pace;

/// How far a listener is. It only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server) enum Stage {
    /// It serves.
    Serving,
    /// It serves, and asks its callers with each answer to come by another connection next time.
    Leaving,
    /// Nobody new is let in. Connections end as soon as nothing is under way on them.
    Closed,
    /// What is still under way ends now.
    Cut,
}

/// What was cut.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in crate::server) struct Losses {
    pub(in crate::server) connections: usize,
    pub(in crate::server) requests: u64,
    /// The APIs that those connections were used for last.
    pub(in crate::server) apis: BTreeSet<String>,
}

/// What the connections of a listener are told, and where they tell what was lost.
#[derive(Clone)]
pub(in crate::server) struct Course {
    stage: watch::Receiver<Stage>,
    losses: Arc<Mutex<Losses>>,
}

/// Whoever ends a listener.
pub(in crate::server) struct Helm {
    stage: watch::Sender<Stage>,
    losses: Arc<Mutex<Losses>>,
}

impl Helm {
    pub(in crate::server) fn new() -> (Self, Course) {
        let (sender, stage) = watch::channel(Stage::Serving);
        let losses = Arc::<Mutex<Losses>>::default();
        (Self { stage: sender, losses: Arc::clone(&losses) }, Course { stage, losses })
    }

    /// Goes on to a stage, if it is not there yet.
    pub(in crate::server) fn go_on(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let is_later = to > *stage;
            *stage = to.max(*stage);
            is_later
        });
    }

    /// What was cut so far.
    pub(in crate::server) fn losses(&self) -> Losses {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Course {
    /// Whether a stage is reached.
    pub(super) fn is_at(&self, stage: Stage) -> bool {
        *self.stage.borrow() >= stage
    }

    /// Waits until a stage is reached, which it also is when nobody is at the helm any more.
    pub(super) async fn reaches(&mut self, stage: Stage) {
        let _ = self.stage.wait_for(|now| *now >= stage).await;
    }

    /// A connection was cut; nothing is lost if no request was under way on it.
    pub(super) fn lose(&self, pace: &Pace, last_api: &LastApi) {
        if pace.is_idle() {
            return;
        }
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.connections += 1;
        // One that is answered may still be sending its body.
        losses.requests += u64::from(pace.under_way().max(1));
        losses.apis.extend(last_api.name());
    }
}

impl Losses {
    /// Says in the log what became of what was in progress.
    pub(in crate::server) fn tell(&self, of: &str) {
        let Self { connections, requests, apis } = self;
        if *connections == 0 {
            return tracing::info!(of, "everything that was in progress has finished");
        }
        let apis = apis.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        tracing::warn!(of, requests, connections, apis, "requests that were still in progress were cut");
    }

    /// Counts what another listener has lost.
    pub(in crate::server) fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.requests += other.requests;
        self.apis.extend(other.apis);
    }
}
