//! `…/webhooks/{id}/deliveries` and `…/test`: what was sent, what came back, and sending it again.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::time::Timestamp;
use bitting_core::webhook::DeliveryId;
use bitting_store::{Answer, AttemptRow, DeliveryRow, DeliveryState, Page};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::find;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::{DeliveryIdPath, DeliveryPath, Id, WebhookIdPath};
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};

/// Something that was to be delivered, and how that went.
#[derive(Serialize, ToSchema)]
struct Delivery {
    #[schema(value_type = words::DeliveryId)]
    id: String,
    /// The message's `webhook-id`: the event's id, or for a test the delivery's own.
    message_id: String,
    /// What it tells, as in `key.revoked`.
    #[serde(rename = "type")]
    kind: String,
    #[schema(value_type = words::DeliveryState)]
    state: DeliveryState,
    #[schema(value_type = words::Time)]
    created_at: Timestamp,
    /// When it is sent next, if it waits and the webhook is enabled.
    #[schema(value_type = Option<words::Time>, required = true)]
    next_attempt_at: Option<Timestamp>,
    /// Since when it does not wait any more.
    #[schema(value_type = Option<words::Time>, required = true)]
    finished_at: Option<Timestamp>,
    /// How often it was sent.
    attempts: u32,
    /// The status of the last answer.
    #[schema(required = true)]
    last_status: Option<u16>,
    /// Why it did not arrive the last time, in words.
    #[schema(required = true)]
    last_error: Option<String>,
}

/// The same, with what was sent and every answer.
#[derive(Serialize, ToSchema)]
struct WholeDelivery {
    #[serde(flatten)]
    delivery: Delivery,
    /// The body that is sent.
    #[schema(value_type = Object)]
    body: Value,
    /// Each time that it was sent, the first one first.
    history: Vec<Attempt>,
}

/// One time that it was sent.
#[derive(Serialize, ToSchema)]
struct Attempt {
    #[schema(value_type = words::Time)]
    at: Timestamp,
    duration_ms: u64,
    /// The headers that were sent, each with its name and its value.
    request_headers: Vec<Vec<String>>,
    #[schema(required = true)]
    status: Option<u16>,
    /// The headers that were answered.
    response_headers: Vec<Vec<String>>,
    /// The first kilobyte of what was answered.
    #[schema(required = true)]
    response_body: Option<String>,
    /// Why it did not arrive, in words.
    #[schema(required = true)]
    error: Option<String>,
}

/// Which of them, and which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListDeliveries {
    #[param(ignore)]
    limit: Option<usize>,
    #[param(ignore)]
    cursor: Option<String>,
    /// Those that are so far.
    #[param(value_type = words::DeliveryState, required = false)]
    state: Option<DeliveryState>,
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id.to_string(),
            message_id: row.message,
            kind: row.kind,
            state: row.state,
            created_at: row.created_at,
            next_attempt_at: (row.state == DeliveryState::Waiting).then_some(row.due_at),
            finished_at: row.finished_at,
            attempts: row.attempts,
            last_status: row.last_status,
            last_error: row.last_error,
        }
    }
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        let pairs = |headers: Vec<(String, String)>| headers.into_iter().map(|(name, value)| vec![name, value]).collect();
        let (status, headers, body) = match row.answer {
            Some(Answer { status, headers, body }) => (Some(status), headers, Some(body)),
            None => (None, Vec::new(), None),
        };
        Self {
            at: row.at,
            duration_ms: row.duration_ms,
            request_headers: pairs(row.sent),
            status,
            response_headers: pairs(headers),
            response_body: body,
            error: row.error,
        }
    }
}

/// List what was delivered to a webhook, the newest first
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/webhooks/{id}/deliveries",
    operation_id = "listDeliveries",
    tag = "webhooks",
    params(WebhookIdPath, PageParameters, ListDeliveries),
    responses((status = 200, description = "A page of deliveries", body = page::Page<Delivery>)),
)]
pub(crate) async fn deliveries(
    caller: Caller,
    Id(id): Id,
    query: Result<Query<ListDeliveries>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(ListDeliveries { limit, cursor, state }) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let webhook = find(&caller, &id).await?.row.id;
    let page = Asked::<DeliveryId>::new(limit, cursor.as_deref(), &("deliveries", webhook, state))?;
    let reading = Page { after: page.after, limit: page.reading() };
    let rows = caller.shared.engine.store().deliveries(webhook, state, reading).await?;
    Ok(Json(page.page(rows, |last| last.id, Delivery::from)).into_response())
}

/// Show what was sent to a webhook, and every answer
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/webhooks/{id}/deliveries/{delivery}",
    operation_id = "showDelivery",
    tag = "webhooks",
    params(WebhookIdPath, DeliveryIdPath),
    responses((status = 200, description = "The delivery", body = WholeDelivery)),
)]
pub(crate) async fn delivery(caller: Caller, Id(id): Id, DeliveryPath(delivery): DeliveryPath) -> Result<Response, Fault> {
    let webhook = find(&caller, &id).await?.row.id;
    let unknown = || no_such_delivery(&delivery);
    let id = delivery.parse().map_err(|_| unknown())?;
    let (row, attempts) = caller.shared.engine.store().delivery(webhook, id).await?.ok_or_else(unknown)?;
    let body = serde_json::from_str(&row.body).unwrap_or_default();
    let history = attempts.into_iter().map(Attempt::from).collect();
    Ok(Json(WholeDelivery { delivery: row.into(), body, history }).into_response())
}

/// Send something to a webhook again
///
/// At once and with the same `webhook-id`, whether or not it was delivered before.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/webhooks/{id}/deliveries/{delivery}/resend",
    operation_id = "resendDelivery",
    tag = "webhooks",
    params(WebhookIdPath, DeliveryIdPath),
    responses((status = 202, description = "The delivery, which waits again", body = Delivery)),
)]
pub(crate) async fn resend(caller: Caller, Id(id): Id, DeliveryPath(delivery): DeliveryPath) -> Result<Response, Fault> {
    let webhook = find(&caller, &id).await?.row.id;
    let unknown = || no_such_delivery(&delivery);
    let id = delivery.parse().map_err(|_| unknown())?;
    let row = caller.shared.engine.resend(&caller.api.name, webhook, id).await?.ok_or_else(unknown)?;
    Ok((StatusCode::ACCEPTED, Json(Delivery::from(row))).into_response())
}

/// Send a test to a webhook
///
/// At once, once, and whether or not it is enabled. What comes of it stands in the delivery. While five tests of a webhook wait, another
/// is refused.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/webhooks/{id}/test",
    operation_id = "testWebhook",
    tag = "webhooks",
    params(WebhookIdPath),
    responses((status = 202, description = "The delivery, which waits", body = Delivery)),
)]
pub(crate) async fn test(caller: Caller, Id(id): Id) -> Result<Response, Fault> {
    let webhook = find(&caller, &id).await?.row.id;
    let gone = || Fault::not_found("such webhook any more");
    let row = caller.shared.engine.test_webhook(&caller.api.name, webhook).await?.ok_or_else(gone)?;
    Ok((StatusCode::ACCEPTED, Json(Delivery::from(row))).into_response())
}

fn no_such_delivery(id: &str) -> Fault {
    Fault::not_found(format_args!("delivery {}", id.chars().take(40).collect::<String>()))
}
