//! `[api.lifecycle]`: when keys are told of, when they renew, and what ends them by itself.

use std::time::Duration;

use bitting_core::api::{Lifecycle, Policy};
use bitting_core::key::KeyFormat;
use bitting_core::limit::{Plan, Plans};

use crate::config::document::{Entry, Value};
use crate::config::problem::Location;
use crate::config::section::{Section, closest, section_of, text_of, texts_of};

/// The most notices before a key's end.
const MOST_NOTICES: usize = 8;

/// A shorter time says nothing: when a key was used last is known to the second, and services need a moment between two requests.
const LEAST_IDLE: Duration = Duration::from_mins(1);

/// Reads it, and whether the keys of every plan may renew that does not say otherwise.
pub(super) fn read(api: &Section<'_>, format: Option<&KeyFormat>, policy: &Policy) -> (Lifecycle, bool) {
    let environments: Vec<&str> = format.iter().flat_map(|f| f.environments()).map(|e| &*e.environment).collect();
    let mut lifecycle = Lifecycle {
        expiring: Lifecycle::usual_notices(policy.max_lifetime),
        rotation_of: Lifecycle::usual_rotation(&environments),
        ..Lifecycle::default()
    };
    let Some(section) = api.section("lifecycle") else { return (lifecycle, false) };
    if let Some(notices) = section.node("expiring").and_then(|entry| read_notices(&section, entry)) {
        lifecycle.expiring = notices;
    }
    if let Some(entry) = section.node("rotate_after") {
        read_rotation(&section, entry, &environments, &mut lifecycle);
    }
    let some_time = |key: &'static str| {
        let time = section.duration(key)?;
        let at = section.place(key)?;
        is_some_time(&section, at, time).then_some(time)
    };
    lifecycle.unused_after = some_time("unused_after").unwrap_or(lifecycle.unused_after);
    lifecycle.renew_before = some_time("renew_before").unwrap_or(lifecycle.renew_before);
    lifecycle.renews_new_keys = section.boolean("renew_new_keys").unwrap_or_default();
    lifecycle.end_overlap_when_unused_for = section.duration("end_overlap_when_unused_for");
    if let (Some(idle), Some(at)) = (lifecycle.end_overlap_when_unused_for, section.place("end_overlap_when_unused_for"))
        && idle < LEAST_IDLE
    {
        let help = "write at least \"1m\", better \"1h\"";
        section.findings.error(at, "a key that is used now and then would end between two requests", help);
    }
    let renewal = section.boolean("auto_renewal").unwrap_or_default();
    section.finish();
    (lifecycle, renewal)
}

/// Warns if new keys shall renew themselves and no plan lets them.
pub(super) fn warn_of_no_plan(api: &Section<'_>, lifecycle: &Lifecycle, plans: &Plans) {
    if lifecycle.renews_new_keys && !plans.iter().any(Plan::renews_keys) {
        let help = "write auto_renewal = true in a plan, or in [api.lifecycle] for all";
        api.findings.warning(
            api.place("lifecycle").unwrap_or(api.at),
            "`renew_new_keys` means nothing: no plan renews keys",
            help,
        );
    }
}

fn read_notices(section: &Section<'_>, entry: &Entry) -> Option<Vec<Duration>> {
    let Some(texts) = texts_of(&entry.node).filter(|texts| texts.len() <= MOST_NOTICES) else {
        let message = format!("`expiring` in [api.lifecycle] is {}", entry.node.value.kind());
        let help = format!("write up to {MOST_NOTICES} times, as in [\"30d\", \"7d\", \"1d\"]; [] tells of no end");
        section.findings.error(&entry.node.at, message, help);
        return None;
    };
    let mut notices: Vec<Duration> = texts.into_iter().filter_map(|text| read_time(section, text.at, text.value)).collect();
    notices.sort_unstable_by(|one, other| other.cmp(one));
    notices.dedup();
    Some(notices)
}

/// One age for all environments, or a table with an age for each that has one of its own.
fn read_rotation(section: &Section<'_>, entry: &Entry, environments: &[&str], lifecycle: &mut Lifecycle) {
    if let Some(text) = text_of(&entry.node) {
        if let Some(age) = read_time(section, text.at, text.value) {
            lifecycle.rotation = age;
            lifecycle.rotation_of.iter_mut().for_each(|(_, of)| *of = age);
        }
        return;
    }
    let (Value::Table(_), Some(table)) =
        (&entry.node.value, section_of(&entry.node, "api.lifecycle.rotate_after".to_owned(), section.findings))
    else {
        let message = format!("`rotate_after` in [api.lifecycle] is {}", entry.node.value.kind());
        section.findings.error(&entry.node.at, message, "write \"90d\", or { live = \"90d\", test = \"180d\" }");
        return;
    };
    for of in table.rest() {
        let Some((_, age)) = lifecycle.rotation_of.iter_mut().find(|(name, _)| **name == *of.key) else {
            let help = match closest(&of.key, environments.iter().copied()) {
                Some(close) => format!("did you mean {close:?}?"),
                None => format!("the API has: {}", environments.join(", ")),
            };
            section.findings.error(&of.key_at, format!("there is no environment {:?}", of.key), help);
            continue;
        };
        if let Some(text) = text_of(&of.node) {
            *age = read_time(section, text.at, text.value).unwrap_or(*age);
        } else {
            let message = format!("the age of {:?} is {}", of.key, of.node.value.kind());
            section.findings.error(&of.node.at, message, "write \"90d\"");
        }
    }
}

fn read_time(section: &Section<'_>, at: &Location, text: &str) -> Option<Duration> {
    match bitting_core::duration::parse(text) {
        Ok(time) => is_some_time(section, at, time).then_some(time),
        Err(error) => {
            section.findings.error(at, error.to_string(), "write a number and a unit, as in \"30d\" or \"12h\"");
            None
        }
    }
}

fn is_some_time(section: &Section<'_>, at: &Location, time: Duration) -> bool {
    if time.is_zero() {
        section.findings.error(at, "this is no time at all", "write a number above 0 and a unit, as in \"30d\" or \"12h\"");
    }
    !time.is_zero()
}
