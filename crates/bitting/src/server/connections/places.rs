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
    /// Who of strangers has how many.
    pub(super) shares: Shares,
    /// How many are for one stranger where the configuration says nothing.
    share: usize,
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
        let (all, places) = match (&listener.serves, listener.limits.connections) {
            (Serves::Gateway { .. }, None) => (Arc::clone(&self.gateway), self.of_gateway),
            (Serves::Gateway { .. }, Some(places)) => of_its_own(places.min(self.of_gateway)),
            (Serves::Service(parts), places) => of_its_own(places.unwrap_or(of_parts(parts))),
        };
        Places { all, shares: Shares::default(), share: (places / STRANGERS).max(1) }
    }
}

impl Places {
    /// How many one stranger may have by what a listener says now; `None` if as many as there are, since no strangers come.
    pub(super) fn share_by(&self, listener: &Listener) -> Option<usize> {
        let strangers_come = match &listener.serves {
            Serves::Gateway { .. } => true,
            Serves::Service(parts) => parts.contains(&Part::Dashboard),
        };
        listener.limits.connections_per_address.or(strangers_come.then_some(self.share))
    }

    /// The next free one.
    pub(super) async fn take(&self) -> io::Result<Place> {
        if let Ok(place) = Arc::clone(&self.all).try_acquire_owned() {
            return Ok(place);
        }
        tracing::warn!("as many connections are open as may be; more wait");
        Arc::clone(&self.all).acquire_owned().await.map_err(io::Error::other)
    }
}

fn of_its_own(places: usize) -> (Arc<Semaphore>, usize) {
    (Arc::new(Semaphore::new(places)), places)
}

fn of_parts(parts: &[Part]) -> usize {
    if parts.contains(&Part::Dashboard) { OF_BROWSERS } else { OF_PROGRAMS }
}

#[cfg(test)]
mod tests {
    use bitting_core::address::{AddressList, ForwardedHeader};

    use super::*;
    use crate::config::ListenLimits;

    fn listener(parts: &[Part], limits: ListenLimits) -> Listener {
        Listener {
            address: ([127, 0, 0, 1], 0).into(),
            serves: Serves::Service(parts.to_vec()),
            tls: None,
            http2: true,
            proxy_protocol: false,
            limits,
            trusted_proxies: AddressList::default(),
            forwarded_header: ForwardedHeader::default(),
        }
    }

    #[tokio::test]
    async fn what_a_stranger_may_have_is_what_the_listener_says_now() {
        let before = listener(&[Part::Management], ListenLimits::default());
        let places = ConnectionLimits::of_process([&before]).of(&before);
        assert_eq!(places.share_by(&before), None, "no strangers come");
        let limits = ListenLimits { connections_per_address: Some(7), ..ListenLimits::default() };
        assert_eq!(places.share_by(&listener(&[Part::Management], limits)), Some(7));
        let with_people = listener(&[Part::Dashboard], ListenLimits::default());
        assert_eq!(places.share_by(&with_people), Some(OF_PROGRAMS / STRANGERS));
    }
}
