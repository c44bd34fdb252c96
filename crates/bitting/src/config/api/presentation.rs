//! `[api.identity]` and `[api.labels]`: what the upstream and people are told.

use bitting_core::dialect::{IdentityHeaders, Labels};
use http::HeaderName;

use crate::config::document::Value;
use crate::config::section::{Section, text_of};

/// The headers in which the upstream learns whose key it was; `false` leaves one out.
pub(super) fn read_identity(api: &Section<'_>) -> IdentityHeaders {
    let default = IdentityHeaders::default();
    let Some(identity) = api.section("identity") else { return default };
    let name = |key: &'static str, default: Option<HeaderName>| {
        let Some(entry) = identity.node(key) else { return default };
        match (&entry.node.value, text_of(&entry.node)) {
            (Value::Boolean(false), _) => None,
            (_, Some(text)) => text.settable_header(identity.findings),
            _ => {
                let help = "write the name of a header in quotes, or false to leave it out";
                identity.findings.error(&entry.node.at, format!("`{key}` is {}", entry.node.value.kind()), help);
                None
            }
        }
    };
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
