//! The bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

use crate::upstream::Answer;

/// Any error of a body: the connection ends, since the head is sent already.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a local service's answer.
pub type LocalBody = UnsyncBoxBody<Bytes, BodyError>;

/// The body of the gateway's answer, without a box around the common one.
#[derive(Debug)]
pub enum GatewayBody {
    /// Streamed from the upstream as it arrives.
    Upstream(Answer),
    /// Ready: a refusal.
    Ready(Full<Bytes>),
    /// From a local service.
    Local(LocalBody),
}

impl From<Bytes> for GatewayBody {
    fn from(bytes: Bytes) -> Self {
        Self::Ready(Full::new(bytes))
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Upstream(body) => Pin::new(body).poll_frame(context),
            Self::Ready(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Local(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Upstream(body) => body.is_end_stream(),
            Self::Ready(body) => body.is_end_stream(),
            Self::Local(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Upstream(body) => body.size_hint(),
            Self::Ready(body) => body.size_hint(),
            Self::Local(body) => body.size_hint(),
        }
    }
}
