//! `GET …/api-keys/{id}`

use axum::response::{IntoResponse, Response};
use bitting_core::key::KeyId;
use bitting_core::limit::Period;
use bitting_engine::{Engine, UsageReport, UsageStep};
use bitting_store::{StoreError, UsageQuery, Whose};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Key, view};
use crate::caller::Caller;
use crate::conditional::entity_tag;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::{Id, KeyIdPath};

/// A key with what it was used for.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithUsage)]
pub(super) struct Detailed {
    #[serde(flatten)]
    pub(super) key: Key,
    pub(super) usage: Usage,
}

/// Requests that were let through to the upstream, by days and months of UTC, exactly as of now.
#[derive(Serialize, ToSchema)]
pub(super) struct Usage {
    pub(super) requests_today: u64,
    pub(super) requests_this_month: u64,
}

/// Show a key
#[utoipa::path(
    get,
    path = "/{id}",
    operation_id = "showKey",
    tag = "keys",
    params(KeyIdPath),
    responses((
        status = 200,
        description = "The key, without its text",
        body = Detailed,
        headers(("ETag" = String, description = "The state of the key, for `If-Match`")),
    )),
)]
pub(crate) async fn show(caller: Caller, Id(id): Id) -> Result<Response, Fault> {
    let row = caller.key(&id).await?;
    let tag = entity_tag(row.sequence);
    let engine = &caller.shared.engine;
    engine.write_usage_down().await?;
    let usage = Usage::read(engine, &caller.api.name, row.id).await?;
    let key = view(&caller, row).await?;
    Ok(([(header::ETAG, tag)], Json(Detailed { key, usage })).into_response())
}

impl Usage {
    /// What was used until now, all of which stands in the store.
    async fn read(engine: &Engine, api: &str, key: KeyId) -> Result<Self, StoreError> {
        let now = engine.now();
        let (month, next_month) = Period::Month.around(now);
        let (today, _) = Period::Day.around(now);
        let whose = Whose::Key(key);
        let query = UsageQuery { api: api.into(), environment: None, whose, route: None, from: month, until: next_month };
        let report = UsageReport::of(engine.store(), query, UsageStep::Day).await?;
        let of_today = UsageReport { rows: report.rows.iter().filter(|row| row.hour >= today).cloned().collect() };
        Ok(Self { requests_today: of_today.total("admitted"), requests_this_month: report.total("admitted") })
    }
}
