//! What was used: of an account, of an API, or of one key.

use std::collections::BTreeMap;

use askama::Template;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_engine::UsageStep;
use bitting_store::UsageRow;

use super::gauge::percent;
use super::links::{ApiLinks, with_query};
use super::refusal::reason_words;
use super::rights::capitalised;
use super::{Chart, Frame, Moment, RefusalLine, Tally, thousands};

/// The page.
#[derive(Template)]
#[template(path = "dashboard/usage/page.html", whitespace = "minimize")]
pub(crate) struct UsagePage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) asked: UsageAsked,
    /// Whose usage it is, in words.
    pub(crate) whose: String,
    pub(crate) environments: Vec<String>,
    pub(crate) from: Timestamp,
    /// The last moment that is counted.
    pub(crate) until: Timestamp,
    pub(crate) chart: Chart,
    pub(crate) tally: Tally,
    /// As much time before.
    pub(crate) before: Tally,
    pub(crate) reasons: Vec<Share>,
    pub(crate) routes: Vec<Share>,
    pub(crate) keys: Vec<Share>,
    /// The last times that something was refused.
    pub(crate) refusals: Vec<(String, String, RefusalLine)>,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct UsageAsked {
    pub(crate) range: String,
    pub(crate) env: String,
    pub(crate) account: String,
    pub(crate) key: String,
}

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Day,
    Week,
    Month,
}

/// One of several, and how much of all it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// What it is, in words.
    pub(crate) name: String,
    /// The same for programs.
    pub(crate) code: String,
    /// Where it is shown.
    pub(crate) href: Option<String>,
    pub(crate) count: u64,
    /// Of the largest, for the bar.
    width: String,
    /// Of all, in words.
    part: String,
    is_limit: bool,
}

struct Choice {
    label: String,
    href: String,
    is_current: bool,
}

impl Range {
    const EVERY: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// That of a query; the month where nothing is said.
    pub(crate) fn read(value: &str) -> Self {
        Self::EVERY.into_iter().find(|range| range.value() == value).unwrap_or(Self::Month)
    }

    fn value(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
        }
    }

    /// What a bar stands for.
    pub(crate) fn step(self) -> UsageStep {
        if self == Self::Day { UsageStep::Hour } else { UsageStep::Day }
    }

    /// How many bars there are.
    pub(crate) fn steps(self) -> u32 {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
        }
    }

    /// The time that is meant, up to the end of the present step, and as much before.
    pub(crate) fn spans(self, now: Timestamp) -> (Timestamp, Timestamp, Timestamp) {
        let step = self.step();
        let until = step.start(now).plus(step.length());
        let length = i64::try_from((step.length() * self.steps()).as_millis()).unwrap_or(i64::MAX);
        let from = Timestamp::from_millis(until.as_millis() - length);
        (Timestamp::from_millis(from.as_millis() - length), from, until)
    }
}

impl UsageAsked {
    pub(crate) fn range(&self) -> Range {
        Range::read(&self.range)
    }

    /// A link to the page or the file of this.
    pub(crate) fn link(&self, path: &str) -> String {
        let Self { range, env, account, key } = self;
        with_query(path, &[("range", Some(range)), ("env", Some(env)), ("account", Some(account)), ("key", Some(key))])
    }
}

impl Share {
    /// The most lines of a list.
    pub(crate) const MOST: usize = 8;

    /// The largest of some counts that together are all there is, largest first.
    pub(crate) fn ranked(counts: Vec<(String, String, Option<String>, u64)>, is_limit: impl Fn(&str) -> bool) -> Vec<Self> {
        let all = counts.iter().map(|(.., count)| *count).fold(0, u64::saturating_add);
        Self::ranked_of(all, counts, is_limit)
    }

    /// The same where there may be more than those given.
    pub(crate) fn ranked_of(
        all: u64,
        mut counts: Vec<(String, String, Option<String>, u64)>,
        is_limit: impl Fn(&str) -> bool,
    ) -> Vec<Self> {
        counts.sort_by(|one, other| other.3.cmp(&one.3).then_with(|| one.0.cmp(&other.0)));
        let largest = counts.first().map_or(0, |(.., count)| *count);
        let share = |(name, code, href, count): (String, String, Option<String>, u64)| Self {
            width: percent(count, largest),
            part: format!("{}%", count.saturating_mul(200).saturating_add(all).checked_div(all.saturating_mul(2)).unwrap_or(0)),
            is_limit: is_limit(&code),
            name,
            code,
            href,
            count,
        };
        counts.into_iter().take(Self::MOST).map(share).collect()
    }

    fn number(&self) -> String {
        thousands(self.count)
    }
}

impl UsagePage {
    /// Why requests were refused.
    pub(crate) fn reasons(rows: &[UsageRow]) -> Vec<Share> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| !matches!(&*row.outcome, "admitted" | "answered")) {
            let count = counts.entry(&row.outcome).or_default();
            *count = count.saturating_add(row.count);
        }
        let named = |(outcome, count): (&str, u64)| {
            let words =
                Reason::ALL.iter().find(|reason| reason.name() == outcome).map_or(outcome, |reason| reason_words(*reason));
            (words.to_owned(), outcome.to_owned(), None, count)
        };
        let is_limit = |code: &str| matches!(code, "rate_limited" | "quota_exceeded" | "cost_exceeds_limit");
        Share::ranked(counts.into_iter().map(named).collect(), is_limit)
    }

    /// Which routes were asked for most.
    pub(crate) fn routes(rows: &[UsageRow]) -> Vec<Share> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for row in rows {
            let count = counts.entry(&row.route).or_default();
            *count = count.saturating_add(row.count);
        }
        let named = |(route, count): (&str, u64)| {
            let name = if route.is_empty() { "No route" } else { route };
            (name.to_owned(), route.to_owned(), None, count)
        };
        Share::ranked(counts.into_iter().map(named).collect(), |_| false)
    }

    fn ranges(&self) -> Vec<Choice> {
        let choice = |range: Range| Choice {
            label: range.label().to_owned(),
            href: UsageAsked { range: range.value().to_owned(), ..self.asked.clone() }.link(&self.links.usage()),
            is_current: self.asked.range() == range,
        };
        Range::EVERY.map(choice).into()
    }

    fn environment_choices(&self) -> Vec<Choice> {
        let all = std::iter::once(("", "All".to_owned()));
        let each = self.environments.iter().map(|name| (name.as_str(), capitalised(name)));
        let choice = |(env, label): (&str, String)| Choice {
            label,
            href: UsageAsked { env: env.to_owned(), ..self.asked.clone() }.link(&self.links.usage()),
            is_current: self.asked.env == env,
        };
        all.chain(each).map(choice).collect()
    }

    fn period(&self) -> (Moment, Moment) {
        (Moment::day(self.from), Moment::day(self.until))
    }

    fn csv(&self) -> String {
        self.asked.link(&self.links.usage_csv())
    }

    fn requests(&self) -> String {
        thousands(self.tally.all())
    }

    /// More or less than in the time before.
    fn change(&self) -> String {
        let (now, before) = (self.tally.all(), self.before.all());
        let span = self.asked.range().label();
        match now.abs_diff(before).saturating_mul(100).checked_div(before) {
            None => format!("none in the {span} before"),
            Some(0) => format!("as many as in the {span} before"),
            Some(change) => format!("{change}% {} than in the {span} before", if now > before { "more" } else { "less" }),
        }
    }

    fn refused_share(&self) -> String {
        let tenths = self.tally.turned_away().saturating_mul(1_000).checked_div(self.tally.all()).unwrap_or(0);
        format!("{}.{}%", tenths / 10, tenths % 10)
    }

    fn refused(&self) -> String {
        super::plural(self.tally.turned_away(), "request")
    }

    fn limited(&self) -> String {
        thousands(self.tally.limited)
    }

    fn step(&self) -> &'static str {
        if self.asked.range() == Range::Day { "an hour" } else { "a day" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_with_the_present_step_and_has_one_of_the_same_length_before_it() {
        let now = "2026-11-20T17:15:30Z".parse().unwrap();
        let text = |range: Range| {
            let (before, from, until) = range.spans(now);
            format!("{before} {from} {until}")
        };
        assert_eq!(text(Range::Day), "2026-11-18T18:00:00Z 2026-11-19T18:00:00Z 2026-11-20T18:00:00Z");
        assert_eq!(text(Range::Week), "2026-11-07T00:00:00Z 2026-11-14T00:00:00Z 2026-11-21T00:00:00Z");
        assert_eq!(text(Range::Month), "2026-09-22T00:00:00Z 2026-10-22T00:00:00Z 2026-11-21T00:00:00Z");
        assert_eq!((Range::read("7d"), Range::read("?")), (Range::Week, Range::Month));
    }

    #[test]
    fn reasons_are_ranked_and_measured_by_the_commonest() {
        let row = |outcome: &str, count| UsageRow {
            hour: Timestamp::from_millis(0),
            route: "GET /a".into(),
            outcome: outcome.into(),
            count,
        };
        let rows = [row("admitted", 900), row("expired_key", 30), row("rate_limited", 60), row("expired_key", 10)];
        let found: Vec<String> = UsagePage::reasons(&rows)
            .iter()
            .map(|share| format!("{} {} {} {}", share.name, share.count, share.width, share.part))
            .collect();
        assert_eq!(found, ["Over the limit 60 100.00% 60%", "Expired key 40 66.67% 40%"]);
    }
}
