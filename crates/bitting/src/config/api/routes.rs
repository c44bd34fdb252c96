//! `[[api.route]]` and `[api.default]`: who may pass where.

use bitting_core::api::UpstreamTimeouts;
use bitting_core::dialect::Answer;
use bitting_core::name::Names;
use bitting_core::reason::Reason;
use bitting_core::rights::{Catalogue, Need};
use bitting_core::route::{Access, Leniencies, Methods, PathPattern, Route, RouteTable, Rule, Target, Upgrades};
use http::Method;

use super::answers::AnswerBook;
use super::management::Management;
use super::rights::hint;
use super::streams::read_upgrades;
use super::upstreams::{read_body_limit, read_timeouts_over};
use crate::config::problem::Location;
use crate::config::section::{At, Findings, Section, closest};

/// What routes are read with.
pub(super) struct Reader<'r, 'c> {
    pub(super) catalogue: Option<&'r Catalogue>,
    pub(super) answers: &'r AnswerBook<'c>,
    /// What routes allow that say nothing of it.
    pub(super) upgrades: &'r Upgrades,
    /// What holds for the API.
    pub(super) body_limit: u64,
    pub(super) names: &'r Names,
    /// What holds for the API.
    pub(super) timeouts: UpstreamTimeouts,
}

/// A rule and where it was written.
struct Written<'c> {
    rule: Rule,
    at: &'c Location,
}

impl<'c> Reader<'_, 'c> {
    /// Reads all rules, in order, after those for the paths that Bitting answers itself.
    pub(super) fn read(&self, api: &Section<'c>, management: Option<&Management<'c>>) -> RouteTable {
        let mut rules: Vec<Written<'c>> = reserved(api);
        rules.extend(management.into_iter().flat_map(management_rules));
        for route in api.sections("route") {
            rules.extend(self.read_rules(&route));
            route.finish();
        }
        let default = api.section("default");
        let default_at = default.as_ref().map_or(api.at, |default| default.at);
        let default = default.map_or_else(
            || self.any_key(),
            |section| {
                let route = self.read_route(&section);
                section.finish();
                route
            },
        );
        warn(api, &rules, &default, default_at);
        let told_apart = read_told_apart(api);
        RouteTable::new(rules.into_iter().map(|written| written.rule).collect(), default, told_apart)
    }

    /// One rule for each text of `match`.
    fn read_rules(&self, route: &Section<'c>) -> Vec<Written<'c>> {
        let what_holds = self.read_route(route);
        if route.place("match").is_none() {
            let help = "write match = \"GET /v1/tasks/{id}\", or several in a list";
            route.findings.error(route.at, "this route matches nothing", help);
        }
        let texts = route.texts("match").unwrap_or_default();
        let each = texts.into_iter().filter_map(|text| {
            let (methods, path) = match text.value.split_once(char::is_whitespace) {
                Some((methods, path)) => (methods, path.trim()),
                None => ("*", text.value),
            };
            let methods = At { value: methods, at: text.at }.parse::<Methods>(route.findings);
            let pattern = At { value: path, at: text.at }.parse::<PathPattern>(route.findings);
            if let Some(Methods::Some(methods)) = methods.as_ref().map(|methods| &methods.value) {
                methods.iter().for_each(|method| warn_of_method(method, text.at, route.findings));
            }
            let (methods, pattern) = (methods?.value, pattern?.value);
            Some(Written { rule: Rule { methods, pattern, route: what_holds.clone() }, at: text.at })
        });
        each.collect()
    }

    fn read_route(&self, section: &Section<'c>) -> Route {
        let need = self.read_need(section);
        let words = [("public", Word::Public), ("optional", Word::Optional), ("key", Word::Key), ("closed", Word::Closed)];
        let access = section.choice("access", &words).unwrap_or(Word::Key);
        if let (Word::Public | Word::Closed, Some(at)) = (access, section.place("needs")) {
            let help = "remove `needs`, or write access = \"key\" or \"optional\"";
            section.findings.error(at, "nobody's rights are looked at on this route", help);
        }
        let most = i64::try_from(bitting_core::limit::MOST).unwrap_or(i64::MAX);
        let cost = section.number("cost", 0..=most).and_then(|cost| u64::try_from(cost.value).ok()).unwrap_or(1);
        let encoded_slash = section.choice("encoded_slash", &[("refuse", false), ("data", true)]).unwrap_or_default();
        Route {
            access: match access {
                Word::Public => Access::Public,
                Word::Optional => Access::Optional(need),
                Word::Key => Access::Key(need),
                Word::Closed => Access::Closed,
            },
            denied: self.read_denied(section),
            encoded_slash_is_data: encoded_slash,
            cost,
            timeouts: read_timeouts_over(section, self.timeouts).map(Box::new),
            body_limit: read_body_limit(section).unwrap_or(self.body_limit),
            upgrades: read_upgrades(section).unwrap_or_else(|| self.upgrades.clone()),
            ..Route::new(Access::Closed, Target::Upstream)
        }
    }

    fn read_need(&self, section: &Section<'_>) -> Need {
        self.need_of(section, "needs")
    }

    /// Where no route is named and nothing is said: any good key.
    fn any_key(&self) -> Route {
        let (body_limit, upgrades) = (self.body_limit, self.upgrades.clone());
        Route { body_limit, upgrades, ..own_route(Access::Key(Need::default()), Target::Upstream) }
    }

    /// What a setting asks for.
    pub(super) fn need_of(&self, section: &Section<'_>, key: &'static str) -> Need {
        let asked = section.texts(key).unwrap_or_default();
        let Some(catalogue) = self.catalogue else { return Need::default() };
        let need = catalogue.need(asked.iter().map(|text| text.value), self.names);
        for unknown in need.as_ref().err().into_iter().flatten() {
            let at = asked.iter().find(|text| text.value == &*unknown.name).map_or(section.at, |text| text.at);
            section.findings.error(at, unknown.to_string(), hint(&unknown.name, catalogue));
        }
        // A route whose need cannot be read is never used: the configuration is refused.
        need.unwrap_or_default()
    }

    fn read_denied(&self, section: &Section<'c>) -> Option<Answer> {
        let entry = section.node("denied")?;
        self.answers.own_answer(Reason::InsufficientPermission, entry, section.findings)
    }
}

#[derive(Clone, Copy)]
enum Word {
    Public,
    Optional,
    Key,
    Closed,
}

fn own_route(access: Access, target: Target) -> Route {
    Route::new(access, target)
}

/// The paths that Bitting answers itself.
fn reserved<'c>(api: &Section<'c>) -> Vec<Written<'c>> {
    let any = || Access::Key(Need::default());
    let own = [
        ("health_path", Access::Public, Target::Health),
        ("whoami_path", any(), Target::Whoami),
        ("rate_limit_path", any(), Target::RateLimit),
    ];
    let each = own.into_iter().filter_map(|(key, access, target)| {
        let path = api.parsed::<PathPattern>(key)?;
        if path.value.as_str().contains(['*', '{']) {
            api.findings.error(path.at, format!("`{key}` is one path"), "write it without \"*\" and braces");
            return None;
        }
        let methods = Methods::Some([Method::GET].into());
        // To ask what is left takes nothing of it.
        let route = Route { cost: 0, ..own_route(access, target) };
        Some(Written { rule: Rule { methods, pattern: path.value, route }, at: path.at })
    });
    each.collect()
}

/// Reading keys and changing them, at the path and below it.
fn management_rules<'c>(management: &Management<'c>) -> Vec<Written<'c>> {
    let below = format!("{}/*", management.path.value.as_str()).parse::<PathPattern>();
    let Ok(below) = below else { return Vec::new() };
    let get = Methods::Some([Method::GET].into());
    let rule = |methods, need: &Need| {
        let route = own_route(Access::Key(need.clone()), Target::Management);
        Written { rule: Rule { methods, pattern: below.clone(), route }, at: management.path.at }
    };
    vec![rule(get, &management.read), rule(Methods::All, &management.write)]
}

fn read_told_apart(api: &Section<'_>) -> Leniencies {
    let texts = api.texts("upstream_distinguishes").unwrap_or_default();
    let each = texts.into_iter().filter_map(|text| text.choose(&Leniencies::NAMED, api.findings));
    each.fold(Leniencies::NONE, |all, one| all | one)
}

/// A method of nobody's is allowed, but mostly a slip, and a rule that never matches leaves its path to another.
fn warn_of_method(method: &Method, at: &Location, findings: &Findings) {
    if REGISTERED.contains(&method.as_str()) {
        return;
    }
    let help = match closest(method.as_str(), REGISTERED.into_iter()) {
        Some(close) => format!("did you mean {close}? If it is your API's own, all is well"),
        None => "if it is your API's own, all is well".to_owned(),
    };
    findings.warning(at, format!("{method} is not a registered method"), help);
}

/// The methods of IANA's registry (<https://www.iana.org/assignments/http-methods>), the common ones first, without `PRI`,
/// which no request has.
const REGISTERED: [&str; 39] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "QUERY",
    "TRACE",
    "CONNECT",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// What the reader of the configuration might not have meant.
fn warn(api: &Section<'_>, rules: &[Written<'_>], default: &Route, default_at: &Location) {
    for (position, later) in rules.iter().enumerate() {
        let covers = |earlier: &&Written<'_>| {
            earlier.rule.methods.covers(&later.rule.methods) && earlier.rule.pattern.covers(&later.rule.pattern)
        };
        if let Some(earlier) = rules[..position].iter().find(covers) {
            let help = "put it before the rule that covers it, or remove it";
            let other = (earlier.at, "covers everything that it would match");
            api.findings.warning_with(later.at, "this route can never match", help, other);
        }
    }
    let weaker = |rule: &&Written<'_>| !is_at_least(&default.access, &rule.rule.route.access);
    if let Some(rule) = rules.iter().find(weaker) {
        let what = match default.access {
            Access::Public => "paths that no route names are public",
            Access::Optional(_) => "paths that no route names can be used without a key",
            Access::Key(_) | Access::Closed => "any key can use paths that no route names",
        };
        let help = "if that is not meant, write [api.default] with `needs`, or with access = \"closed\"";
        let other = (rule.at, "asks for more");
        api.findings.warning_with(default_at, format!("{what}, while some route asks for more"), help, other);
    }
}

/// Whether whoever passes `one` would pass `other` too.
fn is_at_least(one: &Access, other: &Access) -> bool {
    match (one, other) {
        (Access::Closed, _) | (_, Access::Public) => true,
        (Access::Key(one), Access::Key(other) | Access::Optional(other)) | (Access::Optional(one), Access::Optional(other)) => {
            one.implies(other)
        }
        (_, Access::Closed) | (Access::Public, _) | (Access::Optional(_), Access::Key(_)) => false,
    }
}
