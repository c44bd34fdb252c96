//! `PATCH …/api-keys/{id}`

use std::collections::BTreeMap;

use axum::response::Response;
use bitting_core::address::AddressList;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::{Change, Conditions, KeyPatch, SwitchPatch};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::shown;
use crate::caller::Caller;
use crate::conditional::IfMatch;
use crate::fault::Fault;
use crate::json::Json;
use crate::management::id::Id;

/// New values. What is left out stays; null removes what can be absent.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct UpdateKey {
    name: Option<String>,
    description: Option<String>,
    #[serde(deserialize_with = "present")]
    role: Option<Option<String>>,
    permissions: Option<Vec<Permission>>,
    /// Switches by their names: those that are named are turned, the others stay.
    capabilities: BTreeMap<String, bool>,
    #[serde(deserialize_with = "present")]
    allowed_addresses: Option<Option<AddressList>>,
    metadata: Option<Map<String, Value>>,
    enabled: Option<bool>,
    #[serde(deserialize_with = "present")]
    expires_at: Option<Option<Timestamp>>,
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
            role: self.role,
            permissions: self.permissions,
            capabilities: SwitchPatch { on: names(on), off: names(off) },
            allowed_addresses: self.allowed_addresses,
            metadata: self.metadata,
            enabled: self.enabled,
            expires_at: self.expires_at,
        }
    }
}

/// Tells a field that is null from one that is not there.
#[expect(clippy::option_option, reason = "the outer one is whether the field is there")]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}
