//! `PATCH …/api-keys/{id}`

use std::collections::BTreeMap;

use axum::response::Response;
use bitting_core::address::AddressList;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::{Change, Conditions, KeyPatch, SwitchPatch};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::shown;
use crate::caller::Caller;
use crate::conditional::IfMatch;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::Id;
use crate::nullable::Nullable;

/// New values. What is left out stays; null removes what can be absent.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UpdateKey {
    name: Option<String>,
    description: Option<String>,
    role: Nullable<String>,
    permissions: Option<Vec<Permission>>,
    /// Switches by their names: those that are named are turned, the others stay.
    capabilities: BTreeMap<String, bool>,
    allowed_addresses: Nullable<AddressList>,
    metadata: Option<Map<String, Value>>,
    enabled: Option<bool>,
    expires_at: Nullable<Timestamp>,
}

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
    Ok(shown(changed, caller.shared.engine.now()))
}

impl UpdateKey {
    fn patch(self) -> KeyPatch {
        let (on, off): (Vec<_>, Vec<_>) = self.capabilities.into_iter().partition(|(_, on)| *on);
        let names = |list: Vec<(String, bool)>| list.into_iter().map(|(name, _)| name).collect();
        KeyPatch {
            name: self.name,
            description: self.description,
            role: self.role.into(),
            permissions: self.permissions,
            capabilities: SwitchPatch { on: names(on), off: names(off) },
            allowed_addresses: self.allowed_addresses.into(),
            metadata: self.metadata,
            enabled: self.enabled,
            expires_at: self.expires_at.into(),
        }
    }
}
