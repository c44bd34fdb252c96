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
mod course;
mod door;
mod guarded;
mod lingering;
mod multiplexed;
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

use bitting_gateway::{Arriving, BodyPace, LastApi, ProtocolChange};
use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use hyper::body::Body;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::attended::Attended;
use self::guarded::Guarded;
use self::lingering::Lingering;
use self::multiplexed::{InPortions, Requests};
use self::opening::{Opened, Speaks, open, read_proxied};
use self::pace::Pace;
use self::places::Place;
use self::share::Share;
use crate::config::{ListenLimits, Listener};

pub(super) use course::{Course, Helm, Losses, Stage};
pub(super) use door::Door;
pub(super) use places::{ConnectionLimits, Places};

/// How long to wait after a failure to accept, which mostly means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections that wait are still taken when a socket is closed: more than a system keeps.
const MOST_WAITING: usize = 4_096;

/// Bytes of bodies that one HTTP/2 connection may have under way to us before they are read: for one request, and for all of them.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Requests of HTTP/2 that were taken back before anybody saw them, and streams that were reset because of what the caller did: more
/// of them than this and the connection ends (CVE-2023-44487, CVE-2025-8671).
const UNSEEN_RESETS: usize = 20;
const OWN_RESETS: usize = 256;

/// How long a connection on which nothing is under way is kept after its listener was closed: whoever has just come, or sends the next
/// request at this moment, is still answered.
const FAREWELL: Duration = Duration::from_millis(500);

/// A socket that listens.
pub(super) struct Bound {
    pub(super) socket: TcpListener,
    /// Whether somebody else keeps it open: whoever waits in it is the successor's.
    pub(super) is_shared: bool,
}

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
    /// Which API it was last used for.
    pub(super) last_api: LastApi,
}

impl Arrival {
    /// How the listener is spoken to.
    pub(super) fn scheme(&self) -> Scheme {
        if self.listener.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

/// Accepts connections until it is told to stop, then waits until those that are open have finished what they are at.
pub(super) async fn serve<S, B>(
    Bound { socket, is_shared }: Bound,
    places: Places,
    door: Door,
    per_connection: impl Fn(Arrival) -> S + Send + Sync + 'static,
    mut course: Course,
) where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data = Bytes> + Send + 'static,
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
            () = course.reaches(Stage::Closed) => break,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while tasks.try_join_next().is_some() {}
        tasks.spawn(welcome(stream, peer, place, (door.now(), places.clone()), Arc::clone(&per_connection), course.clone()));
    }
    let address = socket.local_addr().map_or_else(|_| String::new(), |address| address.to_string());
    // Those who wait in it were told that they are connected. Closing it would reset them.
    let waiting = if is_shared { Vec::new() } else { whoever_waits(socket) };
    for (stream, peer) in waiting {
        let place = tokio::select! {
            place = places.take() => place,
            () = course.reaches(Stage::Cut) => break,
        };
        let Ok(place) = place else { break };
        tasks.spawn(welcome(stream, peer, place, (door.now(), places.clone()), Arc::clone(&per_connection), course.clone()));
    }
    tracing::info!(address, "no longer listening");
    while tasks.join_next().await.is_some() {}
}

/// The connections that the system has accepted for a socket, which is closed then.
fn whoever_waits(socket: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    // Not the runtime's: it learns of new ones a moment later.
    let Ok(socket) = socket.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| socket.accept().ok());
    let waiting = accepted.filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    waiting.take(MOST_WAITING).collect()
}

/// Goes on with a connection from its first byte to its end.
async fn welcome<S, B>(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    (listener, places): (Arc<Listener>, Places),
    per_connection: Arc<impl Fn(Arrival) -> S>,
    mut course: Course,
) where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data = Bytes> + Send + 'static,
{
    // Small answers must not wait for a full packet; a socket that refuses is only slower.
    let _ = stream.set_nodelay(true);
    // Boxed, so that what is needed for the beginning alone is not kept.
    let begun = Box::pin(async {
        tokio::select! {
            begun = begin(stream, peer, listener, &places) => begun,
            () = async {
                course.reaches(Stage::Closed).await;
                let _ = tokio::time::timeout(FAREWELL, course.reaches(Stage::Cut)).await;
            } => None,
        }
    });
    let Some((opened, arrival, share)) = begun.await else { return };
    attend(opened, arrival, (place, share), &*per_connection, course).await;
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
    let share = match places.share_by(&listener) {
        Some(most) => {
            let share = places.shares.take(peer.ip(), most, &listener.trusted_proxies);
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
    let (change, last_api) = (ProtocolChange::default(), LastApi::default());
    Some((opened, Arrival { peer, listener, server_name, change, last_api }, share))
}

/// Speaks HTTP on a connection until it ends.
async fn attend<S, B>(
    opened: Opened,
    arrival: Arrival,
    held: (Place, Option<Share>),
    per_connection: &impl Fn(Arrival) -> S,
    mut course: Course,
) where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>, Data = Bytes> + Send + 'static,
{
    let (peer, speaks, last_api) = (arrival.peer, opened.speaks, arrival.last_api.clone());
    let limits = &arrival.listener.limits;
    let pace = Arc::new(Pace::new(limits));
    let bodies = BodyPace { pause: limits.body_pause, rate: limits.body_rate };
    let lingering = Lingering::new(opened.wire, arrival.change.clone(), held);
    let stream = TokioIo::new(Guarded::new(lingering, Arc::clone(&pace), speaks));
    let ended = match speaks {
        Speaks::Http1 => {
            let http = http1(limits);
            let service = Attended::new(per_connection(arrival), Arc::clone(&pace), bodies, speaks);
            // Pinned here, since each future that it is handed on to would keep room for it.
            let connection = pin!(http.serve_connection(stream, service).with_upgrades());
            let finish = http1::UpgradeableConnection::graceful_shutdown;
            until_closed(connection, finish, FAREWELL, (&pace, &last_api), &mut course).await
        }
        Speaks::Http2 => {
            let http = http2(limits);
            let service = InPortions(Attended::new(per_connection(arrival), Arc::clone(&pace), bodies, speaks));
            // Boxed: it is several times as large as a connection of HTTP/1.1. It says goodbye in two steps, so that nothing is lost
            // that is on its way, and needs no time between.
            let mut connection = Box::pin(http.serve_connection(stream, service));
            let finish = http2::Connection::graceful_shutdown;
            until_closed(connection.as_mut(), finish, Duration::ZERO, (&pace, &last_api), &mut course).await
        }
    };
    if let Some(Err(error)) = ended {
        // A caller who sends nonsense or goes away is no event of ours.
        tracing::debug!(%error, cause = error.source().map(tracing::field::display), %peer, "a connection ended early");
    }
}

/// Goes on with a connection until it ends, or is cut: then there is no outcome. Once the listener is closed it ends as soon as nothing
/// was under way for a while.
async fn until_closed<C: Future>(
    mut connection: Pin<&mut C>,
    finish: impl FnOnce(Pin<&mut C>),
    patience: Duration,
    (pace, last_api): (&Pace, &LastApi),
    course: &mut Course,
) -> Option<C::Output> {
    if course.is_at(Stage::Leaving) {
        // Its first answer may be its last.
        pace.leave();
    }
    tokio::select! {
        biased;
        ended = connection.as_mut() => return Some(ended),
        () = async {
            course.reaches(Stage::Leaving).await;
            pace.leave();
            course.reaches(Stage::Closed).await;
            let _ = tokio::time::timeout(patience, course.reaches(Stage::Cut)).await;
        } => finish(connection.as_mut()),
    }
    tokio::select! {
        biased;
        ended = connection => Some(ended),
        () = course.reaches(Stage::Cut) => {
            // While its requests are still there to be counted.
            course.lose(pace, last_api);
            None
        }
    }
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

fn http2(limits: &ListenLimits) -> http2::Builder<Requests> {
    let mut http = http2::Builder::new(Requests::new(limits.write_pause));
    http.timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    http
}
