//! `[api.identity]` and `[api.labels]`: what the upstream and people are told.

use bitting_core::dialect::{IdentityHeaders, Labels};
use http::HeaderName;

use crate::config::section::Section;

/// The headers in which the upstream learns whose key it was; `false` leaves one out.
pub(super) fn read_identity(api: &Section<'_>) -> IdentityHeaders {
    let default = IdentityHeaders::default();
    let Some(identity) = api.section("identity") else { return default };
    let name = |key, default| identity.header(key, default);
    let headers = IdentityHeaders {
        key_id: name("key_id", default.key_id),
        account: name("account", default.account),
        environment: name("environment", default.environment),
        role: name("role", default.role),
        permissions: name("permissions", default.permissions),
    };
    let names: Vec<&HeaderName> = headers.names().collect();
    if names.iter().enumerate().any(|(position, name)| names[..position].contains(name)) {
        identity.findings.error(identity.at, "two identity headers have one name", "give each a name of its own");
    }
    identity.finish();
    headers
}

/// The API's own words.
pub(super) fn read_labels(api: &Section<'_>, name: &str) -> Labels {
    let default =
        Labels { title: name.into(), key_page: "API Keys".into(), create_key: "Create key".into(), key_name: "Name".into() };
    let Some(labels) = api.section("labels") else { return default };
    let word = |key, default| labels.text(key).map_or(default, |text| text.value.into());
    let read = Labels {
        title: word("title", default.title),
        key_page: word("key_page", default.key_page),
        create_key: word("create_key", default.create_key),
        key_name: word("key_name", default.key_name),
    };
    labels.finish();
    read
}
