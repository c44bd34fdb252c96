//! Bitting's own API, in the same words as any other: a file that is part of the program, and a few lines for each API that
//! operators manage. An operator's token may be limited to some of them, which is a matter of permissions like any other.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use bitting_core::api::Api;
use bitting_core::name::Names;

use super::document::{self, Node, Value};
use super::problem::Source;
use super::section::{Findings, Section};

const OWN_API: &str = include_str!("own.toml");

/// What a token can be allowed to do with one API.
const PERMISSIONS: &[&str] = &[
    "verify",
    "keys:read",
    "keys:write",
    "accounts:read",
    "accounts:write",
    "audit:read",
    "events:read",
    "usage:read",
    "bans:read",
    "bans:write",
    "webhooks:read",
    "webhooks:write",
    "portal:write",
    "leaks:write",
];

/// What can be managed of an API: the path below it, what reading it needs and what changing it needs.
const MANAGED: &[(&str, &str, &str)] = &[
    ("api-keys/*", "keys:read", "keys:write"),
    ("api-keys:import", "keys:write", "keys:write"),
    ("api-keys:revoke", "keys:write", "keys:write"),
    ("accounts/*", "accounts:read", "accounts:write"),
    ("audit-log", "audit:read", "audit:read"),
    ("events/*", "events:read", "events:read"),
    ("usage", "usage:read", "usage:read"),
    ("bans/*", "bans:read", "bans:write"),
    ("webhooks/*", "webhooks:read", "webhooks:write"),
    ("portal-sessions", "portal:write", "portal:write"),
    ("leak-reports", "leaks:write", "leaks:write"),
];

/// The dashboard's pages.
const PAGES: [&str; 10] =
    ["/", "/sign-in/*", "/sign-out", "/link", "/theme", "/assets/*", "/apis/*", "/members/*", "/you/*", "/llms.txt"];

/// Reads it for the configured APIs. A test sees to it that nothing is wrong with it.
/// `paths` are those that lead to an API's page of keys.
pub(super) fn read(names: &Names, apis: &[&str], paths: &[&str]) -> Option<Api> {
    let source = Arc::new(Source { name: "own.toml".to_owned(), text: text(apis, paths) });
    let Node { value, at } = document::parse(&source, &mut Vec::new());
    let Value::Table(table) = &value else { return None };
    let findings = Findings::default();
    let root = Section::new("", table, &at, &findings);
    root.sections("api").first().and_then(|section| super::api::read(section, names, Path::new(""), true))
}

fn text(apis: &[&str], paths: &[&str]) -> String {
    let mut text = OWN_API.to_owned();
    let mut add = |line: String| {
        // Writing into a string succeeds.
        let _ = writeln!(text, "{line}");
    };
    for api in apis {
        for permission in PERMISSIONS {
            add(format!("\"{api}:{permission}\" = \"The same, for {api} alone\""));
        }
    }
    let route = |matches: &str, rule: &str| format!("\n[[api.route]]\nmatch = \"{matches}\"\n{rule}");
    // Rules for all methods: that there is nothing but GET is for the router to say, with a 405.
    for path in ["/openapi.json", "/healthz", "/readyz", "/metrics"] {
        add(route(path, "access = \"public\""));
    }
    // People sign in there; the dashboard asks for it itself.
    for path in PAGES.iter().chain(paths) {
        add(route(path, "access = \"public\"\nencoded_slash = \"data\""));
    }
    // For which API is said in the body, so the handler asks for the permission.
    add(route("/v1/verify", "access = \"key\""));
    for api in apis {
        for (path, read, write) in MANAGED {
            // An account's id may have a slash.
            let rule = |need: &str| format!("needs = \"{api}:{need}\"\nencoded_slash = \"data\"");
            add(route(&format!("GET /v1/apis/{api}/{path}"), &rule(read)));
            add(route(&format!("/v1/apis/{api}/{path}"), &rule(write)));
        }
    }
    text
}
