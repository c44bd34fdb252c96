//! The body of a request on its way upstream, and who has to do something about it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::arriving::{Arriving, ArrivingError};
use crate::expectation::{Asked, Expectation};

/// A request's body. As it is read it keeps account of whose turn it is.
pub(crate) struct Upload {
    /// Nothing where a request is sent again.
    body: Option<Arriving>,
    /// What has to happen before it may be read.
    asked: Option<Asked>,
    turn: Option<Arc<Turn>>,
}

/// Whose turn it is while a body is under way: the upstream's, to read what there is or to answer, or the caller's, to send
/// more. hyper's client asks for more only when it could hand on what it had, so an upstream that does not read keeps the turn.
pub(crate) struct Turn {
    began: Instant,
    /// Since when it is whose turn: microseconds after `began`, and in the lowest bit whether it is the caller's.
    since: AtomicU64,
}

/// Who has to do something; of the upstream, for how long already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    ForUpstream(Duration),
    ForCaller,
}

const CALLERS: u64 = 1;

impl Upload {
    /// The body, and its account if there is anything to come. A caller who waits to be asked for it is not asked before the upstream
    /// does.
    pub(crate) fn new(body: Arriving, expectation: Option<Expectation>) -> (Self, Option<Arc<Turn>>) {
        let turn = (!body.is_end_stream()).then(|| Arc::new(Turn::new()));
        (Self { body: Some(body), asked: expectation.map(Expectation::until_asked), turn: turn.clone() }, turn)
    }

    /// No body.
    pub(crate) fn none() -> Self {
        Self { body: None, asked: None, turn: None }
    }
}

impl Turn {
    fn new() -> Self {
        Self { began: Instant::now(), since: AtomicU64::new(0) }
    }

    /// Who has to do something.
    pub(crate) fn waiting(&self) -> Waiting {
        let since = self.since.load(Ordering::Relaxed);
        if since & CALLERS != 0 {
            return Waiting::ForCaller;
        }
        Waiting::ForUpstream(self.began.elapsed().saturating_sub(Duration::from_micros(since >> 1)))
    }

    fn pass_to_upstream(&self) {
        self.pass(0);
    }

    fn pass_to_caller(&self) {
        self.pass(CALLERS);
    }

    fn pass(&self, to: u64) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.since.store(now << 1 | to, Ordering::Relaxed);
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = ArrivingError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ArrivingError>>> {
        let Self { body, asked, turn } = self.get_mut();
        if let Some(waiting) = asked {
            // Meanwhile it is the upstream's turn.
            ready!(waiting.as_mut().poll(context));
            *asked = None;
        }
        let Some(body) = body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        match turn {
            Some(turn) if polled.is_pending() => turn.pass_to_caller(),
            Some(turn) => turn.pass_to_upstream(),
            None => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
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
