//! `DELETE …/api-keys/{id}`

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_store::{Change, Conditions, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Key, view};
use crate::caller::Caller;
use crate::conditional::{IfMatch, IfMatchHeader};
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::{Id, KeyIdPath};
use crate::openapi::words;

/// How far it goes.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Revoke {
    /// Whether the keys that it has made end with it, and those that they have made.
    #[serde(default)]
    descendants: bool,
}

/// The key that ended, and those that ended with it.
#[derive(Serialize, ToSchema)]
struct Revoked {
    #[serde(flatten)]
    key: Key,
    /// The ids of those that ended with it.
    #[schema(value_type = Vec<words::KeyId>)]
    descendants: Vec<String>,
}

/// End a key for good
///
/// The next request with it is refused.
#[utoipa::path(
    delete,
    path = "/{id}",
    operation_id = "revokeKey",
    tag = "keys",
    params(KeyIdPath, Revoke, IfMatchHeader),
    responses((status = 200, description = "The key as it ended", body = Revoked)),
)]
pub(crate) async fn revoke(
    caller: Caller,
    Id(id): Id,
    if_match: IfMatch,
    query: Result<Query<Revoke>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let row = caller.key(&id).await?;
    let seen = if_match.condition(row.sequence)?;
    let mut descendants = Vec::new();
    if asked.descendants {
        // The children first: until the key itself has ended it could make more, and after that it cannot.
        descendants = end_descendants(&caller, &row.id).await?;
    }
    let conditions = Conditions { keys: seen.map(|seen| (row.id, seen)).into_iter().collect(), ..Conditions::default() };
    let ended = caller.submit(end(&caller, row.id), conditions).await?;
    if asked.descendants {
        descendants.extend(end_descendants(&caller, &row.id).await?);
    }
    let row = ended.keys.into_iter().next().map_or(row, |key| key.row);
    Ok(Json(Revoked { key: view(&caller, row).await?, descendants }).into_response())
}

fn end(caller: &Caller, key: bitting_core::key::KeyId) -> Change {
    Change::RevokeKey { api: caller.api.name.to_string(), key }
}

/// Ends every descendant that is not ended yet and says which.
async fn end_descendants(caller: &Caller, of: &bitting_core::key::KeyId) -> Result<Vec<String>, Fault> {
    let mut ended = Vec::new();
    let store = caller.shared.engine.store();
    for id in store.descendants(&caller.api.name, *of).await? {
        let Some(row) = store.key(&caller.api.name, id).await?.filter(|row| row.revoked_at.is_none()) else { continue };
        match caller.submit(end(caller, row.id), Conditions::default()).await {
            Ok(_) => ended.push(id.to_string()),
            // Somebody else ended it, or it was moved out of the caller's reach.
            Err(bitting_engine::CommitError::Refused(Refusal::NoSuchKey(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ended)
}
