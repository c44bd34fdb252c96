//! `GET …/api-keys/{id}`

use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;

use super::Key;
use crate::caller::Caller;
use crate::conditional::entity_tag;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::{Id, KeyIdPath};

/// A key with what it was used for.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyWithUsage)]
struct Detailed {
    #[serde(flatten)]
    key: Key,
    usage: Usage,
}

/// Requests that reached the upstream, by days and months of UTC. Zero as long as usage is not counted.
#[derive(Serialize, Default, ToSchema)]
struct Usage {
    requests_today: u64,
    requests_this_month: u64,
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
    let key = Key::new(row, caller.shared.engine.now());
    Ok(([(header::ETAG, tag)], Json(Detailed { key, usage: Usage::default() })).into_response())
}
