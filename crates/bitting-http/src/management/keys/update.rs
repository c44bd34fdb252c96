//! `PATCH …/api-keys/{id}`

use std::collections::BTreeMap;

use axum::response::Response;
use bitting_core::address::AddressList;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::{Change, Conditions, KeyPatch, SwitchPatch};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Key, shown};
use crate::caller::Caller;
use crate::conditional::{IfMatch, IfMatchHeader};
use crate::fault::Fault;
use crate::json::Json;
use crate::limits::Limits;
use crate::management::id::{Id, KeyIdPath};
use crate::nullable::Nullable;
use crate::openapi::words;

/// New values. What is left out stays; null removes what can be absent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Production App (updated)", "expires_at": null})))]
pub(crate) struct UpdateKey {
    #[schema(value_type = Option<words::Name>)]
    name: Option<String>,
    #[schema(value_type = Option<words::Description>)]
    description: Option<String>,
    /// One of the API's roles; null for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    role: Nullable<String>,
    /// All permissions that it shall have.
    #[schema(value_type = Option<Vec<words::Permission>>)]
    permissions: Option<Vec<Permission>>,
    /// Switches by their names: those that are named are turned, the others stay.
    #[serde(default)]
    capabilities: BTreeMap<String, bool>,
    /// Where it may be used from, 1 to 100 networks; null for everywhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<words::Network>>, min_items = 1, max_items = 100)]
    allowed_addresses: Nullable<AddressList>,
    /// All numbers that limits shall have for it; null for those of its plan.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, words::LimitNumber>>, examples(json!({"hour": 50})))]
    limits: Nullable<Limits>,
    /// All notes that shall stand.
    #[schema(value_type = Option<words::Metadata>)]
    metadata: Option<Map<String, Value>>,
    /// Whether it is accepted.
    enabled: Option<bool>,
    /// From then on it is refused; null for never. It must lie in the future.
    #[serde(default)]
    #[schema(value_type = Option<words::Time>)]
    expires_at: Nullable<Timestamp>,
    /// Whether it renews itself before its end, where its account's plan allows it.
    auto_renew: Option<bool>,
}

/// Change a key
///
/// What is left out stays.
#[utoipa::path(
    patch,
    path = "/{id}",
    operation_id = "updateKey",
    tag = "keys",
    params(KeyIdPath, IfMatchHeader),
    request_body = UpdateKey,
    responses((
        status = 200,
        description = "The key as it is now",
        body = Key,
        headers(("ETag" = String, description = "The new state of the key, for `If-Match`")),
    )),
)]
pub(crate) async fn update(
    caller: Caller,
    Id(id): Id,
    if_match: IfMatch,
    Json(asked): Json<UpdateKey>,
) -> Result<Response, Fault> {
    let row = caller.key(&id).await?;
    let seen = if_match.condition(row.sequence)?;
    let patch = Box::new(asked.patch());
    let change = Change::UpdateKey { api: caller.api.name.to_string(), key: row.id, patch };
    let conditions = Conditions { keys: seen.map(|seen| (row.id, seen)).into_iter().collect(), ..Conditions::default() };
    let committed = caller.submit(change, conditions).await?;
    let changed = committed.keys.into_iter().next().map_or(row, |key| key.row);
    shown(&caller, changed).await
}

impl UpdateKey {
    fn patch(self) -> KeyPatch {
        let (on, off): (Vec<_>, Vec<_>) = self.capabilities.into_iter().partition(|(_, on)| *on);
        // Without numbers of its own it has none to remove, so null and an empty object say the same.
        let limits = Option::<Option<Limits>>::from(self.limits).map(|limits| limits.unwrap_or_default().into());
        let names = |list: Vec<(String, bool)>| list.into_iter().map(|(name, _)| name).collect();
        KeyPatch {
            name: self.name,
            description: self.description,
            role: self.role.into(),
            permissions: self.permissions,
            capabilities: SwitchPatch { on: names(on), off: names(off) },
            allowed_addresses: self.allowed_addresses.into(),
            limits,
            metadata: self.metadata,
            enabled: self.enabled,
            expires_at: self.expires_at.into(),
            auto_renew: self.auto_renew,
        }
    }
}
