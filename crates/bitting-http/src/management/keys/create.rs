//! `POST …/api-keys`

use axum::response::Response;
use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_engine::KeySpec;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::issued;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::Once;
use crate::json::Digested;

/// A key to make. What is left out takes the API's defaults, as far as the caller has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    name: String,
    #[serde(default)]
    description: String,
    account: Option<AccountId>,
    environment: Option<String>,
    role: Option<String>,
    permissions: Option<Vec<Permission>>,
    #[serde(default)]
    capabilities: Vec<String>,
    allowed_addresses: Option<AddressList>,
    #[serde(default)]
    metadata: Map<String, Value>,
    expires_at: Option<Timestamp>,
}

pub(crate) async fn create(caller: Caller, once: Once, asked: Digested<CreateKey>) -> Result<Response, Fault> {
    let claim = match once.claim(&caller, asked.digest).await? {
        Ok(claim) => claim,
        Err(before) => return issued(&caller, None, *before),
    };
    let mut spec = asked.value.spec();
    let engine = &caller.shared.engine;
    if let Some(holder) = caller.holder() {
        if spec.account.as_ref().is_some_and(|account| *account != holder.row().account) {
            return Err(Fault::field("account", "a key makes keys of its own account"));
        }
        holder.fill_in(&mut spec, &engine.apis());
    }
    let made = spec.issue(&caller.api, engine.now())?;
    let committed = caller.submit(made.change.clone(), claim.conditions()).await?;
    issued(&caller, Some(&made), committed)
}

impl CreateKey {
    fn spec(self) -> KeySpec {
        KeySpec {
            account: self.account,
            name: self.name,
            description: self.description,
            environment: self.environment,
            role: self.role,
            permissions: self.permissions,
            capabilities: self.capabilities,
            allowed_addresses: self.allowed_addresses,
            metadata: self.metadata,
            expires_at: self.expires_at,
        }
    }
}
