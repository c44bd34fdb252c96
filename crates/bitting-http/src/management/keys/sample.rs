//! Answers about keys that do not exist, for documentation. They are made of the types that are answered, so that they have
//! the same fields.

use std::convert::Infallible;

use bitting_core::api::Api;
use bitting_core::time::Timestamp;
use serde_json::Map;

use super::create::CreateKey;
use super::show::{Detailed, Usage};
use super::{Key, NewKey};
use crate::fault::Fault;
use crate::json::{pretty, read};
use crate::page::Page;

/// The id of no key.
pub(crate) const ID: &str = "key_01m7r8z3q9v5w2x4y6a8b0c1d2";

/// The id of the key that took its place.
pub(crate) const SUCCESSOR: &str = "key_01m7r9b5d7f9h1k3m5p7r9t1v3";

/// The name of the key that is made.
pub(crate) const NAME: &str = "Production App";

/// When it ends, where it has an end.
pub(crate) const END_MS: i64 = 4_102_444_799_000;

/// Who made it.
const MAKER: &str = "key_01m7r8x0k3n6p8r1t4v7w9y2z5";

/// 2026-10-14T10:30:00Z.
const MADE_MS: i64 = 1_791_973_800_000;

/// The answer to making a key, with `…` in place of its text.
pub(crate) fn created(api: &Api, expires_at: Option<Timestamp>) -> String {
    let shown = key(api, expires_at);
    pretty(&NewKey { key: Some(format!("{}…", beginning(api))), shown })
}

/// The answer to making a key without a name.
pub(crate) fn nameless() -> Option<Fault> {
    read::<CreateKey>(b"{}").err()
}

/// The answer to listing keys.
pub(crate) fn listed(api: &Api) -> String {
    pretty(&Page::whole(vec![used(api)]))
}

/// The answer to showing one.
pub(crate) fn shown(api: &Api) -> String {
    pretty(&Detailed { key: used(api), usage: Usage { requests_today: 1_234, requests_this_month: 45_678 }, rotation: None })
}

fn used(api: &Api) -> Key {
    let last_used = Some(Timestamp::from_millis(MADE_MS + 3_600_000));
    Key { last_used, description: "Main application backend".to_owned(), ..key(api, None) }
}

fn key(api: &Api, expires_at: Option<Timestamp>) -> Key {
    let made_at = Timestamp::from_millis(MADE_MS);
    Key {
        id: ID.to_owned(),
        name: NAME.to_owned(),
        description: String::new(),
        prefix: display_prefix(api),
        account: "acme".to_owned(),
        environment: api.environments.first().map(|environment| environment.name.to_string()).unwrap_or_default(),
        role: api.new_key.role.as_deref().map(str::to_owned),
        permissions: api.new_key.permissions.iter().map(ToString::to_string).collect(),
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: std::collections::BTreeMap::default(),
        metadata: Map::default(),
        status: "active",
        enabled: true,
        created_at: made_at,
        created_by: MAKER.to_owned(),
        updated_at: made_at,
        last_used: None,
        expires_at,
        revoked_at: None,
        replaced_by: None,
        replaces: None,
        auto_renew: false,
        end_when_unused_for: None,
    }
}

fn beginning(api: &Api) -> &str {
    api.format.environments().first().and_then(|of| of.prefixes.first()).map_or("", |prefix| prefix)
}

/// As of a key that is thrown away at once: nobody has chosen its characters.
fn display_prefix(api: &Api) -> String {
    let environment = api.environments.first().map(|environment| &*environment.name).unwrap_or_default();
    let count = |bytes: &mut [u8]| {
        bytes.iter_mut().zip(7u8..).for_each(|(byte, value)| *byte = value.wrapping_mul(37));
        Ok::<(), Infallible>(())
    };
    match api.format.generate(environment, count) {
        Ok(Some(key)) => format!("{}...", api.format.display_prefix(&key)),
        Ok(None) => String::new(),
        Err(never) => match never {},
    }
}
