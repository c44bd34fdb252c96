//! The last id of a path, whatever comes before it.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use utoipa::IntoParams;

use crate::fault::Fault;
use crate::openapi::words;

/// `{id}` of the path.
pub(crate) struct Id(pub(crate) String);

/// It in the document, where it is a key's.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the path is read by `Id`")]
pub(crate) struct KeyIdPath {
    /// The key.
    id: words::KeyId,
}

/// It in the document, where it is an account's.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the path is read by `Id`")]
pub(crate) struct AccountIdPath {
    /// The account.
    id: words::AccountId,
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let id = path.iter().flatten().find(|(name, _)| *name == "id").map(|(_, value)| Self(value.to_owned()));
        id.ok_or_else(|| Fault::not_found("such thing"))
    }
}
