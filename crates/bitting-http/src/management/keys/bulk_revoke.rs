//! `POST …/api-keys:revoke`

use axum::response::{IntoResponse, Response};
use bitting_store::{Change, Conditions, KeyCursor, KeyFilter, KeyRow, Page};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::list::Filter;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;

/// Which keys to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"filter": {"account": "acme"}, "dry_run": true})))]
pub(crate) struct BulkRevoke {
    filter: Filter,
    /// Only say how many there are.
    #[serde(default)]
    dry_run: bool,
}

/// How many keys were found, and how many of them were ended.
#[derive(Serialize, ToSchema)]
struct BulkRevoked {
    dry_run: bool,
    matched: usize,
    revoked: usize,
    /// The first of them, for a look.
    #[schema(value_type = Vec<words::KeyId>)]
    sample: Vec<String>,
}

/// How many are read and ended at once: as many as share one wait for the disk.
const CHUNK: usize = 200;

const SAMPLE: usize = 20;

/// End many keys at once
///
/// With `dry_run` it only says how many there are. To end every key, filter by `{"status": "active"}`.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/api-keys:revoke",
    operation_id = "revokeKeys",
    tag = "keys",
    request_body = BulkRevoke,
    responses((status = 200, description = "How many were found and ended", body = BulkRevoked)),
)]
pub(crate) async fn bulk_revoke(caller: Caller, Json(asked): Json<BulkRevoke>) -> Result<Response, Fault> {
    if asked.filter.is_empty() {
        return Err(Fault::field("filter", "name at least one condition; to end every key, write {\"status\": \"active\"}"));
    }
    let filter = asked.filter.of(&caller, caller.shared.engine.now())?;
    let mut answer = BulkRevoked { dry_run: asked.dry_run, matched: 0, revoked: 0, sample: Vec::new() };
    let mut after = None;
    loop {
        let rows = read(&caller, &filter, after.take()).await?;
        answer.matched += rows.len();
        answer.sample.extend(rows.iter().take(SAMPLE.saturating_sub(answer.sample.len())).map(|row| row.id.to_string()));
        if !asked.dry_run {
            answer.revoked += end(&caller, &rows).await?;
        }
        match rows.last().filter(|_| rows.len() == CHUNK) {
            Some(last) => after = Some(filter.cursor(last)),
            None => return Ok(Json(answer).into_response()),
        }
    }
}

async fn read(caller: &Caller, filter: &KeyFilter, after: Option<KeyCursor>) -> Result<Vec<KeyRow>, Fault> {
    let page = Page { after, limit: CHUNK };
    Ok(caller.shared.engine.store().keys(&caller.api.name, filter.clone(), page).await?)
}

/// Ends keys side by side, so that they share a transaction.
async fn end(caller: &Caller, rows: &[KeyRow]) -> Result<usize, Fault> {
    let open = rows.iter().filter(|row| row.revoked_at.is_none());
    let changes = open.map(|row| {
        let change = Change::RevokeKey { api: caller.api.name.to_string(), key: row.id };
        caller.submit(change, Conditions::default())
    });
    let ended = futures_util::future::join_all(changes).await;
    let count = ended.len();
    ended.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(count)
}
