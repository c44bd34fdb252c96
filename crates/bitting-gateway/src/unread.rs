//! Bodies of requests that are refused.
//!
//! Nobody wants them, and yet they are on their way: on HTTP/1.1 the next request stands behind. A short one is read and thrown away, so
//! that the connection goes on. With a long one it is over: the refusal says so, and whoever holds the socket lingers, so that the
//! refusal is read by a caller who is still sending (RFC 9112, section 9.6).

use std::time::Duration;

use bitting_core::reason::Reason;
use http::header::{CONNECTION, EXPECT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, Version};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};

use crate::arriving::Arriving;

/// The most bytes that are read to keep a connection.
const SHORT: usize = 64 * 1024;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is needed of a head to know what to do about the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unread {
    is_multiplexed: bool,
    /// The caller sends the body only when it is asked for, and reading it would ask.
    is_held_back: bool,
}

impl Unread {
    pub(crate) fn of(head: &Parts) -> Self {
        Self { is_multiplexed: head.version >= Version::HTTP_2, is_held_back: expects_continue(&head.headers) }
    }

    /// Deals with a body that nobody reads, before the refusal is sent.
    pub(crate) async fn settle<B>(self, body: Arriving, refusal: &mut Response<B>) {
        // In HTTP/2 each request has a stream of its own, whose end holds nobody up; what is dropped is thrown away as it comes.
        if body.is_end_stream() || self.is_multiplexed {
            return;
        }
        let is_short = !self.is_held_back && body.size_hint().lower() <= SHORT as u64;
        // In a box, so that other requests do not carry room for it.
        if !is_short || !Box::pin(read_short(body)).await {
            self.leave(refusal);
        }
    }

    /// Leaves what is still to come of a body where it is, so that nothing can come after it.
    pub(crate) fn leave<B>(self, answer: &mut Response<B>) {
        if !self.is_multiplexed {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Whether a request is refused because of its body, which is not read to its end then.
pub(crate) fn stays_unread(reason: Reason) -> bool {
    matches!(reason, Reason::PayloadTooLarge | Reason::RequestTimeout | Reason::InvalidRequest)
}

/// Whether a caller waits to be asked for the body.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Reads a body to its end, if that comes soon.
async fn read_short(body: Arriving) -> bool {
    let mut body = Limited::new(body, SHORT);
    let reading = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or(false)
}
