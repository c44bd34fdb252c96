//! `POST …/webhooks/{id}/rotate-secret`

use std::time::Duration;

use axum::response::Response;
use bitting_engine::{SECRET_OVERLAP, SignedWith};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SignedWebhook, find, signed};
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::{Once, OnceHeader};
use crate::json::Digested;
use crate::management::id::{Id, WebhookIdPath};
use crate::management::overlap::{Overlap, overlap};

/// How one secret gives way to the next.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"overlap": "24h"})))]
pub(crate) struct RotateSecret {
    /// How long messages are signed with the old secret too, in seconds or as text such as `24h`; a day where nothing is said, at
    /// most 30 days, and `0` for a secret that others have.
    #[serde(default = "usual", deserialize_with = "overlap")]
    #[schema(value_type = Overlap)]
    overlap: Duration,
}

fn usual() -> Duration {
    SECRET_OVERLAP
}

/// Make a new secret for a webhook
///
/// The answer has the new one, once. Messages are signed with both until the overlap is over, so take the new one over by then.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/webhooks/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "webhooks",
    params(WebhookIdPath, OnceHeader),
    request_body = RotateSecret,
    responses((
        status = 200,
        description = "The webhook, with its new secret",
        body = SignedWebhook,
        headers(("Idempotency-Replayed" = String, description = "`true` if the same request was answered before")),
    )),
)]
pub(crate) async fn rotate_secret(
    caller: Caller,
    Id(id): Id,
    once: Once,
    asked: Digested<RotateSecret>,
) -> Result<Response, Fault> {
    let claim = match once.claim(&caller, asked.digest).await? {
        Ok(claim) => claim,
        Err(before) => return signed(&caller, StatusCode::OK, None, *before).await,
    };
    let webhook = find(&caller, &id).await?.row.id;
    let made = SignedWith::rotated(&caller.api.name, webhook, asked.value.overlap, caller.shared.engine.now())?;
    let committed = caller.submit(made.change, claim.conditions()).await?;
    signed(&caller, StatusCode::OK, Some(&made.secret), committed).await
}
