//! The body of a request on its way from the caller, which may be neither too slow nor too large.
//!
//! On HTTP/2 a body that is given up ends with a reset of its stream. There are clients that take it for the end of all although the
//! answer came before it: curl 7.88 fails with error 92 and shows nothing. So what still comes is read and thrown away for a while, as is
//! done with a socket of HTTP/1.1, and most callers have their answer and stop by themselves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::Sleep;

/// How long is read on of a body of HTTP/2 that nobody wants, and how many bytes.
const AFTERTIME: Duration = Duration::from_secs(1);
const MOST_AFTERWARDS: usize = 32 << 20;

/// How slow a body may be.
#[derive(Debug, Clone, Copy)]
pub struct BodyPace {
    /// Between two pieces.
    pub pause: Duration,
    /// The bytes a second that it must bring over all, once it has had the time of a pause; 0 for any.
    pub rate: u32,
}

/// A body that is read under a pace, up to a size. Only the time counts in which the caller is waited for.
pub struct Arriving {
    /// There until it is dropped.
    body: Option<Incoming>,
    is_multiplexed: bool,
    pace: BodyPace,
    /// The bytes that may still come.
    left: u64,
    /// Made when the body is waited for: most are there at once.
    patience: Option<Box<Patience>>,
    /// Dropped when nobody reads the body any more.
    held: Option<Box<dyn Send + Sync>>,
}

struct Patience {
    timer: Pin<Box<Sleep>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    received: u64,
}

/// Why a body is not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArrivingError {
    /// It broke off, or is no body.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// It came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// It is larger than it may be.
    #[error("the body is too large")]
    TooLarge,
}

impl Arriving {
    /// The body of a request under a pace, however large.
    pub fn of(request: Request<Incoming>, pace: BodyPace) -> Request<Self> {
        let is_multiplexed = request.version() >= Version::HTTP_2;
        request.map(|body| Self { body: Some(body), is_multiplexed, pace, left: u64::MAX, patience: None, held: None })
    }

    /// The same, with what is to be dropped when nobody reads the body any more, which may be after the answer was sent.
    #[must_use]
    pub fn holding(mut self, held: impl Send + Sync + 'static) -> Self {
        self.held = Some(Box::new(held));
        self
    }

    /// Takes no more than so many bytes of it.
    ///
    /// # Errors
    /// If it says itself that it has more.
    pub(crate) fn limit(&mut self, most: u64) -> Result<(), ArrivingError> {
        self.left = most;
        if self.size_hint().lower() > most { Err(ArrivingError::TooLarge) } else { Ok(()) }
    }

    fn count(&mut self, bytes: usize) -> Result<(), ArrivingError> {
        let bytes = bytes as u64;
        if let Some(patience) = &mut self.patience {
            patience.received += bytes;
            if let Some(since) = patience.waiting_since.take() {
                patience.waited += since.elapsed();
            }
        }
        self.left = self.left.checked_sub(bytes).ok_or(ArrivingError::TooLarge)?;
        Ok(())
    }

    /// Waits until the caller has taken too long over what is to come.
    fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let BodyPace { pause, rate } = self.pace;
        let patience = self.patience.get_or_insert_with(|| Box::new(Patience::new()));
        if patience.waiting_since.is_none() {
            let now = Instant::now();
            let by_rate = match rate {
                0 => Duration::MAX,
                rate => pause + Duration::from_secs(patience.received / u64::from(rate)),
            };
            let longest = pause.min(by_rate.saturating_sub(patience.waited));
            patience.waiting_since = Some(now);
            patience.timer.as_mut().reset((now + longest).into());
        }
        patience.timer.as_mut().poll(context)
    }
}

impl Patience {
    fn new() -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { timer, waiting_since: None, waited: Duration::ZERO, received: 0 }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = ArrivingError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ArrivingError>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let counted = this.count(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(counted.map(|()| frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|read| read.map_err(ArrivingError::Broken))),
            Poll::Pending => {
                ready!(this.poll_too_slow(context));
                Poll::Ready(Some(Err(ArrivingError::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.is_multiplexed
            && !self.is_end_stream()
            && let (Some(body), Ok(runtime)) = (self.body.take(), Handle::try_current())
        {
            let held = self.held.take();
            runtime.spawn(async move {
                let _ = tokio::time::timeout(AFTERTIME, throw_away(body)).await;
                drop(held);
            });
        }
    }
}

/// Reads a body to its end, or until it was too much or broke off.
async fn throw_away(body: Incoming) {
    let mut body = Limited::new(body, MOST_AFTERWARDS);
    while let Some(Ok(_)) = body.frame().await {}
}
