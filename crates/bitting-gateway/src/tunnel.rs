//! Upgraded connections: bytes both ways until somebody ends it.
//!
//! What is said in them is nobody's business here. A side that has said everything may still listen, so the end of one direction
//! is passed on and the other goes on. They end on their own, after nothing has moved for the API's `upgraded_idle`, when their
//! key is no longer good, and when the server stops.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bitting_engine::OpenStream;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access_line::AccessLine;
use crate::protocol_change::ProtocolChange;
use crate::upgrade::Agreed;

/// How much is read before it is written, for each direction. Messages are mostly small, and there may be many connections.
const BUFFER: usize = 8 * 1024;

/// All tunnels that are open.
#[derive(Default)]
pub(crate) struct Tunnels {
    tasks: TaskTracker,
    end: CancellationToken,
}

/// A tunnel before it is dug.
pub(crate) struct Tunnel {
    pub(crate) ends: Agreed,
    pub(crate) change: ProtocolChange,
    /// Says when it is to be cut.
    pub(crate) stream: Option<OpenStream>,
    pub(crate) idle: Duration,
    /// Written when all is over, so that it says how long it took.
    pub(crate) line: AccessLine,
}

impl Tunnels {
    /// Lets bytes through until one side, the key or the server ends it.
    pub(crate) fn open(&self, tunnel: Tunnel) {
        let end = self.end.clone();
        self.tasks.spawn(tunnel.run(end));
    }

    /// Waits until all have ended, at most until an instant; then cuts those that are left and says how many.
    pub(crate) async fn close(&self, deadline: Instant) -> usize {
        self.tasks.close();
        if tokio::time::timeout_at(deadline, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
        self.end.cancel();
        self.tasks.wait().await;
        left
    }
}

impl Tunnel {
    async fn run(self, server_ends: CancellationToken) {
        let Self { ends, change, stream, idle, line } = self;
        // Not before hyper is done with it: until then the end of the connection is the end of HTTP.
        let Agreed { caller, upstream, slot: _held, .. } = ends;
        let ends = async { tokio::try_join!(caller, upstream) };
        let (caller, upstream) = match tokio::select! {
            ends = ends => ends,
            () = server_ends.cancelled() => return,
        } {
            Ok(ends) => ends,
            Err(error) => {
                tracing::debug!(%error, "a connection ended before it was upgraded");
                return;
            }
        };
        change.happens();
        let pulse = Arc::new(Pulse { began: Instant::now(), last_ms: AtomicU64::new(0) });
        let is_still = until_still(Arc::clone(&pulse), idle);
        let mut caller = Counted { stream: TokioIo::new(caller), pulse: Arc::clone(&pulse) };
        let mut upstream = Counted { stream: TokioIo::new(upstream), pulse };
        let copying = tokio::io::copy_bidirectional_with_sizes(&mut caller, &mut upstream, BUFFER, BUFFER);
        let why = tokio::select! {
            copied = copying => match copied {
                Ok(_) => "both sides have ended it",
                Err(_) => "one side broke off",
            },
            () = cut(stream.as_ref()) => "its key is no longer good",
            () = is_still => "nothing moved on it",
            () = server_ends.cancelled() => "the server stops",
        };
        tracing::debug!(request_id = line.request_id().as_str(), why, "an upgraded connection has ended");
    }
}

async fn cut(stream: Option<&OpenStream>) {
    match stream {
        Some(stream) => stream.cut().await,
        None => std::future::pending().await,
    }
}

/// When something moved last.
struct Pulse {
    began: Instant,
    /// After it began.
    last_ms: AtomicU64,
}

impl Pulse {
    fn beat(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }
}

/// Waits until nothing has moved for so long. One timer for each tunnel, which is set anew only when it has run out.
async fn until_still(pulse: Arc<Pulse>, idle: Duration) {
    loop {
        let end = pulse.began + Duration::from_millis(pulse.last_ms.load(Ordering::Relaxed)) + idle;
        if end <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(end).await;
    }
}

/// A stream that says when something moves.
struct Counted<S> {
    stream: S,
    pulse: Arc<Pulse>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, pulse } = self.get_mut();
        let polled = Pin::new(stream).poll_read(context, buffer);
        if polled.is_ready() {
            pulse.beat();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, pulse } = self.get_mut();
        let polled = Pin::new(stream).poll_write(context, bytes);
        if polled.is_ready() {
            pulse.beat();
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
