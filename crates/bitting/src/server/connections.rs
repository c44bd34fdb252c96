//! Accepting connections and speaking HTTP/1.1 on them.

mod lingering;
mod share;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::address::AddressList;
use bitting_gateway::ProtocolChange;
use bitting_http::Part;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use self::lingering::Lingering;
use self::share::Shares;
use crate::config::Serves;

/// The most bytes of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after a failure to accept, which mostly means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Files that are kept free of connections: the store, the control socket, listeners.
const KEPT_FILES: u64 = 128;

/// Connections to a service listener, which callers of the gateway must not be able to use up: of those that only the API's own
/// programs reach, and of those that serve people's browsers too.
const OF_PROGRAMS: usize = 64;
const OF_BROWSERS: usize = 256;

/// How many connections may be open at once. More wait in the system's queue: without a limit, whoever opens many and says
/// nothing takes the files that the store and the control socket need.
pub(super) struct ConnectionLimits {
    gateway: Arc<Semaphore>,
}

/// The limits of one listener.
#[derive(Clone)]
pub(super) struct ConnectionLimit {
    places: Arc<Semaphore>,
    /// Where strangers come: how many places are for one of them.
    shares: Option<Shares>,
}

impl ConnectionLimits {
    /// As many as the process may open files, which listeners for the service have a part of. A connection to the gateway may need
    /// another to the upstream.
    pub(super) fn of_process<'l>(listeners: impl IntoIterator<Item = &'l Serves>) -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let of_service = |serves: &Serves| match serves {
            Serves::Gateway { .. } => 0,
            Serves::Service(parts) => Self::places(parts) as u64,
        };
        let kept = listeners.into_iter().map(of_service).fold(KEPT_FILES, u64::saturating_add);
        let gateway = usize::try_from(files.saturating_sub(kept) / 2).unwrap_or(usize::MAX);
        Self { gateway: Arc::new(Semaphore::new(gateway.clamp(8, Semaphore::MAX_PERMITS))) }
    }

    /// That which all listeners for the gateway share.
    pub(super) fn gateway(&self) -> ConnectionLimit {
        ConnectionLimit { places: Arc::clone(&self.gateway), shares: None }
    }

    /// That of a listener for the service, of its own: what is public on one does not use up another.
    pub(super) fn service(parts: &[Part], trusted_proxies: &AddressList) -> ConnectionLimit {
        let places = Self::places(parts);
        let is_public = parts.contains(&Part::Dashboard);
        // One stranger leaves room for three others, and for whoever asks whether the server is well.
        let shares = is_public.then(|| Shares::new(places / 4, trusted_proxies.clone()));
        ConnectionLimit { places: Arc::new(Semaphore::new(places)), shares }
    }

    fn places(parts: &[Part]) -> usize {
        if parts.contains(&Part::Dashboard) { OF_BROWSERS } else { OF_PROGRAMS }
    }
}

/// Accepts connections until it is told to stop, then waits until those that are open have finished what they are at.
pub(super) async fn serve<S, B>(
    socket: TcpListener,
    limit: ConnectionLimit,
    per_connection: impl Fn(SocketAddr, ProtocolChange) -> S,
    mut stopped: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data: Send> + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_header_size(MAX_HEAD);
    // Dropped with this future, and all connections with it.
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &limit.places) => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let share = match limit.shares.as_ref().map(|shares| shares.take(peer.ip())) {
            Some(None) => {
                tracing::debug!(%peer, "a connection is closed: this client has as many open as one may");
                continue;
            }
            share => share.flatten(),
        };
        // Small answers must not wait for a full packet; a socket that refuses is only slower.
        let _ = stream.set_nodelay(true);
        let change = ProtocolChange::default();
        let stream = Lingering::new(stream, change.clone(), (place, share));
        let connection = http.serve_connection(TokioIo::new(stream), per_connection(peer, change)).with_upgrades();
        let mut stopped = stopped.clone();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => Some(ended),
                _ = stopped.wait_for(|stopped| *stopped) => None,
            };
            let ended = if let Some(ended) = ended {
                ended
            } else {
                connection.as_mut().graceful_shutdown();
                connection.await
            };
            if let Err(error) = ended {
                // A caller who sends nonsense or goes away is no event of ours.
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        });
    }
    let address = socket.local_addr().map_or_else(|_| String::new(), |address| address.to_string());
    drop(socket);
    tracing::info!(address, "no longer listening");
    while tasks.join_next().await.is_some() {}
}

/// The next connection, once there is a place for it.
async fn accept(socket: &TcpListener, limit: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = if let Ok(place) = Arc::clone(limit).try_acquire_owned() {
        place
    } else {
        tracing::warn!("as many connections are open as the limit of open files allows; more wait");
        Arc::clone(limit).acquire_owned().await.map_err(io::Error::other)?
    };
    let (stream, peer) = socket.accept().await?;
    Ok((stream, peer, place))
}
