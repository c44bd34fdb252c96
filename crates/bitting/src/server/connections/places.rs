//! How many connections may be open at once.

use std::io;
use std::sync::Arc;

use bitting_http::Part;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::share::Shares;
use crate::config::{Listener, Serves};

/// Files that are kept free of connections: the store, the control socket, listeners.
const KEPT_FILES: u64 = 128;

/// Connections to a service listener, which callers of the gateway must not be able to use up: of those that only the API's own
/// programs reach, and of those that serve people's browsers too.
const OF_PROGRAMS: usize = 64;
const OF_BROWSERS: usize = 256;

/// One stranger leaves room for three others.
const STRANGERS: usize = 4;

/// How many connections may be open at once. More wait in the system's queue: without a limit, whoever opens many and says
/// nothing takes the files that the store and the control socket need.
pub(in crate::server) struct ConnectionLimits {
    gateway: Arc<Semaphore>,
    of_gateway: usize,
}

/// The places of one listener.
#[derive(Clone)]
pub(in crate::server) struct Places {
    all: Arc<Semaphore>,
    /// Where strangers come: who of them has how many.
    pub(super) shares: Option<Shares>,
    /// How many are for one stranger where the configuration says nothing.
    pub(super) share: usize,
}

/// A place that a connection has.
pub(super) type Place = OwnedSemaphorePermit;

impl ConnectionLimits {
    /// As many as the process may open files, which listeners for the service have a part of. A connection to the gateway may need
    /// another to the upstream.
    pub(in crate::server) fn of_process<'l>(listeners: impl IntoIterator<Item = &'l Listener>) -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let of_service = |listener: &Listener| match &listener.serves {
            Serves::Gateway { .. } => 0,
            Serves::Service(parts) => listener.limits.connections.unwrap_or(of_parts(parts)) as u64,
        };
        let kept = listeners.into_iter().map(of_service).fold(KEPT_FILES, u64::saturating_add);
        let gateway = usize::try_from(files.saturating_sub(kept) / 2).unwrap_or(usize::MAX);
        let of_gateway = gateway.clamp(8, Semaphore::MAX_PERMITS);
        Self { gateway: Arc::new(Semaphore::new(of_gateway)), of_gateway }
    }

    /// Those of a listener: for the gateway those that all its listeners share, or of its own; for the service always of its own, so
    /// that what is public on one does not use up another.
    pub(in crate::server) fn of(&self, listener: &Listener) -> Places {
        let of_its_own = |places: usize, shares| Places {
            all: Arc::new(Semaphore::new(places)),
            shares,
            share: (places / STRANGERS).max(1),
        };
        match (&listener.serves, listener.limits.connections) {
            (Serves::Gateway { .. }, None) => {
                let (all, shares) = (Arc::clone(&self.gateway), Some(Shares::default()));
                Places { all, shares, share: (self.of_gateway / STRANGERS).max(1) }
            }
            (Serves::Gateway { .. }, Some(places)) => of_its_own(places.min(self.of_gateway), Some(Shares::default())),
            (Serves::Service(parts), places) => {
                let is_public = parts.contains(&Part::Dashboard) || listener.limits.connections_per_address.is_some();
                of_its_own(places.unwrap_or(of_parts(parts)), is_public.then(Shares::default))
            }
        }
    }
}

impl Places {
    /// The next free one.
    pub(super) async fn take(&self) -> io::Result<Place> {
        if let Ok(place) = Arc::clone(&self.all).try_acquire_owned() {
            return Ok(place);
        }
        tracing::warn!("as many connections are open as may be; more wait");
        Arc::clone(&self.all).acquire_owned().await.map_err(io::Error::other)
    }
}

fn of_parts(parts: &[Part]) -> usize {
    if parts.contains(&Part::Dashboard) { OF_BROWSERS } else { OF_PROGRAMS }
}
