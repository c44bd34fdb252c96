//! `upstream` and `[api.timeouts]`: where the API itself is, and how long to wait for it.

use std::time::Duration;

use bitting_core::api::{Environment, Upstream, UpstreamTimeouts};
use bitting_core::key::KeyFormat;
use bitting_core::name::{NameKind, Names};
use http::HeaderValue;

use crate::config::document::Value;
use crate::config::section::{Section, closest, text_of};

/// One origin for all, or a table of environments with an origin each; `default` takes what belongs to no environment.
pub(super) fn read(api: &Section<'_>, format: Option<&KeyFormat>, names: &Names) -> (Vec<Environment>, Option<Upstream>) {
    let declared: Vec<&str> = format.iter().flat_map(|f| f.environments()).map(|e| &*e.environment).collect();
    let environment = |name: &str, upstream: Option<Upstream>| Environment {
        id: names.intern(NameKind::Environment, name),
        header: HeaderValue::from_str(name).unwrap_or(HeaderValue::from_static("")),
        name: name.into(),
        upstream,
    };
    let mut environments: Vec<Environment> = declared.iter().map(|name| environment(name, None)).collect();
    let Some(entry) = api.node("upstream") else {
        let help = "write upstream = \"http://127.0.0.1:3000\", where your API listens";
        api.findings.error(api.at, "this API has no `upstream`", help);
        return (environments, None);
    };
    let Value::Table(table) = &entry.node.value else {
        let Some(text) = text_of(&entry.node) else {
            let help = "write \"http://127.0.0.1:3000\", or one for each environment in a table";
            api.findings.error(&entry.node.at, format!("`upstream` is {}", entry.node.value.kind()), help);
            return (environments, None);
        };
        return (environments, text.parse(api.findings).map(|upstream| upstream.value));
    };
    let mut default = None;
    for of in &table.entries {
        let Some(text) = text_of(&of.node) else {
            let message = format!("the upstream of {:?} is {}", of.key, of.node.value.kind());
            api.findings.error(&of.node.at, message, "write \"http://127.0.0.1:3000\"");
            continue;
        };
        let upstream = text.parse::<Upstream>(api.findings).map(|upstream| upstream.value);
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
    for lacking in environments.iter().filter(|e| e.upstream.is_none() && default.is_none()) {
        let help = format!("write {} = \"http://…\", or `default` for all that have none", lacking.name);
        api.findings.error(&entry.key_at, format!("the environment {:?} has no upstream", lacking.name), help);
    }
    (environments, default)
}

pub(super) fn read_timeouts(api: &Section<'_>) -> UpstreamTimeouts {
    let default = UpstreamTimeouts {
        connect: Duration::from_secs(5),
        response_head: Duration::from_mins(1),
        upgraded_idle: Duration::from_hours(1),
    };
    let Some(timeouts) = api.section("timeouts") else { return default };
    let read = UpstreamTimeouts {
        connect: timeouts.duration("connect").unwrap_or(default.connect),
        response_head: timeouts.duration("response_head").unwrap_or(default.response_head),
        upgraded_idle: timeouts.duration("upgraded_idle").unwrap_or(default.upgraded_idle),
    };
    timeouts.finish();
    read
}
