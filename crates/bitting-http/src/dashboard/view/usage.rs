//! Usage: how many requests there were, which were refused and why, which keys and routes are busy.

use askama::Template;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_engine::UsageStep;
use bitting_store::UsageRow;

use super::gauge::percent;
use super::links::with_query;
use super::refusal::reason_words;
use super::rights::capitalised;
use super::{ApiLinks, Chart, Frame, Moment, Outcome, Place, Tally, plural, thousands};

/// The time that is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Range {
    /// 24 hours, by the hour.
    Day,
    /// 7 days, by the day.
    Week,
    /// 30 days, by the day.
    #[default]
    Month,
}

/// What the address of the page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UsageAsked {
    pub(crate) range: Range,
    /// One environment; `None` is all of them.
    pub(crate) environment: Option<String>,
    /// One account, for those who see several.
    pub(crate) account: Option<String>,
}

/// What was counted.
pub(crate) struct UsageParts {
    pub(crate) asked: UsageAsked,
    /// The rows of the time that is shown, and of as long a time before it, where that was kept.
    pub(crate) rows: Vec<UsageRow>,
    pub(crate) before: Option<Vec<UsageRow>>,
    /// The environments to choose from.
    pub(crate) environments: Vec<String>,
    /// The busiest keys, the busiest first.
    pub(crate) busiest: Vec<BusyKey>,
    /// When limits were hit of late, the latest first.
    pub(crate) hits: Vec<LimitHit>,
    /// Whose usage it is, as in "All keys of Northwind Logistics".
    pub(crate) whose: String,
    pub(crate) now: Timestamp,
}

/// A key and how much it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BusyKey {
    pub(crate) name: String,
    /// As much of it as is shown.
    pub(crate) prefix: String,
    pub(crate) href: String,
    pub(crate) requests: u64,
}

/// Requests that a limit refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitHit {
    /// When the last of them came.
    pub(crate) at: Timestamp,
    /// The key's name and page, where one is known.
    pub(crate) key: Option<(String, String)>,
    /// The limit in words.
    pub(crate) limit: String,
    pub(crate) times: u64,
}

/// The page.
#[derive(Template)]
#[template(path = "dashboard/usage/usage.html", whitespace = "minimize")]
pub(crate) struct UsagePage {
    frame: Frame,
    asked: UsageAsked,
    whose: String,
    span: String,
    usage: String,
    csv: String,
    keys: String,
    environments: Vec<String>,
    total: Tally,
    /// How many requests there were before, where that is known.
    before: Option<u64>,
    chart: Chart,
    reasons: Vec<Share>,
    busiest: Vec<Share>,
    routes: Vec<Share>,
    hits: Vec<HitLine>,
    docs_errors: Option<String>,
}

/// A line with a bar.
struct Share {
    label: String,
    /// Below it, in code.
    code: String,
    href: Option<String>,
    class: &'static str,
    width: String,
    number: String,
    percent: String,
}

struct HitLine {
    at: Moment,
    key: Option<(String, String)>,
    limit: String,
    times: String,
}

/// How many lines a list of shares has.
const MOST: usize = 8;

impl Range {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// What the address says; empty for the usual one.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// What the address means. What is none of them means the usual one.
    pub(crate) fn read(value: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.value() == value).unwrap_or_default()
    }

    fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
        }
    }

    /// In which steps it is counted.
    pub(crate) fn step(self) -> UsageStep {
        if self == Self::Day { UsageStep::Hour } else { UsageStep::Day }
    }

    /// The time that is meant: whole steps up to the present one.
    pub(crate) fn span(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let step = self.step();
        let until = step.start(now).plus(step.length());
        let steps: u32 = match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
        };
        (earlier(until, step.length() * steps), until)
    }

    /// As long a time before it.
    pub(crate) fn span_before(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let (from, until) = self.span(now);
        (earlier(from, until.since(from)), from)
    }
}

fn earlier(at: Timestamp, by: std::time::Duration) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}

impl UsageAsked {
    /// The address of this usage: of the page, or of the file behind it.
    pub(crate) fn link(&self, path: &str) -> String {
        let query =
            [("range", Some(self.range.value())), ("env", self.environment.as_deref()), ("account", self.account.as_deref())];
        with_query(path, &query)
    }
}

impl UsagePage {
    pub(crate) fn new(frame: Frame, links: &ApiLinks, parts: UsageParts) -> Self {
        let UsageParts { asked, rows, before, environments, busiest, hits, whose, now } = parts;
        let (from, until) = asked.range.span(now);
        let total = Tally::of(&rows);
        let last = earlier(until, std::time::Duration::from_millis(1));
        let before = before.map(|rows| Tally::of(&rows).all());
        let busy = |key: BusyKey| (key.name, key.prefix, Some(key.href), "ok", key.requests);
        let hit = |hit: LimitHit| HitLine {
            at: Moment::clock(hit.at, now),
            key: hit.key,
            limit: hit.limit,
            times: thousands(hit.times),
        };
        Self {
            span: match asked.range {
                Range::Day => format!("from {} to {}", Moment::clock(from, now).words(), Moment::clock(last, now).words()),
                Range::Week | Range::Month => format!("{} to {}", Moment::day(from).words(), Moment::day(last).words()),
            },
            usage: links.usage(),
            csv: asked.link(&links.usage_csv()),
            keys: links.keys(),
            environments,
            chart: Chart::new("u", &rows, asked.range.step(), from, until),
            reasons: shares(reasons(&rows), None),
            routes: shares(routes(&rows), Some(total.all())),
            busiest: shares(busiest.into_iter().map(busy).collect(), Some(total.all())),
            hits: hits.into_iter().map(hit).collect(),
            docs_errors: frame.docs.as_ref().map(|docs| format!("{docs}#errors")),
            frame: frame.at(Place::Usage),
            asked,
            whose,
            total,
            before,
        }
    }

    fn ranges(&self) -> Vec<(&'static str, String, bool)> {
        let choice = |range: Range| {
            let link = UsageAsked { range, ..self.asked.clone() }.link(&self.usage);
            (range.label(), link, range == self.asked.range)
        };
        Range::ALL.into_iter().map(choice).collect()
    }

    fn environment_choices(&self) -> Vec<(String, String, bool)> {
        let all = std::iter::once(None).chain(self.environments.iter().cloned().map(Some));
        let choice = |environment: Option<String>| {
            let label = environment.as_deref().map_or("All".to_owned(), capitalised);
            let is_current = self.asked.environment == environment;
            (label, UsageAsked { environment, ..self.asked.clone() }.link(&self.usage), is_current)
        };
        all.map(choice).collect()
    }

    fn requests(&self) -> String {
        thousands(self.total.all())
    }

    /// How that compares with as long a time before.
    fn trend(&self) -> String {
        let (now, before) = (self.total.all(), self.before);
        let time = self.asked.range.label();
        match before {
            Some(before) if before > 0 => {
                let change = now.abs_diff(before).saturating_mul(100) / before;
                let word = if now >= before { "more" } else { "less" };
                match change {
                    0 => format!("as many as in the {time} before"),
                    _ => format!("{}% {word} than in the {time} before", thousands(change)),
                }
            }
            _ => String::new(),
        }
    }

    fn refused_share(&self) -> String {
        let share = percent(self.total.turned_away(), self.total.all());
        // One digit tells enough, and a few refusals are never none.
        let tenths = self.total.turned_away().saturating_mul(1_000) / self.total.all().max(1);
        match tenths {
            0 if self.total.turned_away() > 0 => "under 0.1%".to_owned(),
            _ => format!("{}%", share.split_at(share.len().saturating_sub(2)).0),
        }
    }

    fn refused(&self) -> String {
        plural(self.total.turned_away(), "request")
    }

    fn limited(&self) -> String {
        thousands(self.total.limited)
    }
}

/// What a share is made of: label, code, link, class, number.
type Counted = (String, String, Option<String>, &'static str, u64);

/// Refusals by reason, the most frequent first.
fn reasons(rows: &[UsageRow]) -> Vec<Counted> {
    let refused = rows.iter().filter(|row| matches!(Outcome::of(&row.outcome), Some(Outcome::Limited | Outcome::Refused)));
    let count = summed(refused.map(|row| (&*row.outcome, row.count)));
    let counted = |(name, number): (String, u64)| {
        let words = name.parse::<Reason>().map_or_else(|()| capitalised(&name), |reason| reason_words(reason).to_owned());
        let class = if Outcome::of(&name) == Some(Outcome::Limited) { "limited" } else { "refused" };
        (words, name, None, class, number)
    };
    count.into_iter().map(counted).collect()
}

/// Requests by route, the most frequent first.
fn routes(rows: &[UsageRow]) -> Vec<Counted> {
    let counted = rows.iter().filter(|row| Outcome::of(&row.outcome).is_some());
    let label = |route: &str| match route {
        "" => "No route was looked for".to_owned(),
        "*" => "Every other path".to_owned(),
        _ => String::new(),
    };
    let count = summed(counted.map(|row| (&*row.route, row.count)));
    count
        .into_iter()
        .map(|(route, number)| {
            (label(&route), if label(&route).is_empty() { route } else { String::new() }, None, "ok", number)
        })
        .collect()
}

/// Numbers by their names, the highest first.
fn summed<'r>(rows: impl Iterator<Item = (&'r str, u64)>) -> Vec<(String, u64)> {
    let mut sums = std::collections::BTreeMap::<&str, u64>::new();
    for (name, number) in rows {
        let sum = sums.entry(name).or_default();
        *sum = sum.saturating_add(number);
    }
    let mut sums: Vec<(String, u64)> = sums.into_iter().map(|(name, number)| (name.to_owned(), number)).collect();
    sums.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    sums
}

/// Lines with bars, the longest of which is the first. `of` is what a line's number is said to be a part of.
fn shares(mut counted: Vec<Counted>, of: Option<u64>) -> Vec<Share> {
    counted.truncate(MOST);
    let longest = counted.first().map_or(0, |counted| counted.4);
    let share = |(label, code, href, class, number): Counted| Share {
        label,
        code,
        href,
        class,
        width: percent(number, longest),
        number: thousands(number),
        percent: of.map_or_else(String::new, |of| {
            let percent = number.saturating_mul(100) / of.max(1);
            if percent == 0 { "under 1%".to_owned() } else { format!("{percent}%") }
        }),
    };
    counted.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::fixture::now;

    #[test]
    fn a_range_is_made_of_whole_steps_up_to_the_present_one() {
        let text = |(from, until): (Timestamp, Timestamp)| format!("{from} {until}");
        assert_eq!(text(Range::Day.span(now())), "2025-10-13T11:00:00Z 2025-10-14T11:00:00Z");
        assert_eq!(text(Range::Week.span(now())), "2025-10-08T00:00:00Z 2025-10-15T00:00:00Z");
        assert_eq!(text(Range::Month.span(now())), "2025-09-15T00:00:00Z 2025-10-15T00:00:00Z");
        assert_eq!(text(Range::Month.span_before(now())), "2025-08-16T00:00:00Z 2025-09-15T00:00:00Z");
        assert_eq!(
            ["24h", "7d", "30d", "", "x"].map(Range::read),
            [Range::Day, Range::Week, Range::Month, Range::Month, Range::Month]
        );
    }
}
