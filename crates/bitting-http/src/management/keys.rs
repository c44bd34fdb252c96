//! `…/api-keys`: the keys of one API, in the shape of the product's own document.

mod bulk_revoke;
mod create;
mod import;
mod list;
mod revoke;
mod rotate;
pub(crate) mod sample;
mod show;
mod update;

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use bitting_core::time::Timestamp;
use bitting_engine::Issued;
use bitting_store::{Committed, KeyRow};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::conditional::entity_tag;
use crate::fault::Fault;
use crate::idempotency::REPLAYED;
use crate::json::Json;
use crate::openapi::words;

pub(super) use bulk_revoke::{__path_bulk_revoke, bulk_revoke};
pub(super) use create::{__path_create, create};
pub(super) use import::{__path_import, import};
pub(super) use list::{__path_list, list};
pub(super) use revoke::{__path_revoke, revoke};
pub(super) use rotate::{__path_rotate, rotate};
pub(super) use show::{__path_show, show};
pub(super) use update::{__path_update, update};

/// A key as it is shown, without anything secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Key {
    #[schema(value_type = words::KeyId, read_only)]
    id: String,
    #[schema(value_type = words::Name)]
    name: String,
    #[schema(value_type = words::Description)]
    description: String,
    /// The beginning of the key, to recognise it by.
    #[schema(examples("sk_live_7Qm2..."), read_only)]
    prefix: String,
    #[schema(value_type = words::AccountId, read_only)]
    account: String,
    #[schema(examples("live"), read_only)]
    environment: String,
    #[schema(required = true)]
    role: Option<String>,
    #[schema(value_type = Vec<words::Permission>)]
    permissions: Vec<String>,
    /// The capabilities that are switched on.
    capabilities: Vec<String>,
    /// Where it may be used from; null for everywhere.
    #[schema(value_type = Option<Vec<words::Network>>, required = true)]
    allowed_addresses: Option<Vec<String>>,
    /// How much each of these limits allows it, instead of what its plan says.
    #[schema(value_type = BTreeMap<String, words::LimitNumber>, examples(json!({"hour": 50})))]
    limits: BTreeMap<String, u64>,
    #[schema(value_type = words::Metadata)]
    metadata: Map<String, Value>,
    #[schema(value_type = words::Status, read_only)]
    status: &'static str,
    enabled: bool,
    #[schema(value_type = words::Time, read_only)]
    created_at: Timestamp,
    /// A key's id, or who worked at the command line.
    #[schema(examples("key_01m7r8z3q9v5w2x4y6a8b0c1d2"), read_only)]
    created_by: String,
    #[schema(value_type = words::Time, read_only)]
    updated_at: Timestamp,
    /// When it was last used; null if it never was.
    #[schema(value_type = Option<words::Time>, required = true, read_only)]
    last_used: Option<Timestamp>,
    /// From then on it is refused; null for never.
    #[schema(value_type = Option<words::Time>, required = true)]
    expires_at: Option<Timestamp>,
    /// Whether it renews itself before its end, for as long as its present term, where its account's plan allows it.
    auto_renew: bool,
    #[schema(value_type = Option<words::Time>, required = true, read_only)]
    revoked_at: Option<Timestamp>,
    /// The key that took its place.
    #[schema(value_type = Option<words::KeyId>, required = true, read_only)]
    replaced_by: Option<String>,
    /// The key whose place it took.
    #[schema(value_type = Option<words::KeyId>, required = true, read_only)]
    replaces: Option<String>,
    /// For how many seconds it must be unused to end before its overlap with its successor is over; null if it does not.
    #[schema(required = true, read_only)]
    end_when_unused_for: Option<u64>,
}

/// A key with its text, which is shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKey {
    /// The key itself. It cannot be shown again: null if the same request was answered before.
    #[schema(examples("sk_live_…"), required = true, read_only)]
    key: Option<String>,
    #[serde(flatten)]
    shown: Key,
}

impl Key {
    pub(crate) fn new(row: KeyRow, last_used: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            id: row.id.to_string(),
            prefix: format!("{}...", row.prefix),
            account: row.account.to_string(),
            permissions: row.permissions.iter().map(ToString::to_string).collect(),
            status: row.status(now).name(),
            created_by: row.created_by.clone(),
            replaced_by: row.replaced_by.map(|id| id.to_string()),
            replaces: row.replaces.map(|id| id.to_string()),
            allowed_addresses: row.allowed_addresses.map(Into::into),
            name: row.name,
            description: row.description,
            environment: row.environment,
            role: row.role,
            capabilities: row.capabilities,
            limits: row.limits,
            metadata: row.metadata,
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_used,
            expires_at: row.expires_at,
            auto_renew: row.auto_renew,
            end_when_unused_for: row.end_when_unused_for_s,
            revoked_at: row.revoked_at,
        }
    }
}

/// A key as its caller may see it.
async fn view(caller: &Caller, row: KeyRow) -> Result<Key, Fault> {
    let last_used = caller.last_uses(vec![row.id]).await?.remove(&row.id);
    Ok(Key::new(row, last_used, caller.shared.engine.now()))
}

/// The answer with a key as it now is.
async fn shown(caller: &Caller, row: KeyRow) -> Result<Response, Fault> {
    let tag = entity_tag(row.sequence);
    Ok(([(header::ETAG, tag)], Json(view(caller, row).await?)).into_response())
}

/// The answer with a key that was made. It must not be sent before the change is committed.
fn issued(caller: &Caller, issued: Option<&Issued>, committed: Committed) -> Result<Response, Fault> {
    let Some(made) = committed.keys.into_iter().next() else { return Err(Fault::not_found("key")) };
    let key = issued.filter(|_| !committed.replayed).map(|issued| issued.key.expose().to_owned());
    let tag = entity_tag(made.row.sequence);
    let location = HeaderValue::try_from(format!("{}/{}", caller.keys_path(), made.row.id));
    let shown = Key::new(made.row, None, caller.shared.engine.now());
    let mut response = (StatusCode::CREATED, [(header::ETAG, tag)], Json(NewKey { key, shown })).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if committed.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
