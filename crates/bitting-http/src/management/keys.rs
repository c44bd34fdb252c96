//! `…/api-keys`: the keys of one API, in the shape of the product's own document.

mod bulk_revoke;
mod create;
mod import;
mod list;
mod revoke;
mod rotate;
mod show;
mod update;

use axum::response::{IntoResponse, Response};
use bitting_core::time::Timestamp;
use bitting_engine::Issued;
use bitting_store::{Committed, KeyRow};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::caller::Caller;
use crate::conditional::entity_tag;
use crate::fault::Fault;
use crate::idempotency::REPLAYED;
use crate::json::Json;

pub(crate) use bulk_revoke::bulk_revoke;
pub(crate) use create::create;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use revoke::revoke;
pub(crate) use rotate::rotate;
pub(crate) use show::show;
pub(crate) use update::update;

/// A key as it is shown, without anything secret.
#[derive(Debug, Serialize)]
pub(crate) struct Key {
    id: String,
    name: String,
    description: String,
    /// The beginning of the key, to recognise it by.
    prefix: String,
    account: String,
    environment: String,
    role: Option<String>,
    permissions: Vec<String>,
    capabilities: Vec<String>,
    allowed_addresses: Option<Vec<String>>,
    metadata: Map<String, Value>,
    /// `active`, `disabled`, `expired` or `revoked`.
    status: &'static str,
    enabled: bool,
    created_at: Timestamp,
    /// A key's id, or who worked at the command line.
    created_by: String,
    updated_at: Timestamp,
    /// When it was last used; null as long as usage is not counted.
    last_used: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    replaced_by: Option<String>,
    replaces: Option<String>,
}

/// A key with its text, which is shown once.
#[derive(Serialize)]
pub(crate) struct NewKey {
    /// Null if the same request was answered before.
    key: Option<String>,
    #[serde(flatten)]
    shown: Key,
}

impl Key {
    pub(crate) fn new(row: KeyRow, now: Timestamp) -> Self {
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
            metadata: row.metadata,
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_used: None,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The answer with a key as it now is.
fn shown(row: KeyRow, now: Timestamp) -> Response {
    let tag = entity_tag(row.sequence);
    ([(header::ETAG, tag)], Json(Key::new(row, now))).into_response()
}

/// The answer with a key that was made. It must not be sent before the change is committed.
fn issued(caller: &Caller, issued: Option<&Issued>, committed: Committed) -> Result<Response, Fault> {
    let Some(made) = committed.keys.into_iter().next() else { return Err(Fault::not_found("key")) };
    let key = issued.filter(|_| !committed.replayed).map(|issued| issued.key.expose().to_owned());
    let tag = entity_tag(made.row.sequence);
    let location = HeaderValue::try_from(format!("{}/{}", caller.keys_path(), made.row.id));
    let shown = Key::new(made.row, caller.shared.engine.now());
    let mut response = (StatusCode::CREATED, [(header::ETAG, tag)], Json(NewKey { key, shown })).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if committed.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
