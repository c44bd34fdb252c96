//! `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1): nobody overwrites what they have not seen.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use bitting_core::reason::Reason;
use bitting_core::record::Sequence;
use http::request::Parts;
use http::{HeaderValue, header};
use utoipa::IntoParams;

use crate::fault::Fault;

/// What the caller has seen of something that they change.
pub(crate) struct IfMatch(Option<HeaderValue>);

/// It in the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the header is read by `IfMatch`")]
pub(crate) struct IfMatchHeader {
    /// Change nothing unless this is still the state: an `ETag` that an answer had, several with commas between, or `*`.
    #[param(rename = "If-Match", required = false, example = "*")]
    if_match: String,
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get(header::IF_MATCH).cloned()))
    }
}

impl IfMatch {
    /// The state that must still hold when the change is written, if the caller has named one. `current` is as it is now.
    pub(crate) fn condition(&self, current: Sequence) -> Result<Option<Sequence>, Fault> {
        let Some(tags) = &self.0 else { return Ok(None) };
        let own = entity_tag(current);
        let mut tags = tags.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii);
        if tags.any(|tag| tag == b"*" || tag == own.as_bytes()) {
            return Ok(Some(current));
        }
        Err(changed_meanwhile())
    }
}

/// It is no longer as the caller has seen it.
pub(crate) fn changed_meanwhile() -> Fault {
    Fault::of(Reason::PreconditionFailed, Reason::PreconditionFailed.default_detail())
}

/// The tag of a state.
pub(crate) fn entity_tag(sequence: Sequence) -> HeaderValue {
    HeaderValue::try_from(format!("\"{}\"", sequence.0)).unwrap_or(HeaderValue::from_static("\"0\""))
}
