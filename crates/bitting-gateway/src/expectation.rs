//! Callers that send a body only when they are asked for it: `Expect: 100-continue` (RFC 9110, section 10.1.1).
//!
//! hyper asks the caller as soon as somebody reads the body. So the body is not read before the request was admitted and the upstream
//! has asked for it in turn: an upload that the upstream refuses by its head alone is never sent. On HTTP/2 hyper cannot ask; the body waits
//! all the same, for as much of it as a stream may have under way.

use std::pin::Pin;
use std::time::Duration;

use http::header::EXPECT;
use http::request::Parts;
use http::{HeaderValue, Request, Version};
use http_body::Body;
use tokio_util::sync::CancellationToken;

use crate::outgoing::take;
use crate::unread::expects_continue;

/// How long an upstream has to ask. Some never do, and nobody should wait for them for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// A caller who waits to be asked.
#[derive(Clone)]
pub(crate) struct Expectation {
    asked: CancellationToken,
}

/// Ready when the body may be read.
pub(crate) type Asked = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Expectation {
    /// That of a request; mostly there is none.
    pub(crate) fn of(head: &Parts, body: &impl Body) -> Option<Self> {
        let waits = head.version > Version::HTTP_10 && expects_continue(&head.headers) && !body.is_end_stream();
        waits.then(|| Self { asked: CancellationToken::new() })
    }

    /// Says it to the upstream, after what the caller said of it was removed, and has the upstream's word passed on. The request's
    /// body finds its expectation among the extensions.
    pub(crate) fn accompany(&self, head: &mut Parts) {
        let mut request = Request::from_parts(take(head), ());
        let asked = self.asked.clone();
        hyper::ext::on_informational(&mut request, move |answer| {
            if answer.status() == http::StatusCode::CONTINUE {
                asked.cancel();
            }
        });
        request.headers_mut().insert(EXPECT, HeaderValue::from_static("100-continue"));
        request.extensions_mut().insert(self.clone());
        *head = request.into_parts().0;
    }

    /// Whether the body was read, or could have been.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until the upstream has asked, or is not going to.
    pub(crate) fn until_asked(self) -> Asked {
        Box::pin(async move {
            let _ = tokio::time::timeout(PATIENCE, self.asked.cancelled()).await;
            self.asked.cancel();
        })
    }
}
