//! The requests of an HTTP/2 connection, whose caller says for each of them how much of its answer it takes.
//!
//! Whoever takes nothing would hold a request and the connection to the upstream for ever, on a connection that is as lively as can be: its
//! socket takes all that is written. hyper waits for the caller without asking the answer's body for more, so no body can end that
//! wait. But the future in which hyper waits is run here, and whoever drops it resets the stream.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::Map;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::rt::Executor;
use hyper::service::Service;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

/// The most bytes that are handed to hyper at once. It asks for more when the caller has room for all of them: so this is what a caller
/// takes in a pause at least.
const PORTION: usize = 32 << 10;

/// Runs the requests of one connection, each for as long as its caller takes something of the answer now and then.
#[derive(Clone)]
pub(super) struct Requests {
    longest_pause: Duration,
}

impl Requests {
    /// With how long a caller may take nothing of an answer that is there.
    pub(super) fn new(longest_pause: Duration) -> Self {
        Self { longest_pause }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Requests {
    fn execute(&self, request: F) {
        let longest_pause = self.longest_pause;
        tokio::spawn(UnderWay { request, handed: Handed::default(), longest_pause, pause: None });
    }
}

/// What was handed over of an answer.
#[derive(Debug, Clone, Copy, Default)]
struct Handed {
    portions: u64,
    /// Whether nobody has asked for more yet.
    is_held: bool,
}

thread_local! {
    /// That of the request which is run on this thread at this moment.
    static HANDED: Cell<Handed> = const { Cell::new(Handed { portions: 0, is_held: false }) };
}

pin_project! {
    /// A request with its answer.
    struct UnderWay<F> {
        #[pin]
        request: F,
        handed: Handed,
        longest_pause: Duration,
        // Made when the caller is waited for: most take everything at once.
        pause: Option<Box<Pause>>,
    }
}

/// The caller takes nothing.
struct Pause {
    since: Instant,
    /// Touched only when it runs out, and then it is mostly seen that all is well.
    timer: Pin<Box<Sleep>>,
}

impl<F: Future<Output = ()>> Future for UnderWay<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let before = *this.handed;
        HANDED.set(before);
        let polled = this.request.poll(context);
        *this.handed = HANDED.take();
        if polled.is_ready() || !this.handed.is_held {
            return polled;
        }
        let longest = *this.longest_pause;
        let pause = this.pause.get_or_insert_with(|| {
            let since = Instant::now();
            Box::new(Pause { since, timer: Box::pin(tokio::time::sleep_until(since + longest)) })
        });
        if this.handed.portions != before.portions {
            pause.since = Instant::now();
        }
        loop {
            ready!(pause.timer.as_mut().poll(context));
            let until = pause.since + longest;
            if until <= Instant::now() {
                tracing::debug!("a request of HTTP/2 was cut: the caller was too slow at taking its answer");
                return Poll::Ready(());
            }
            pause.timer.as_mut().reset(until);
        }
    }
}

/// A service whose answers are handed over in portions.
pub(super) struct InPortions<S>(pub(super) S);

impl<S, B> Service<Request<Incoming>> for InPortions<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<Portioned<B>>;
    type Error = Infallible;
    type Future = Map<S::Future, fn(Result<Response<B>, Infallible>) -> Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.0.call(request).map(|answer| answer.map(|response| response.map(|body| Portioned { body, rest: Bytes::new() })))
    }
}

pin_project! {
    /// The body of an answer, in portions. It keeps account of what it has handed over.
    pub(super) struct Portioned<B> {
        #[pin]
        body: B,
        // Of the last piece.
        rest: Bytes,
    }
}

impl<B: Body<Data = Bytes>> Body for Portioned<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let polled = if this.rest.is_empty() {
            this.body.poll_frame(context)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(this.rest)))))
        };
        let is_held = matches!(polled, Poll::Ready(Some(Ok(_))));
        HANDED.set(Handed { portions: HANDED.get().portions + u64::from(is_held), is_held });
        let frame = match ready!(polled) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(mut data) => {
                *this.rest = data.split_off(data.len().min(PORTION));
                Frame::data(data)
            }
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
