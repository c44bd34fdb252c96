//! `POST …/webhooks`

use axum::response::Response;
use bitting_core::account::AccountId;
use bitting_engine::WebhookSpec;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SignedWebhook, kinds, severity, signed};
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::{Once, OnceHeader};
use crate::json::Digested;
use crate::openapi::words;

/// A webhook to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"url": "https://example.com/hooks/keys", "events": ["key.revoked", "key.leaked"]})))]
pub(crate) struct CreateWebhook {
    #[schema(value_type = words::WebhookUrl)]
    url: String,
    /// Whose events it hears of; of all of the API's where nothing is said.
    #[schema(value_type = Option<words::AccountId>)]
    account: Option<AccountId>,
    #[serde(default)]
    #[schema(value_type = words::Label)]
    description: String,
    /// Of which events it hears; of all where nothing is said.
    #[serde(default)]
    #[schema(value_type = Vec<words::EventName>)]
    events: Vec<String>,
    /// Of these only such that are so severe or more.
    #[schema(value_type = Option<words::Severity>)]
    severity: Option<String>,
}

/// Make a webhook
///
/// The answer has the secret that messages are signed with, once.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/webhooks",
    operation_id = "createWebhook",
    tag = "webhooks",
    params(OnceHeader),
    request_body = CreateWebhook,
    responses((
        status = 201,
        description = "The webhook, with its secret",
        body = SignedWebhook,
        headers(
            ("Location" = String, description = "Where the webhook is shown"),
            ("Idempotency-Replayed" = String, description = "`true` if the same request was answered before"),
        ),
    )),
)]
pub(crate) async fn create(caller: Caller, once: Once, asked: Digested<CreateWebhook>) -> Result<Response, Fault> {
    let claim = match once.claim(&caller, asked.digest).await? {
        Ok(claim) => claim,
        Err(before) => return signed(&caller, StatusCode::CREATED, None, *before).await,
    };
    let CreateWebhook { url, account, description, events, severity: least } = asked.value;
    let (events, least) = (kinds(&events)?, least.as_deref().map(severity).transpose()?);
    let spec = WebhookSpec { account, url, description, events, severity: least };
    let made = spec.make(&caller.api.name, caller.shared.engine.now())?;
    let committed = caller.submit(made.change, claim.conditions()).await?;
    signed(&caller, StatusCode::CREATED, Some(&made.secret), committed).await
}
