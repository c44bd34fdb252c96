//! `management_path`, `[api.management]` and `[api.policy]`: keys that manage keys, and what is asked of every key.

use bitting_core::api::{LeakAction, NamePattern, Policy};
use bitting_core::rights::Need;
use bitting_core::route::PathPattern;

use super::routes::Reader;
use crate::config::document::Value;
use crate::config::section::{At, Section, section_of};

/// Where keys manage keys, and what they need for it.
pub(super) struct Management<'c> {
    pub(super) path: At<'c, PathPattern>,
    pub(super) read: Need,
    pub(super) write: Need,
}

/// Reads it. A path without a need would let every key make others.
pub(super) fn read<'c>(api: &Section<'c>, reader: &Reader<'_, 'c>) -> Option<Management<'c>> {
    let path = api.parsed::<PathPattern>("management_path");
    let section = api.section("management");
    let Some(path) = path else {
        if let Some(section) = section.filter(|_| api.place("management_path").is_none()) {
            let help = "write management_path = \"/v1/api-keys\" beside the API's name";
            api.findings.error(section.at, "[api.management] has no path to hold for", help);
        }
        return None;
    };
    if path.value.as_str().contains(['*', '{']) || path.value.as_str() == "/" {
        api.findings.error(
            path.at,
            "`management_path` is one path",
            "write it without \"*\" and braces, as in \"/v1/api-keys\"",
        );
        return None;
    }
    let Some(section) = section else {
        let help = "write [api.management] with needs = { read = \"api-keys:read\", write = \"api-keys:write\" }";
        api.findings.error(path.at, "nothing says which keys may manage keys", help);
        return None;
    };
    let needs = section.node("needs").map(|entry| &entry.node);
    let (read, write) = if let Some(Value::Table(_)) = needs.map(|node| &node.value) {
        let table = needs.and_then(|node| section_of(node, "api.management.needs".to_owned(), api.findings))?;
        let both = (reader.need_of(&table, "read"), reader.need_of(&table, "write"));
        table.finish();
        both
    } else {
        let need = reader.need_of(&section, "needs");
        (need.clone(), need)
    };
    section.finish();
    if read.is_empty() || write.is_empty() {
        let help = "write needs = { read = \"api-keys:read\", write = \"api-keys:write\" }, or one need for both";
        api.findings.error(section_at(api, &path), "every key could manage keys", help);
        return None;
    }
    Some(Management { path, read, write })
}

fn section_at<'c>(api: &Section<'c>, path: &At<'c, PathPattern>) -> &'c crate::config::problem::Location {
    api.place("management").unwrap_or(path.at)
}

/// Reads what is asked of every key.
pub(super) fn read_policy(api: &Section<'_>) -> Policy {
    let Some(policy) = api.section("policy") else { return Policy::default() };
    let keys_per_account = policy.number("keys_per_account", 1..=i64::from(u32::MAX)).map(|number| number.value);
    let read = Policy {
        max_lifetime: policy.duration("max_lifetime"),
        expiry_required: policy.boolean("expiry_required").unwrap_or_default(),
        addresses_required: policy.boolean("addresses_required").unwrap_or_default(),
        name: policy.parsed::<NamePattern>("name").map(|name| name.value),
        keys_per_account: keys_per_account.and_then(|number| u32::try_from(number).ok()),
    };
    policy.finish();
    read
}

/// Reads what becomes of keys that were found where others can read them.
pub(super) fn read_leaks(api: &Section<'_>) -> LeakAction {
    let Some(leaks) = api.section("leaks") else { return LeakAction::default() };
    let action = leaks.choice("action", &[("alert", LeakAction::Alert), ("revoke", LeakAction::Revoke)]);
    leaks.finish();
    action.unwrap_or_default()
}
