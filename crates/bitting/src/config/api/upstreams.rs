//! `upstream` and `[api.timeouts]`: where the API itself is, and how long to wait for it.

mod settings;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::{Environment, Upstream, UpstreamTimeouts};
use bitting_core::key::KeyFormat;
use bitting_core::name::{NameKind, Names};
use http::HeaderValue;

use crate::config::document::{Entry, Node, Table, Value};
use crate::config::section::{Section, closest, section_of};

/// One upstream for all, or a table of environments with an upstream each; `default` takes what belongs to no environment.
pub(super) fn read(
    api: &Section<'_>,
    format: Option<&KeyFormat>,
    names: &Names,
    folder: &Path,
) -> (Vec<Environment>, Option<Arc<Upstream>>) {
    let declared: Vec<&str> = format.iter().flat_map(|f| f.environments()).map(|e| &*e.environment).collect();
    let environment = |name: &str| Environment {
        id: names.intern(NameKind::Environment, name),
        header: HeaderValue::from_str(name).unwrap_or(HeaderValue::from_static("")),
        name: name.into(),
        upstream: None,
    };
    let mut environments: Vec<Environment> = declared.iter().map(|name| environment(name)).collect();
    let Some(entry) = api.node("upstream") else {
        let help = "write upstream = \"http://127.0.0.1:3000\", where your API listens";
        api.findings.error(api.at, "this API has no `upstream`", help);
        return (environments, None);
    };
    let table = match &entry.node.value {
        Value::Table(table) if !is_settings(table, &declared) => table,
        _ => return (environments, one(api, "api.upstream", "`upstream`", &entry.node, folder)),
    };
    let mut default = None;
    for of in &table.entries {
        let upstream =
            one(api, &format!("api.upstream.{}", of.key), &format!("the upstream of {:?}", of.key), &of.node, folder);
        if of.key == "default" {
            default = upstream;
        } else if let Some(environment) = environments.iter_mut().find(|e| *e.name == *of.key) {
            environment.upstream = upstream;
        } else if format.is_some() {
            let help = match closest(&of.key, declared.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("the environments of [api.key] are: {}; `default` takes the rest", declared.join(", ")),
            };
            api.findings.error(&of.key_at, format!("{:?} is not an environment of this API", of.key), help);
        }
    }
    warn_of_lacking(api, entry, table, &environments);
    (environments, default)
}

/// A table says how one upstream is treated if it says where its servers are, or as much as tries to; otherwise it names environments.
fn is_settings(table: &Table, declared: &[&str]) -> bool {
    let names_environments = table.entries.iter().any(|entry| entry.key == "default" || declared.contains(&&*entry.key));
    let has_servers = table.get("servers").is_some() && !declared.contains(&"servers");
    has_servers || (!names_environments && settings::are_meant(table))
}

/// One upstream: an origin, a list of them, or a table with more to say.
fn one(api: &Section<'_>, name: &str, what: &str, node: &Node, folder: &Path) -> Option<Arc<Upstream>> {
    if let Some(section) = section_of(node, name.to_owned(), api.findings) {
        let upstream = settings::read(&section, folder);
        section.finish();
        return upstream.map(Arc::new);
    }
    settings::read_servers(node, what, api.findings).map(|servers| Arc::new(Upstream::of(servers)))
}

fn warn_of_lacking(api: &Section<'_>, entry: &Entry, table: &Table, environments: &[Environment]) {
    if table.get("default").is_some() {
        return;
    }
    for lacking in environments.iter().filter(|environment| table.get(&environment.name).is_none()) {
        let help = format!("write {} = \"http://…\", or `default` for all that have none", lacking.name);
        api.findings.error(&entry.key_at, format!("the environment {:?} has no upstream", lacking.name), help);
    }
}

/// The most bytes that a body may have, for an API or one of its routes; `None` where it says nothing.
pub(super) fn read_body_limit(section: &Section<'_>) -> Option<u64> {
    section.size("body_limit", 0..=u64::MAX)
}

/// Those of an API, which hold where a route says nothing else.
pub(super) fn read_timeouts(api: &Section<'_>) -> UpstreamTimeouts {
    read_timeouts_over(api, UpstreamTimeouts::default()).unwrap_or_default()
}

/// Those that a section sets in a table, and for the rest others; `None` if it sets none.
pub(super) fn read_timeouts_over(section: &Section<'_>, default: UpstreamTimeouts) -> Option<UpstreamTimeouts> {
    let timeouts = section.section("timeouts")?;
    let read = |key, default| settings::duration(&timeouts, key, Duration::from_millis(1)).unwrap_or(default);
    let read = UpstreamTimeouts {
        connect: read("connect", default.connect),
        response_head: read("response_head", default.response_head),
        response_idle: read("response_idle", default.response_idle),
        upgraded_idle: read("upgraded_idle", default.upgraded_idle),
    };
    timeouts.finish();
    Some(read)
}
