//! Accepting connections and speaking HTTP/1.1 on them.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The most bytes of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after a failure to accept, which mostly means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until it is told to stop, then waits until those that are open have finished what they are at.
pub(super) async fn serve<S, B>(
    socket: TcpListener,
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
            accepted = socket.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small answers must not wait for a full packet; a socket that refuses is only slower.
        let _ = stream.set_nodelay(true);
        let connection = http.serve_connection(TokioIo::new(stream), per_connection(peer));
        let connection = connections.watch(connection);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
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
