//! `POST …/api-keys`

use axum::response::Response;
use bitting_core::account::AccountId;
use bitting_core::address::AddressList;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_engine::KeySpec;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{NewKey, issued};
use crate::caller::Caller;
use crate::fault::Fault;
use crate::idempotency::{Once, OnceHeader};
use crate::json::Digested;
use crate::limits::Limits;
use crate::openapi::words;

/// A key to make. What is left out takes the API's defaults, as far as the caller has them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Production App", "permissions": ["tasks:read"], "expires_at": "2096-10-14T00:00:00Z"})))]
pub(crate) struct CreateKey {
    #[schema(value_type = words::Name)]
    name: String,
    #[serde(default)]
    #[schema(value_type = words::Description)]
    description: String,
    /// Its owner. An operator's default is the account `default`; a key makes keys of its own account.
    #[schema(value_type = Option<words::AccountId>)]
    account: Option<AccountId>,
    /// One of the API's environments; the first where nothing is said, and for a key its own.
    environment: Option<String>,
    /// One of the API's roles.
    role: Option<String>,
    /// Permissions that the API declares.
    #[schema(value_type = Option<Vec<words::Permission>>)]
    permissions: Option<Vec<Permission>>,
    /// The capabilities to switch on.
    #[serde(default)]
    capabilities: Vec<String>,
    /// Where it may be used from, 1 to 100 networks; everywhere where nothing is said.
    #[schema(value_type = Option<Vec<words::Network>>, min_items = 1, max_items = 100)]
    allowed_addresses: Option<AddressList>,
    /// How much limits allow it, by their names, instead of what its plan says; for a key that makes keys, at most as much as
    /// they allow itself.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, words::LimitNumber>, examples(json!({"hour": 50})))]
    limits: Limits,
    #[serde(default)]
    #[schema(value_type = words::Metadata)]
    metadata: Map<String, Value>,
    /// From then on it is refused. It must lie in the future.
    #[schema(value_type = Option<words::Time>)]
    expires_at: Option<Timestamp>,
    /// Whether it renews itself before its end, where its account's plan allows it; as the API says where nothing is said.
    auto_renew: Option<bool>,
}

/// Make a key
///
/// The answer has the key itself, once: it is not kept and cannot be shown again. A key that makes keys gives them nothing
/// that exceeds itself.
#[utoipa::path(
    post,
    path = "/",
    operation_id = "createKey",
    tag = "keys",
    params(OnceHeader),
    request_body = CreateKey,
    responses((
        status = 201,
        description = "The key, with its text",
        body = NewKey,
        headers(
            ("ETag" = String, description = "The state of the key, for `If-Match`"),
            ("Location" = String, description = "Where the key is shown"),
            ("Idempotency-Replayed" = String, description = "`true` if the same request was answered before"),
        ),
    )),
)]
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
            limits: self.limits.into(),
            metadata: self.metadata,
            expires_at: self.expires_at,
            auto_renew: self.auto_renew,
        }
    }
}
