//! `[api.limits]`, `[api.plans.NAME]` and `[api.limit_headers]`: how much keys may do, and how their holders learn of it.

use bitting_core::dialect::{LimitHeaders, ResetFormat};
use bitting_core::limit::{Limit, LimitScope, LimitSpec, MOST, Pace, Plan, Plans};
use bitting_core::name::Names;
use bitting_core::route::RouteTable;

use super::key::is_name;
use crate::config::document::Entry;
use crate::config::problem::Location;
use crate::config::section::{Findings, Section, closest, section_of, text_of};

/// The plan of accounts where the configuration declares none.
const ONLY_PLAN: &str = "default";

/// Reads the plans. The limits of `[api.limits]` are part of each; a plan's own limit of the same name replaces them. Keys of all
/// plans may renew if that is the rule, but for those that say otherwise.
pub(super) fn read_plans(api: &Section<'_>, renewal: bool, names: &Names) -> Plans {
    let common = api.section("limits").map_or_else(Vec::new, |section| read_limits(&section, "api.limits", names));
    let mut plans: Vec<(&Location, Plan)> = Vec::new();
    if let Some(section) = api.section("plans") {
        for entry in section.rest() {
            if !is_name(&entry.key) {
                let help = "write small letters, digits, \"-\" and \"_\"";
                section.findings.error(&entry.key_at, format!("{:?} cannot name a plan", entry.key), help);
                continue;
            }
            let path = format!("api.plans.{}", entry.key);
            let Some(plan) = section_of(&entry.node, path.clone(), section.findings) else {
                let message = format!("`{}` in [api.plans] is {}", entry.key, entry.node.value.kind());
                section.findings.error(&entry.node.at, message, format!("write a table, as in [{path}]"));
                continue;
            };
            let renewal = plan.boolean("auto_renewal").unwrap_or(renewal);
            let limits = common.iter().cloned().chain(read_limits(&plan, &path, names));
            plans.push((&entry.key_at, Plan::new(&entry.key, limits.collect(), names).renewing(renewal)));
        }
    }
    let keys_may_exceed = api.choice("key_limits", &[("tighten", false), ("replace", true)]).unwrap_or_default();
    let first = api.text("default_plan").and_then(|chosen| {
        let position = plans.iter().position(|(_, plan)| &*plan.name == chosen.value);
        if position.is_none() {
            let help = match closest(chosen.value, plans.iter().map(|(_, plan)| &*plan.name)) {
                Some(close) => format!("did you mean {close:?}?"),
                None => format!("declare it as [api.plans.{}], or name another", chosen.value),
            };
            api.findings.error(chosen.at, format!("there is no plan {:?}", chosen.value), help);
        }
        position
    });
    if plans.is_empty() {
        return Plans::new(Plan::new(ONLY_PLAN, common, names).renewing(renewal), Vec::new(), keys_may_exceed);
    }
    let (_, fallback) = plans.remove(first.unwrap_or(0));
    Plans::new(fallback, plans.into_iter().map(|(_, plan)| plan).collect(), keys_may_exceed)
}

/// Reads limits by their names.
fn read_limits(section: &Section<'_>, path: &str, names: &Names) -> Vec<Limit> {
    section.rest().into_iter().filter_map(|entry| read_limit(entry, path, names, section.findings)).collect()
}

fn read_limit(entry: &Entry, path: &str, names: &Names, findings: &Findings) -> Option<Limit> {
    if !is_name(&entry.key) {
        let help = "write small letters, digits, \"-\" and \"_\"";
        findings.error(&entry.key_at, format!("{:?} cannot name a limit", entry.key), help);
        return None;
    }
    let spec = match (text_of(&entry.node), section_of(&entry.node, format!("{path}.{}", entry.key), findings)) {
        (Some(text), _) => {
            let read = text.value.split_once('/').and_then(|(requests, per)| {
                let allowed = requests.trim().parse().ok()?;
                Some((allowed, Pace::new(per.trim(), None).ok()?))
            });
            let Some((allowed, pace)) = read else {
                let message = format!("{:?} is no limit", text.value);
                findings.error(
                    text.at,
                    message,
                    "write a number and \"minute\", \"hour\", \"day\" or \"month\", as in \"1000/hour\"",
                );
                return None;
            };
            LimitSpec { name: entry.key.as_str().into(), allowed, pace, scope: LimitScope::Key, is_quota: false }
        }
        (None, Some(table)) => {
            let spec = read_table(&table, &entry.key);
            table.finish();
            spec?
        }
        (None, None) => {
            let message = format!("`{}` in [{path}] is {}", entry.key, entry.node.value.kind());
            findings.error(&entry.node.at, message, "write \"1000/hour\", or { requests = 1000, per = \"hour\" }");
            return None;
        }
    };
    match Limit::new(spec, names) {
        Ok(limit) => Some(limit),
        Err(error) => {
            let text = error.to_string();
            let (message, help) = text.split_once("; ").unwrap_or((&text, "write another"));
            findings.error(&entry.node.at, message, help);
            None
        }
    }
}

fn read_table(table: &Section<'_>, name: &str) -> Option<LimitSpec> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let number = |key| table.number(key, 1..=most).and_then(|number| u64::try_from(number.value).ok());
    if table.place("requests").is_none() {
        table.findings.error(table.at, "this limit does not say how much", "write requests = 1000");
    }
    let (allowed, burst) = (number("requests"), number("burst"));
    let per = table.required_text("per", "\"hour\"");
    let scopes = [("key", LimitScope::Key), ("account", LimitScope::Account), ("api", LimitScope::Api)];
    let scope = table.choice("scope", &scopes).unwrap_or(LimitScope::Key);
    let is_quota = table.boolean("quota").unwrap_or_default();
    // A burst that cannot be read is an error of its own.
    let burst = if table.place("burst").is_some() { Some(burst?) } else { None };
    let per = per?;
    let pace = Pace::new(per.value, burst).map_err(|error| {
        let text = error.to_string();
        let (message, help) = text.split_once("; ").unwrap_or((&text, "write another"));
        table.findings.error(per.at, message, help);
    });
    Some(LimitSpec { name: name.into(), allowed: allowed?, pace: pace.ok()?, scope, is_quota })
}

/// Warns of routes that some plan never lets through.
pub(super) fn warn_of_costs(api: &Section<'_>, plans: &Plans, routes: &RouteTable) {
    let routes = routes.rules().map(|(_, _, route)| route).chain([routes.default()]);
    let Some(dearest) = routes.max_by_key(|route| route.cost) else { return };
    for plan in plans {
        let narrow = plan.limits().iter().find(|limit| dearest.cost > limit.pace.capacity(limit.allowed));
        if let Some(limit) = narrow {
            let what = format!(
                "{} costs {}, more than the limit {:?} of the plan {:?} ever allows at once",
                dearest.label, dearest.cost, limit.name, plan.name
            );
            api.findings.warning(
                api.at,
                what,
                "requests there are answered cost_exceeds_limit; raise the limit or lower `cost`",
            );
        }
    }
}

/// Reads how callers learn of limits; `false` leaves a header out.
pub(super) fn read_headers(api: &Section<'_>, plans: &Plans) -> LimitHeaders {
    let default = LimitHeaders::default();
    let Some(section) = api.section("limit_headers") else { return default };
    let name = |key, default| section.header(key, default);
    let (limit, remaining) = (name("limit", default.limit), name("remaining", default.remaining));
    let reset = name("reset", default.reset);
    let formats = [("unix", ResetFormat::Unix), ("seconds", ResetFormat::Seconds), ("rfc3339", ResetFormat::Rfc3339)];
    let reset_format = section.choice("reset_format", &formats).unwrap_or(default.reset_format);
    let shows = section.text("shows").map(|shows| {
        let limits = || plans.iter().flat_map(Plan::limits);
        if !limits().any(|limit| *limit.name == *shows.value) {
            let help = match closest(shows.value, limits().map(|limit| &*limit.name)) {
                Some(close) => format!("did you mean {close:?}?"),
                None => "name a limit of a plan".to_owned(),
            };
            section.findings.error(shows.at, format!("there is no limit {:?}", shows.value), help);
        }
        shows.value.into()
    });
    let standard = section.boolean("standard").unwrap_or_default();
    section.finish();
    LimitHeaders { limit, remaining, reset, reset_format, shows, standard }
}
