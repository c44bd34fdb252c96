//! The body of an upstream's answer, and what becomes of the connection that it comes by.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bitting_core::api::UpstreamTimeouts;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::connection::Connection;
use super::server::Slot;
use crate::trailers::Announced;
use crate::upload::{Turn, Waiting};

/// Any error of an answer's body: the connection ends, since the head is sent already.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Streamed from the upstream as it arrives. Its connection is kept for others when all of it was read, and closed otherwise.
pub struct Answer {
    body: Incoming,
    is_whole: bool,
    is_last: bool,
    /// In a box, since most answers have none.
    trailers: Option<Box<Announced>>,
    carrier: Option<Carrier>,
    longest_pause: Duration,
    /// Made at the first pause: most answers are there at once.
    pause: Option<Pin<Box<Sleep>>>,
    is_paused: bool,
}

/// What is held for as long as the answer takes.
struct Carrier {
    connection: Connection,
    slot: Slot,
    /// Of the request's body, which may still be under way when the answer is whole, and how long it may stand still.
    upload: Option<(Arc<Turn>, Duration)>,
}

/// Among the extensions of an answer that changes the protocol: the server counts the connection as taken for as long as somebody has
/// this.
#[derive(Clone)]
pub(crate) struct HeldSlot {
    _slot: Arc<Slot>,
}

impl Answer {
    pub(crate) fn of(
        response: Response<Incoming>,
        slot: Slot,
        connection: Connection,
        upload: Option<Arc<Turn>>,
        timeouts: &UpstreamTimeouts,
    ) -> Response<Self> {
        let (mut head, body) = response.into_parts();
        let carrier = if head.status == StatusCode::SWITCHING_PROTOCOLS {
            connection.hand_over();
            head.extensions.insert(HeldSlot { _slot: Arc::new(slot) });
            None
        } else {
            let upload = upload.map(|turn| (turn, timeouts.response_head));
            Some(Carrier { connection, slot, upload })
        };
        let is_whole = body.is_end_stream();
        let mut answer = Self {
            body,
            is_whole,
            is_last: false,
            trailers: None,
            carrier,
            longest_pause: timeouts.response_idle,
            pause: None,
            is_paused: false,
        };
        answer.give_back_if_ready();
        Response::from_parts(head, answer)
    }

    /// As soon as may be, so that whoever asked finds the connection free when they ask again.
    fn give_back_if_ready(&mut self) {
        if self.is_whole
            && let Some(carrier) = self.carrier.take_if(|carrier| carrier.connection.is_ready())
        {
            carrier.give_back();
        }
    }

    /// Closes the connection after it, since nobody knows whether the rest of the request's body will ever come.
    pub(crate) fn close_after(&mut self) {
        self.is_last = true;
    }

    /// Lets fields after it through; there are none otherwise.
    pub(crate) fn may_end_with(&mut self, trailers: Option<Announced>) {
        self.trailers = trailers.map(Box::new);
    }

    /// What of a frame goes to the caller: data as it is, and of trailers those that may pass.
    fn of_frame(&self, frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
        match frame.into_trailers() {
            Ok(came) => {
                let left = self.trailers.as_ref()?.of(came);
                (!left.is_empty()).then(|| Frame::trailers(left))
            }
            Err(frame) => Some(frame),
        }
    }

    /// Nothing came. Ready when that has been so for too long.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let longest = self.longest_pause;
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(longest)));
        if !self.is_paused {
            pause.as_mut().reset(Instant::now() + longest);
            self.is_paused = true;
        }
        pause.as_mut().poll(context)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(None) => {
                this.is_whole = true;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.is_paused = false;
                this.is_whole = this.body.is_end_stream();
                this.give_back_if_ready();
                // Nothing comes after trailers.
                Poll::Ready(this.of_frame(frame).map(Ok))
            }
            Poll::Ready(Some(Err(error))) => {
                let upstream = this.carrier.as_ref().map(|carrier| tracing::field::display(carrier.slot.server().address));
                tracing::warn!(upstream, %error, "an upstream broke off in the middle of an answer");
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Pending => {
                ready!(this.poll_pause(context));
                let seconds = this.longest_pause.as_secs_f64();
                let upstream = this.carrier.take().map(|carrier| tracing::field::display(carrier.slot.server().address));
                tracing::warn!(upstream, seconds, "an upstream stopped in the middle of an answer");
                Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(carrier) = self.carrier.take()
            && self.is_whole
            && !self.is_last
        {
            carrier.give_back();
        }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Carrier {
    fn give_back(self) {
        if self.connection.is_ready() {
            self.slot.server().keep(self.connection);
        } else if !self.connection.sender.is_closed() {
            tokio::spawn(self.give_back_when_ready());
        }
    }

    /// The server has answered before it had the whole request, or hyper has yet to notice that the answer is whole. A body that goes on
    /// is not cut, one that the server does not read is.
    async fn give_back_when_ready(mut self) {
        let limit = self.upload.as_ref().map_or(LEAST_PATIENCE, |(_, limit)| *limit);
        let mut left = limit;
        loop {
            match tokio::time::timeout(left, self.connection.sender.ready()).await {
                Ok(Ok(())) => return self.slot.server().keep(self.connection),
                Ok(Err(_closed)) => return,
                Err(_elapsed) => {
                    left = match self.upload.as_ref().map(|(turn, _)| turn.waiting()) {
                        Some(Waiting::ForUpstream(since)) => limit.saturating_sub(since),
                        Some(Waiting::ForCaller) => limit,
                        None => Duration::ZERO,
                    };
                    if left.is_zero() {
                        return;
                    }
                }
            }
        }
    }
}

/// How long hyper may take to notice that an answer is whole.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);
