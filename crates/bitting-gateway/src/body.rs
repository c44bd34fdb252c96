//! The bodies of answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use bitting_engine::OpenStream;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::upstream::{Answer, BodyError};

/// The body of a local service's answer.
pub type LocalBody = UnsyncBoxBody<Bytes, BodyError>;

/// The body of the gateway's answer, without a box around the common one.
#[derive(Debug)]
pub enum GatewayBody {
    /// Streamed from the upstream as it arrives.
    Upstream(Answer),
    /// The same, as long as its key is good.
    Events(Box<Events>),
    /// Ready: a refusal.
    Ready(Full<Bytes>),
    /// From a local service.
    Local(LocalBody),
}

/// An event stream that ends when its key is no longer good.
#[derive(Debug)]
pub struct Events {
    body: Answer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _stream: OpenStream,
}

/// The key of an event stream is no longer good. The stream breaks off, so that it does not look complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream was cut, since its key is no longer good")]
struct WasCut;

impl GatewayBody {
    /// What comes from the upstream, until the stream is to be cut.
    pub(crate) fn events(body: Answer, stream: OpenStream) -> Self {
        Self::Events(Box::new(Events { body, cut: Box::pin(stream.cut()), _stream: stream }))
    }
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
            Self::Events(events) => {
                let Events { body, cut, .. } = &mut **events;
                match cut.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(WasCut.into()))),
                    Poll::Pending => Pin::new(body).poll_frame(context),
                }
            }
            Self::Ready(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Local(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Upstream(body) => body.is_end_stream(),
            Self::Events(events) => events.body.is_end_stream(),
            Self::Ready(body) => body.is_end_stream(),
            Self::Local(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Upstream(body) => body.size_hint(),
            Self::Events(events) => events.body.size_hint(),
            Self::Ready(body) => body.size_hint(),
            Self::Local(body) => body.size_hint(),
        }
    }
}
