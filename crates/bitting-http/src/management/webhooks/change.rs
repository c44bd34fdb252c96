//! `PATCH` and `DELETE …/webhooks/{id}`

use axum::response::{IntoResponse, Response};
use bitting_core::webhook::InvalidUrl;
use bitting_store::{Change, Conditions, WebhookPatch};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Webhook, find, kinds, severity};
use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::{Id, WebhookIdPath};
use crate::nullable::Nullable;
use crate::openapi::words;

/// New values. What is left out stays; null removes what can be absent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"enabled": true})))]
pub(crate) struct UpdateWebhook {
    /// What waits is sent there at once.
    #[schema(value_type = Option<words::WebhookUrl>)]
    url: Option<String>,
    #[schema(value_type = Option<words::Label>)]
    description: Option<String>,
    /// Of which events it hears; an empty list is all.
    #[schema(value_type = Option<Vec<words::EventName>>)]
    events: Option<Vec<String>>,
    /// Of these only such that are so severe or more; null for all.
    #[serde(default)]
    #[schema(value_type = Option<words::Severity>)]
    severity: Nullable<String>,
    /// False keeps messages back; true sends all that waits at once.
    enabled: Option<bool>,
}

/// Change a webhook, or switch it on or off
#[utoipa::path(
    patch,
    path = "/v1/apis/{api}/webhooks/{id}",
    operation_id = "updateWebhook",
    tag = "webhooks",
    params(WebhookIdPath),
    request_body = UpdateWebhook,
    responses((status = 200, description = "The webhook as it is now", body = Webhook)),
)]
pub(crate) async fn update(caller: Caller, Id(id): Id, Json(asked): Json<UpdateWebhook>) -> Result<Response, Fault> {
    let webhook = find(&caller, &id).await?.row.id;
    let UpdateWebhook { url, description, events, severity: least, enabled } = asked;
    let url = url.map(|url| url.parse().map_err(|error: InvalidUrl| Fault::field("url", error.to_string()))).transpose()?;
    let least = match least {
        Nullable::Absent => None,
        Nullable::Null => Some(None),
        Nullable::Value(name) => Some(Some(severity(&name)?)),
    };
    let events = events.as_deref().map(kinds).transpose()?;
    let patch = Box::new(WebhookPatch { url, description, events, severity: least, enabled });
    let change = Change::UpdateWebhook { api: caller.api.name.to_string(), webhook, patch };
    caller.submit(change, Conditions::default()).await?;
    Ok(Json(Webhook::from(find(&caller, &id).await?)).into_response())
}

/// Delete a webhook, with all that waits for it
#[utoipa::path(
    delete,
    path = "/v1/apis/{api}/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "webhooks",
    params(WebhookIdPath),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete(caller: Caller, Id(id): Id) -> Result<Response, Fault> {
    let webhook = find(&caller, &id).await?.row.id;
    let change = Change::DeleteWebhook { api: caller.api.name.to_string(), webhook };
    caller.submit(change, Conditions::default()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
