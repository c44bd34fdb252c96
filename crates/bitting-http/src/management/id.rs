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

/// It in the document, where it is a webhook's.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the path is read by `Id`")]
pub(crate) struct WebhookIdPath {
    /// The webhook.
    id: words::WebhookId,
}

/// `{delivery}` of the path, below a webhook.
pub(crate) struct DeliveryPath(pub(crate) String);

/// It in the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the path is read by `DeliveryPath`")]
pub(crate) struct DeliveryIdPath {
    /// The delivery.
    delivery: words::DeliveryId,
}

impl<S: Send + Sync> FromRequestParts<S> for DeliveryPath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        parameter(parts, state, "delivery").await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        parameter(parts, state, "id").await.map(Self)
    }
}

async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S, wanted: &str) -> Result<String, Fault> {
    let path = RawPathParams::from_request_parts(parts, state).await.ok();
    let found = path.iter().flatten().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    found.ok_or_else(|| Fault::not_found("such thing"))
}
