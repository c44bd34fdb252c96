//! Accepting connections and speaking HTTP on them.
//!
//! ```text
//! accept ── a place ── PROXY header ── a share ── glance ── TLS ── HTTP/1.1 or HTTP/2 ── requests, attended
//! ```
//!
//! All of it but accepting happens in a task for each connection, under the time that a head may take, so that nobody waits for
//! another's slowness. hyper-util's own telling apart of the two versions of HTTP was rejected: it waits for the first bytes without a
//! time, and would stand between stream and parser for as long as the connection lasts.

mod attended;
mod door;
mod guarded;
mod lingering;
mod opening;
mod pace;
mod places;
mod share;
mod wire;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bitting_gateway::{Arriving, BodyPace, ProtocolChange};
use http::uri::Scheme;
use http::{Request, Response};
use hyper::body::Body;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::attended::Attended;
use self::guarded::Guarded;
use self::lingering::Lingering;
use self::opening::{Opened, Speaks, open, read_proxied};
use self::pace::Pace;
use self::places::Place;
use self::share::Share;
use crate::config::{ListenLimits, Listener};

pub(super) use door::Door;
pub(super) use places::{ConnectionLimits, Places};

/// How long to wait after a failure to accept, which mostly means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes of bodies that one HTTP/2 connection may have under way to us before they are read: for one request, and for all of them.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Requests of HTTP/2 that were taken back before anybody saw them, and streams that were reset because of what the caller did: more
/// of them than this and the connection ends (CVE-2023-44487, CVE-2025-8671).
const UNSEEN_RESETS: usize = 20;
const OWN_RESETS: usize = 256;

/// A connection on which requests may come.
pub(super) struct Arrival {
    /// Who is at its other end, or at that of the proxy which brings it.
    pub(super) peer: SocketAddr,
    /// What it goes by.
    pub(super) listener: Arc<Listener>,
    /// The name that its caller asked for when it was secured.
    pub(super) server_name: Option<Box<str>>,
    /// Told when it stops to be HTTP.
    pub(super) change: ProtocolChange,
}

impl Arrival {
    /// How the listener is spoken to.
    pub(super) fn scheme(&self) -> Scheme {
        if self.listener.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

/// Accepts connections until it is told to stop, then waits until those that are open have finished what they are at.
pub(super) async fn serve<S, B>(
    socket: TcpListener,
    places: Places,
    door: Door,
    per_connection: impl Fn(Arrival) -> S + Send + Sync + 'static,
    mut stopped: watch::Receiver<bool>,
) where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data: Send> + Send + 'static,
{
    let per_connection = Arc::new(per_connection);
    // Dropped with this future, and all connections with it.
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = async {
                let place = places.take().await?;
                socket.accept().await.map(|(stream, peer)| (stream, peer, place))
            } => accepted,
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
        while tasks.try_join_next().is_some() {}
        let (listener, places) = (door.now(), places.clone());
        let (per_connection, mut stopped) = (Arc::clone(&per_connection), stopped.clone());
        tasks.spawn(async move {
            let begun = tokio::select! {
                // Boxed, so that what is needed for the beginning alone is not kept.
                begun = Box::pin(begin(stream, peer, listener, &places)) => begun,
                _ = stopped.wait_for(|stopped| *stopped) => None,
            };
            let Some((opened, arrival, share)) = begun else { return };
            attend(opened, arrival, (place, share), &*per_connection, stopped).await;
        });
    }
    let address = socket.local_addr().map_or_else(|_| String::new(), |address| address.to_string());
    drop(socket);
    tracing::info!(address, "no longer listening");
    while tasks.join_next().await.is_some() {}
}

/// Begins a connection within the time that a head may take.
async fn begin(
    stream: TcpStream,
    peer: SocketAddr,
    listener: Arc<Listener>,
    places: &Places,
) -> Option<(Opened, Arrival, Option<Share>)> {
    let limit = listener.limits.head_time;
    let begun = tokio::time::timeout(limit, introduce(stream, peer, listener, places)).await;
    begun.unwrap_or_else(|_elapsed| {
        tracing::debug!(%peer, "a connection was closed: it took too long to begin");
        None
    })
}

async fn introduce(
    mut stream: TcpStream,
    mut peer: SocketAddr,
    listener: Arc<Listener>,
    places: &Places,
) -> Option<(Opened, Arrival, Option<Share>)> {
    if listener.proxy_protocol {
        if !listener.trusted_proxies.contains(peer.ip().to_canonical()) {
            tracing::warn!(%peer, "a connection is closed: its peer is none of `trusted_proxies`, which alone may say for whom they forward");
            return None;
        }
        match read_proxied(&mut stream).await {
            Ok(said) => peer = said.unwrap_or(peer),
            Err(error) => {
                tracing::warn!(%peer, %error, "a connection is closed: with `proxy_protocol` each begins with a PROXY header");
                return None;
            }
        }
    }
    let share = match &places.shares {
        Some(shares) => {
            let most = listener.limits.connections_per_address.unwrap_or(places.share);
            let share = shares.take(peer.ip(), most, &listener.trusted_proxies);
            if share.is_none() {
                tracing::debug!(%peer, "a connection is closed: this client has as many open as one may");
                return None;
            }
            share
        }
        None => None,
    };
    let mut opened = open(stream, peer, &listener).await?;
    let server_name = opened.server_name.take();
    let change = ProtocolChange::default();
    Some((opened, Arrival { peer, listener, server_name, change }, share))
}

/// Speaks HTTP on a connection until it ends.
async fn attend<S, B>(
    opened: Opened,
    arrival: Arrival,
    held: (Place, Option<Share>),
    per_connection: &impl Fn(Arrival) -> S,
    stopped: watch::Receiver<bool>,
) where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data: Send> + Send + 'static,
{
    let (peer, speaks) = (arrival.peer, opened.speaks);
    let limits = &arrival.listener.limits;
    let pace = Arc::new(Pace::new(limits));
    let bodies = BodyPace { pause: limits.body_pause, rate: limits.body_rate };
    let lingering = Lingering::new(opened.wire, arrival.change.clone(), held);
    let stream = TokioIo::new(Guarded::new(lingering, Arc::clone(&pace), speaks));
    let ended = match speaks {
        Speaks::Http1 => {
            let http = http1(limits);
            let service = Attended::new(per_connection(arrival), pace, bodies, speaks);
            let connection = http.serve_connection(stream, service).with_upgrades();
            until_stopped(connection, http1::UpgradeableConnection::graceful_shutdown, stopped).await
        }
        Speaks::Http2 => {
            let http = http2(limits);
            let service = Attended::new(per_connection(arrival), pace, bodies, speaks);
            // Boxed: it is several times as large as a connection of HTTP/1.1.
            let connection = http.serve_connection(stream, service);
            Box::pin(until_stopped(connection, http2::Connection::graceful_shutdown, stopped)).await
        }
    };
    if let Err(error) = ended {
        // A caller who sends nonsense or goes away is no event of ours.
        tracing::debug!(%error, cause = error.source().map(tracing::field::display), %peer, "a connection ended early");
    }
}

/// Goes on with a connection until it ends. Once the listener is stopped it ends as soon as it has finished what it is at.
async fn until_stopped<C: Future>(
    connection: C,
    finish: impl FnOnce(Pin<&mut C>),
    mut stopped: watch::Receiver<bool>,
) -> C::Output {
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        _ = stopped.wait_for(|stopped| *stopped) => finish(connection.as_mut()),
    }
    connection.await
}

fn http1(limits: &ListenLimits) -> http1::Builder {
    let mut http = http1::Builder::new();
    // Times are the pace's to keep.
    http.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(limits.head_size);
    if limits.headers != ListenLimits::default().headers {
        // hyper has room for its default on the stack, and asks for memory for each request otherwise.
        http.max_headers(limits.headers);
    }
    http
}

fn http2(limits: &ListenLimits) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    http
}
