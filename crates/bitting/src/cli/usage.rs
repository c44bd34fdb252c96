//! `bitting usage`

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, UsageReport, UsageStep, WallClock};
use bitting_store::{UsageQuery, Whose};
use serde_json::{Value, json};

use super::context::Context;
use super::options::{ShowUsage, UsagePer};
use super::output::{note, say, say_json};
use crate::failure::{Failure, FailureKind};

/// How wide the longest bar is.
const WIDTH: u64 = 50;

const PASSED: Style = AnsiColor::Green.on_default();
const REFUSED: Style = AnsiColor::Red.on_default();

/// Shows what was used.
pub(super) async fn run(context: &Context, options: ShowUsage, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let step = match options.per {
        UsagePer::Hour => UsageStep::Hour,
        UsagePer::Day => UsageStep::Day,
    };
    let (from, until) = step.span(options.from, options.until, WallClock.now());
    if until <= from {
        return Err(Failure::of(FailureKind::Refused, "--until must lie after --from"));
    }
    let whose = match (options.key, options.account) {
        (Some(key), _) => Whose::Key(key),
        (None, Some(account)) => Whose::Account(account),
        (None, None) => Whose::Api,
    };
    let (environment, route) = (options.environment.map(Into::into), options.route.map(Into::into));
    let query = UsageQuery { api: api.name.clone(), environment, whose, route, from, until };
    let report = context.owner.usage(query, step).await?;
    if options.csv {
        return say(report.csv().trim_end());
    }
    if json {
        let row = |row: &bitting_store::UsageRow| json!({"at": row.hour, "route": row.route, "outcome": row.outcome, "requests": row.count});
        let data: Vec<Value> = report.rows.iter().map(row).collect();
        return say_json(&json!({"api": *api.name, "from": from, "until": until, "data": data}));
    }
    say(&chart(&report, step, (from, until)))?;
    let refused = refusals(&report);
    if !refused.is_empty() {
        say(&format!("\nrefused or failed: {refused}"))?;
    }
    if report.rows.is_empty() {
        note("nothing was used in this time");
    }
    Ok(())
}

/// A bar for each hour or day: what went through, and what was refused or failed.
fn chart(report: &UsageReport, step: UsageStep, (from, until): (Timestamp, Timestamp)) -> String {
    let mut bars: BTreeMap<Timestamp, (u64, u64)> = BTreeMap::new();
    let mut at = from;
    while at < until {
        bars.insert(at, (0, 0));
        at = at.plus(step.length());
    }
    for row in &report.rows {
        let (passed, refused) = bars.entry(row.hour).or_default();
        let part = if is_passed(&row.outcome) { passed } else { refused };
        *part = part.saturating_add(row.count);
    }
    let most = bars.values().map(|(passed, refused)| passed.saturating_add(*refused)).max().unwrap_or(0).max(1);
    let scaled = |count: u64| usize::try_from(u128::from(count) * u128::from(WIDTH) / u128::from(most)).unwrap_or(0);
    // Whatever happened at all is seen.
    let length = |count: u64| scaled(count).max(usize::from(count > 0));
    let line = |(at, (passed, refused)): (&Timestamp, &(u64, u64))| {
        let text = at.to_string();
        let name = match step {
            UsageStep::Hour => text.get(..16).unwrap_or(&text).replace('T', " "),
            UsageStep::Day => text.get(..10).unwrap_or(&text).to_owned(),
        };
        let (green, red) = ("█".repeat(length(*passed)), "▒".repeat(length(*refused)));
        let mut line = format!("{name}  {PASSED}{green}{PASSED:#}{REFUSED}{red}{REFUSED:#}");
        if *passed > 0 || *refused > 0 {
            // Writing to a string does not fail.
            let _ = write!(line, " {passed}");
        }
        if *refused > 0 {
            let _ = write!(line, " + {refused} refused");
        }
        line
    };
    bars.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What was refused, the most frequent reason first.
fn refusals(report: &UsageReport) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in report.rows.iter().filter(|row| !is_passed(&row.outcome)) {
        let count = counts.entry(&row.outcome).or_default();
        *count = count.saturating_add(row.count);
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
}

fn is_passed(outcome: &str) -> bool {
    matches!(outcome, "admitted" | "answered")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_what_was_used_and_nothing_that_happened_is_too_short_to_see() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let row = |hour: &str, outcome: &str, count| bitting_store::UsageRow {
            hour: at(hour),
            route: "*".into(),
            outcome: outcome.into(),
            count,
        };
        let report = UsageReport {
            rows: vec![
                row("2026-11-20T10:00:00Z", "admitted", 100),
                row("2026-11-20T12:00:00Z", "admitted", 900),
                row("2026-11-20T12:00:00Z", "rate_limited", 100),
                row("2026-11-20T13:00:00Z", "unknown_key", 1),
            ],
        };
        let span = (at("2026-11-20T10:00:00Z"), at("2026-11-20T14:00:00Z"));
        let text = anstream::adapter::strip_str(&chart(&report, UsageStep::Hour, span)).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "2026-11-20 10:00  █████ 100");
        assert_eq!(lines[1], "2026-11-20 11:00  ");
        assert_eq!(lines[2], format!("2026-11-20 12:00  {}{} 900 + 100 refused", "█".repeat(45), "▒".repeat(5)));
        assert_eq!(lines[3], "2026-11-20 13:00  ▒ 0 + 1 refused");
        assert_eq!(refusals(&report), "100 rate_limited, 1 unknown_key");
    }
}
