//! Accepting connections and speaking HTTP/1.1 on them.

mod lingering;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use self::lingering::Lingering;

/// The most bytes of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after a failure to accept, which mostly means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Files that are kept free of connections: the store, the control socket, listeners, the service's own.
const KEPT_FILES: u64 = 192;

/// Connections to the service listeners, which callers of the gateway must not be able to use up.
const SERVICE_CONNECTIONS: usize = 64;

/// How many connections may be open at once. More wait in the system's queue: without a limit, whoever opens many and says
/// nothing takes the files that the store and the control socket need.
#[derive(Clone)]
pub(super) struct ConnectionLimits {
    pub(super) gateway: Arc<Semaphore>,
    pub(super) service: Arc<Semaphore>,
}

impl ConnectionLimits {
    /// As many as the process may open files. A connection to the gateway may need another to the upstream.
    pub(super) fn of_process() -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let gateway = usize::try_from(files.saturating_sub(KEPT_FILES) / 2).unwrap_or(usize::MAX);
        let gateway = gateway.clamp(8, Semaphore::MAX_PERMITS);
        Self { gateway: Arc::new(Semaphore::new(gateway)), service: Arc::new(Semaphore::new(SERVICE_CONNECTIONS)) }
    }
}

/// Accepts connections until it is told to stop, then waits until those that are open have finished what they are at.
pub(super) async fn serve<S, B>(
    socket: TcpListener,
    limit: Arc<Semaphore>,
    per_connection: impl Fn(SocketAddr) -> S,
    mut stopped: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data: Send> + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_header_size(MAX_HEAD);
    let connections = GracefulShutdown::new();
    // Dropped with this future, and all connections with it.
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &limit) => accepted,
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
        // Small answers must not wait for a full packet; a socket that refuses is only slower.
        let _ = stream.set_nodelay(true);
        let connection = http.serve_connection(TokioIo::new(Lingering::new(stream)), per_connection(peer));
        let connection = connections.watch(connection);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                // A caller who sends nonsense or goes away is no event of ours.
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        });
    }
    let address = socket.local_addr().map_or_else(|_| String::new(), |address| address.to_string());
    drop(socket);
    tracing::info!(address, "no longer listening");
    connections.shutdown().await;
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
