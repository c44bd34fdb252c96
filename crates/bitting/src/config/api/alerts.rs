//! `[api.alerts]`: what is worth an event.

use std::time::Duration;

use bitting_core::api::{Alerts, FailureAlert};
use bitting_core::traffic::TrafficPolicy;

use crate::config::section::Section;

/// Reads what is told, which is everything that is not switched off.
pub(super) fn read(api: &Section<'_>) -> Alerts {
    let default = Alerts::default();
    let Some(section) = api.section("alerts") else { return default };
    let alerts = Alerts {
        failures: section.switchable("failures", "{ after = 10, within = \"1m\" }", read_failures),
        refused_addresses: section.boolean("refused_addresses").unwrap_or(default.refused_addresses),
        limits: section.boolean("limits").unwrap_or(default.limits),
        learning: section.switchable("new_location", "{ learning = \"7d\" }", read_learning),
        traffic: section.switchable("traffic", "{ weeks = 6, factor = 3, requests = 100 }", read_traffic),
    };
    section.finish();
    alerts
}

fn read_failures(section: Option<&Section<'_>>) -> FailureAlert {
    let default = FailureAlert::default();
    let Some(section) = section else { return default };
    let within = section.duration("within").unwrap_or(default.within);
    if let (false, Some(at)) = ((SHORTEST..=LONGEST).contains(&within), section.place("within")) {
        section.findings.error(at, "nothing is counted over such a time", "write from \"1s\" to \"1h\"");
    }
    FailureAlert { after: number(section, "after", 1..=1_000_000, default.after), within }
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(1);

fn read_learning(section: Option<&Section<'_>>) -> Duration {
    let default = Alerts::default().learning.unwrap_or_default();
    section.and_then(|section| section.duration("learning")).unwrap_or(default)
}

fn read_traffic(section: Option<&Section<'_>>) -> TrafficPolicy {
    let default = TrafficPolicy::default();
    let Some(section) = section else { return default };
    let weeks = i64::from(TrafficPolicy::LEAST_WEEKS)..=i64::from(TrafficPolicy::MOST_WEEKS);
    let small = |key, range, default: u32| u32::try_from(number(section, key, range, default.into())).unwrap_or(default);
    TrafficPolicy {
        weeks: small("weeks", weeks, default.weeks),
        factor: small("factor", 2..=1_000, default.factor),
        requests: number(section, "requests", 1..=1_000_000_000, default.requests),
    }
}

fn number(section: &Section<'_>, key: &'static str, range: std::ops::RangeInclusive<i64>, default: u64) -> u64 {
    section.number(key, range).and_then(|number| u64::try_from(number.value).ok()).unwrap_or(default)
}
