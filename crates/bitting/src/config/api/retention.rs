//! How long what happened is kept.

use std::time::Duration;

use super::Section;

/// How long usage is kept where nothing is said: a year and a month, to compare with.
const USAGE: Duration = Duration::from_hours(24 * 396);

/// How long events are.
const EVENTS: Duration = Duration::from_hours(24 * 90);

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// A month.
const LEAST: Duration = Duration::from_hours(24 * 31);

/// Reads how long usage is kept.
pub(super) fn read_usage(api: &Section<'_>) -> Duration {
    let what = "usage would be forgotten before its month is over";
    let help = "write at least \"31d\": a key shows what was used of it since the first of the month";
    read(api, "usage_retention", USAGE, (what, help))
}

/// Reads how long events are kept.
/// `notice` is how long before its end a key is told of at the earliest: what is forgotten would be told again.
pub(super) fn read_events(api: &Section<'_>, notice: Duration) -> Duration {
    let what = "events would be forgotten before they are over";
    let help = "write at least \"31d\": that a key comes to its end is told a month before, and once";
    let retention = read(api, "event_retention", EVENTS, (what, help));
    if retention >= LEAST && retention <= notice {
        let at = api.place("event_retention").or_else(|| api.place("lifecycle")).unwrap_or(api.at);
        let what = format!(
            "events are kept for {} days, and keys are told of {} days before their end",
            retention.as_secs() / DAY,
            notice.as_secs() / DAY
        );
        api.findings.error(at, what, "write a longer `event_retention`, or they would be told of twice");
    }
    retention
}

fn read(api: &Section<'_>, key: &'static str, default: Duration, (what, help): (&str, &str)) -> Duration {
    let retention = api.duration(key).unwrap_or(default);
    if let (true, Some(at)) = (retention < LEAST, api.place(key)) {
        api.findings.error(at, what, help);
    }
    retention
}
