//! `GET …/api-keys/{id}`

use axum::response::{IntoResponse, Response};
use bitting_core::key::KeyId;
use bitting_core::limit::Period;
use bitting_core::time::Timestamp;
use bitting_engine::{Engine, UsageReport, UsageStep};
use bitting_store::{KeyRow, StoreError, UsageQuery, Whose};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Key, view};
use crate::caller::Caller;
use crate::conditional::entity_tag;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::{Id, KeyIdPath};
use crate::openapi::words;

/// A key with what it was used for.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithUsage)]
pub(super) struct Detailed {
    #[serde(flatten)]
    pub(super) key: Key,
    pub(super) usage: Usage,
    /// The old key and the new one, where this key is one of the two; null otherwise.
    #[schema(required = true)]
    pub(super) rotation: Option<Rotation>,
}

/// A key and the one that took its place.
#[derive(Serialize, ToSchema)]
pub(super) struct Rotation {
    old: RotatedKey,
    new: RotatedKey,
}

/// What matters of a key while services move from one to the other.
#[derive(Serialize, ToSchema)]
struct RotatedKey {
    #[schema(value_type = words::KeyId)]
    id: String,
    #[schema(value_type = words::Status)]
    status: &'static str,
    /// When it was last used; null if it never was.
    #[schema(value_type = Option<words::Time>, required = true)]
    last_used: Option<Timestamp>,
    /// From which address; null where that is not known.
    #[schema(required = true)]
    last_used_from: Option<String>,
    /// From then on it is refused; of the old key, the end of the overlap.
    #[schema(value_type = Option<words::Time>, required = true)]
    expires_at: Option<Timestamp>,
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
    let rotation = Rotation::of(engine, &caller.api.name, &row).await?;
    let key = view(&caller, row).await?;
    Ok(([(header::ETAG, tag)], Json(Detailed { key, usage, rotation })).into_response())
}

impl Rotation {
    /// The pair that a key belongs to: that with its successor, if it has one, or that with its predecessor.
    async fn of(engine: &Engine, api: &str, key: &KeyRow) -> Result<Option<Self>, StoreError> {
        let Some(other) = key.replaced_by.or(key.replaces) else { return Ok(None) };
        let Some(other) = engine.store().key(api, other).await? else { return Ok(None) };
        let uses = engine.store().last_uses(vec![key.id, other.id]).await?;
        let shown = |row: &KeyRow| {
            let last = uses.iter().find(|last| last.key == row.id);
            RotatedKey {
                id: row.id.to_string(),
                status: row.status(engine.now()).name(),
                last_used: last.map(|last| last.at),
                last_used_from: last.and_then(|last| last.address).map(|address| address.to_string()),
                expires_at: row.expires_at,
            }
        };
        let (old, new) = if key.replaced_by.is_some() { (key, &other) } else { (&other, key) };
        Ok(Some(Self { old: shown(old), new: shown(new) }))
    }
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
