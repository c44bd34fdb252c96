//! The last id of a path, whatever comes before it.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::fault::Fault;

/// `{id}` of the path.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let id = path.iter().flatten().find(|(name, _)| *name == "id").map(|(_, value)| Self(value.to_owned()));
        id.ok_or_else(|| Fault::not_found("such thing"))
    }
}
