//! `…/webhooks`: where an API's events are sent.

mod change;
mod create;
mod deliveries;
mod secret;

pub(crate) use self::change::{__path_delete, __path_update, delete, update};
pub(crate) use self::create::{__path_create, create};
pub(crate) use self::deliveries::{
    __path_deliveries, __path_delivery, __path_resend, __path_test, deliveries, delivery, resend, test,
};
pub(crate) use self::secret::{__path_rotate_secret, rotate_secret};

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::event::{EventKind, Severity};
use bitting_core::time::Timestamp;
use bitting_core::webhook::{SigningSecret, WebhookId};
use bitting_store::{Committed, DisabledBecause, ListedWebhook, Page, WebhooksOf};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::REPLAYED;
use crate::json::Json;
use crate::management::id::{Id, WebhookIdPath};
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};

/// A webhook as it is shown.
#[derive(Serialize, ToSchema)]
struct Webhook {
    #[schema(value_type = words::WebhookId, read_only)]
    id: String,
    /// Whose events it hears of. Null is the operators', which hears of all of the API's.
    #[schema(value_type = Option<words::AccountId>, required = true)]
    account: Option<String>,
    #[schema(value_type = words::WebhookUrl)]
    url: String,
    #[schema(value_type = words::Label)]
    description: String,
    /// Of which events it hears; none is all.
    #[schema(value_type = Vec<words::EventName>)]
    events: Vec<EventKind>,
    /// Of these only such that are so severe or more.
    #[schema(value_type = Option<words::Severity>, required = true)]
    severity: Option<Severity>,
    /// Whether messages are sent. Those that are not wait.
    enabled: bool,
    #[schema(value_type = Option<words::DisabledBecause>, required = true)]
    disabled_because: Option<DisabledBecause>,
    /// Since when it has taken nothing that was sent.
    #[schema(value_type = Option<words::Time>, required = true)]
    failing_since: Option<Timestamp>,
    /// When it last took something.
    #[schema(value_type = Option<words::Time>, required = true)]
    last_delivered_at: Option<Timestamp>,
    /// How many deliveries wait; at most 1,000 are counted.
    waiting: u64,
    /// When older secrets end that messages are still signed with.
    #[schema(value_type = Vec<words::Time>)]
    old_secrets_end_at: Vec<Timestamp>,
    #[schema(value_type = words::Time)]
    created_at: Timestamp,
    created_by: String,
    #[schema(value_type = words::Time)]
    updated_at: Timestamp,
}

/// A webhook with its new secret.
#[derive(Serialize, ToSchema)]
struct SignedWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// What messages are signed with. It is shown this once; null if the same request was answered before.
    #[schema(value_type = Option<words::SigningSecret>, required = true)]
    secret: Option<String>,
}

/// Whose, and which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListWebhooks {
    #[param(ignore)]
    limit: Option<usize>,
    #[param(ignore)]
    cursor: Option<String>,
    /// Those of this account.
    #[param(value_type = words::AccountId, required = false)]
    account: Option<AccountId>,
}

impl From<ListedWebhook> for Webhook {
    fn from(listed: ListedWebhook) -> Self {
        let ListedWebhook { row, failing_since, last_taken_at, waiting, secrets_until } = listed;
        Self {
            id: row.id.to_string(),
            account: row.account.map(|account| account.to_string()),
            url: row.url.to_string(),
            description: row.description,
            events: row.events,
            severity: row.severity,
            enabled: row.enabled,
            disabled_because: row.disabled_because,
            failing_since,
            last_delivered_at: last_taken_at,
            waiting,
            old_secrets_end_at: secrets_until.into_iter().flatten().collect(),
            created_at: row.created_at,
            created_by: row.created_by,
            updated_at: row.updated_at,
        }
    }
}

/// List webhooks, the newest first
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/webhooks",
    operation_id = "listWebhooks",
    tag = "webhooks",
    params(PageParameters, ListWebhooks),
    responses((status = 200, description = "A page of webhooks", body = page::Page<Webhook>)),
)]
pub(crate) async fn list(caller: Caller, query: Result<Query<ListWebhooks>, QueryRejection>) -> Result<Response, Fault> {
    let Query(ListWebhooks { limit, cursor, account }) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let page = Asked::<WebhookId>::new(limit, cursor.as_deref(), &(&*caller.api.name, "webhooks", &account))?;
    let reading = Page { after: page.after, limit: page.reading() };
    let of = account.map_or(WebhooksOf::All, WebhooksOf::Account);
    let rows = caller.shared.engine.store().webhooks(&caller.api.name, of, reading).await?;
    Ok(Json(page.page(rows, |last| last.row.id, Webhook::from)).into_response())
}

/// Show a webhook
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/webhooks/{id}",
    operation_id = "showWebhook",
    tag = "webhooks",
    params(WebhookIdPath),
    responses((status = 200, description = "The webhook", body = Webhook)),
)]
pub(crate) async fn show(caller: Caller, Id(id): Id) -> Result<Response, Fault> {
    Ok(Json(Webhook::from(find(&caller, &id).await?)).into_response())
}

async fn find(caller: &Caller, id: &str) -> Result<ListedWebhook, Fault> {
    let unknown = || Fault::not_found(format_args!("webhook {}", id.chars().take(40).collect::<String>()));
    let id = id.parse().map_err(|_| unknown())?;
    caller.shared.engine.store().webhook(&caller.api.name, id).await?.ok_or_else(unknown)
}

/// Answers with a webhook and its new secret, or, if the same request was answered before, without.
async fn signed(
    caller: &Caller,
    status: StatusCode,
    secret: Option<&SigningSecret>,
    committed: Committed,
) -> Result<Response, Fault> {
    let gone = || Fault::not_found("such webhook any more");
    let id = committed.webhooks.first().map(|row| row.id).ok_or_else(gone)?;
    let listed = caller.shared.engine.store().webhook(&caller.api.name, id).await?.ok_or_else(gone)?;
    let secret = secret.filter(|_| !committed.replayed).map(|secret| secret.expose().to_string());
    let location = HeaderValue::try_from(format!("/v1/apis/{}/webhooks/{id}", caller.api.name));
    let mut response = (status, Json(SignedWebhook { webhook: listed.into(), secret })).into_response();
    if let (StatusCode::CREATED, Ok(location)) = (status, location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if committed.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Events by their names.
fn kinds(names: &[String]) -> Result<Vec<EventKind>, Fault> {
    let read = names.iter().map(|name| name.parse()).collect::<Result<_, bitting_core::event::NotInCatalogue>>();
    read.map_err(|error| Fault::field("events", error.to_string()))
}

/// A severity by its name.
fn severity(name: &str) -> Result<Severity, Fault> {
    name.parse().map_err(|error: bitting_core::event::NotInCatalogue| Fault::field("severity", error.to_string()))
}
