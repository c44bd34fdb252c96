//! A service that keeps its connection's pace: when a request begins, and when it is over.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bitting_gateway::{Arriving, BodyPace};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::Service;
use pin_project_lite::pin_project;

use super::opening::Speaks;
use super::pace::{self, Pace};

/// Whoever answers the requests of a connection, attended.
pub(super) struct Attended<S> {
    service: S,
    pace: Arc<Pace>,
    bodies: BodyPace,
    speaks: Speaks,
}

impl<S> Attended<S> {
    pub(super) fn new(service: S, pace: Arc<Pace>, bodies: BodyPace, speaks: Speaks) -> Self {
        Self { service, pace, bodies, speaks }
    }
}

impl<S, B> Service<Request<Incoming>> for Attended<S>
where
    S: Service<Request<Arriving>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<AttendedBody<B>>;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if self.speaks == Speaks::Http2 {
            join_cookies(&mut request);
        }
        let attendance = self.pace.begin();
        let request = Arriving::of(request, self.bodies).map(|body| {
            let is_to_come = !body.is_end_stream();
            if is_to_come { body.holding(self.pace.upload()) } else { body }
        });
        Answering { answer: self.service.call(request), attendance: Some(attendance), speaks: self.speaks }
    }
}

/// HTTP/2 may cut cookies into several headers; for HTTP/1.1, which upstreams speak, they must be one again (RFC 9113, section 8.2.3).
fn join_cookies(request: &mut Request<Incoming>) {
    let headers = request.headers_mut();
    let mut cookies = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (cookies.next(), cookies.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    for cookie in std::iter::once(second).chain(cookies) {
        joined.extend(b"; ");
        joined.extend(cookie.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::COOKIE, joined);
    }
}

pin_project! {
    /// An answer that is being made.
    pub(super) struct Answering<F> {
        #[pin]
        answer: F,
        attendance: Option<pace::Request>,
        speaks: Speaks,
    }
}

impl<F, B> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<AttendedBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.answer.poll(context));
        let mut attendance = this.attendance.take();
        if let Some(attendance) = &mut attendance {
            attendance.answered();
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                attendance.never_over();
            } else if attendance.is_last() && *this.speaks == Speaks::Http1 {
                // HTTP/2 has a frame of its own for it (RFC 9113, section 6.8).
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Poll::Ready(Ok(response.map(|body| AttendedBody { body, _attendance: attendance })))
    }
}

pin_project! {
    /// The body of an answer; the request is over when it is sent.
    pub(super) struct AttendedBody<B> {
        #[pin]
        body: B,
        _attendance: Option<pace::Request>,
    }
}

impl<B: Body> Body for AttendedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
