//! What may be told about a key to whoever presents it.

use bitting_core::api::Api;
use bitting_core::record::Record;
use bitting_engine::ServedApi;
use serde::Serialize;
use utoipa::ToSchema;

use crate::management::sample_of_keys;
use crate::openapi::words;

/// A key as the pipeline knows it, without anything secret.
#[derive(Serialize, ToSchema)]
#[schema(as = KnownKey)]
pub(crate) struct KeyView {
    #[schema(value_type = words::KeyId)]
    id: String,
    #[schema(value_type = words::AccountId)]
    account: String,
    #[schema(required = true)]
    environment: Option<String>,
    #[schema(required = true)]
    role: Option<String>,
    #[schema(value_type = Vec<words::Permission>)]
    permissions: Vec<String>,
    capabilities: Vec<String>,
    #[schema(value_type = Option<words::Time>, required = true)]
    expires_at: Option<String>,
}

impl KeyView {
    pub(crate) fn new(api: &ServedApi, record: &Record) -> Self {
        let texts = |list: &[Box<str>]| list.iter().map(ToString::to_string).collect();
        Self {
            id: record.id.to_string(),
            account: record.account.id().to_string(),
            environment: api.environment(record.environment).map(|environment| environment.name.to_string()),
            role: record.holdings.role.as_deref().map(str::to_owned),
            permissions: texts(&record.holdings.permissions),
            capabilities: texts(&record.holdings.capabilities),
            expires_at: record.expires_at.map(|end| end.to_string()),
        }
    }

    /// What a new key of an API would be told of itself, made up.
    pub(crate) fn sample(api: &Api) -> Self {
        Self {
            id: sample_of_keys::ID.to_owned(),
            account: "acme".to_owned(),
            environment: api.environments.first().map(|environment| environment.name.to_string()),
            role: api.new_key.role.as_deref().map(str::to_owned),
            permissions: api.new_key.permissions.iter().map(ToString::to_string).collect(),
            capabilities: Vec::new(),
            expires_at: None,
        }
    }
}
