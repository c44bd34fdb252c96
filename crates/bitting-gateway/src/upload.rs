//! The body of a request on its way upstream, and who has to do something about it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// A request's body. As it is read it keeps account of whose turn it is.
pub(crate) struct Upload {
    body: Incoming,
    turn: Option<Arc<Turn>>,
}

/// Whose turn it is while a body is under way: the upstream's, to read what there is or to answer, or the caller's, to send
/// more. hyper's client asks for more only when it could hand on what it had, so an upstream that does not read keeps the turn.
pub(crate) struct Turn {
    began: Instant,
    /// Since when it is the upstream's turn, in microseconds after `began`, or [`CALLERS`].
    upstreams_since: AtomicU64,
}

const CALLERS: u64 = u64::MAX;

impl Upload {
    /// The body, and its account if there is anything to come.
    pub(crate) fn new(body: Incoming) -> (Self, Option<Arc<Turn>>) {
        let turn = (!body.is_end_stream()).then(|| Arc::new(Turn::new()));
        (Self { body, turn: turn.clone() }, turn)
    }
}

impl Turn {
    fn new() -> Self {
        Self { began: Instant::now(), upstreams_since: AtomicU64::new(0) }
    }

    /// For how long the upstream has been the one to do something.
    pub(crate) fn waited_for_upstream(&self) -> Duration {
        match self.upstreams_since.load(Ordering::Relaxed) {
            CALLERS => Duration::ZERO,
            since => self.began.elapsed().saturating_sub(Duration::from_micros(since)),
        }
    }

    fn pass_to_upstream(&self) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(CALLERS);
        self.upstreams_since.store(now, Ordering::Relaxed);
    }

    fn pass_to_caller(&self) {
        self.upstreams_since.store(CALLERS, Ordering::Relaxed);
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, turn } = self.get_mut();
        let polled = Pin::new(body).poll_frame(context);
        match turn {
            Some(turn) if polled.is_pending() => turn.pass_to_caller(),
            Some(turn) => turn.pass_to_upstream(),
            None => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Nobody will ask the caller for more, even if it is not at its end.
        if let Some(turn) = &self.turn {
            turn.pass_to_upstream();
        }
    }
}
