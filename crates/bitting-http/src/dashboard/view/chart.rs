//! Bars over time: how many requests were allowed, over a limit, or refused.
//!
//! The picture is SVG without a box of its own, measured in per cent, with axes in HTML, so that bars stretch and letters do
//! not. The model is pure: counts go in, and everything that is drawn, said and written in the table behind it comes out.

mod axis;
mod bars;

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::time::Timestamp;
use bitting_engine::UsageStep;
use bitting_store::UsageRow;

use super::moment::written;
use super::thousands;

use bars::Bar;

/// How many requests came to what, in one step of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) allowed: u64,
    pub(crate) limited: u64,
    pub(crate) refused: u64,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was let through, or answered by Bitting.
    Allowed,
    /// It was over a limit.
    Limited,
    /// It was refused for any other reason.
    Refused,
}

/// A chart, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "dashboard/part/chart.html", whitespace = "minimize")]
pub(crate) struct Chart {
    /// What its pattern is called: no two charts of a page may share it.
    id: &'static str,
    step: UsageStep,
    /// The first moment of each step with what happened in it.
    steps: Vec<(Timestamp, Tally)>,
    top: u64,
}

impl HtmlSafe for Chart {}

impl Outcome {
    /// That of a row of usage. `None` for what went wrong behind the gateway: it was allowed, and is counted so.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "admitted" | "answered" => Some(Self::Allowed),
            "rate_limited" | "quota_exceeded" | "cost_exceeds_limit" => Some(Self::Limited),
            "upstream_unreachable" | "upstream_timeout" => None,
            _ => Some(Self::Refused),
        }
    }
}

impl Tally {
    /// Adds requests of one outcome.
    pub(crate) fn add(&mut self, outcome: &str, count: u64) {
        let place = match Outcome::of(outcome) {
            Some(Outcome::Allowed) => &mut self.allowed,
            Some(Outcome::Limited) => &mut self.limited,
            Some(Outcome::Refused) => &mut self.refused,
            None => return,
        };
        *place = place.saturating_add(count);
    }

    /// That of many rows.
    pub(crate) fn of(rows: &[UsageRow]) -> Self {
        let mut tally = Self::default();
        for row in rows {
            tally.add(&row.outcome, row.count);
        }
        tally
    }

    /// All requests.
    pub(crate) fn all(self) -> u64 {
        self.allowed.saturating_add(self.limited).saturating_add(self.refused)
    }

    /// Those that did not get what they asked for.
    pub(crate) fn turned_away(self) -> u64 {
        self.limited.saturating_add(self.refused)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            allowed: self.allowed.saturating_add(other.allowed),
            limited: self.limited.saturating_add(other.limited),
            refused: self.refused.saturating_add(other.refused),
        }
    }

    /// The numbers that are not zero, in words; what was allowed is always said.
    fn words(self) -> String {
        let mut words = format!("{} allowed", thousands(self.allowed));
        for (number, what) in [(self.limited, "over the limit"), (self.refused, "refused")] {
            if number > 0 {
                words = format!("{words} · {} {what}", thousands(number));
            }
        }
        words
    }
}

impl Chart {
    /// The chart of usage from one moment up to another, in hours or days.
    pub(crate) fn new(id: &'static str, rows: &[UsageRow], step: UsageStep, from: Timestamp, until: Timestamp) -> Self {
        let mut starts = Vec::new();
        let mut start = step.start(from);
        while start < until {
            starts.push((start, Tally::default()));
            start = start.plus(step.length());
        }
        for row in rows {
            if let Ok(position) = starts.binary_search_by_key(&step.start(row.hour), |(start, _)| *start) {
                starts[position].1.add(&row.outcome, row.count);
            }
        }
        let highest = starts.iter().map(|(_, tally)| tally.all()).max().unwrap_or(0);
        Self { id, step, steps: starts, top: axis::top(highest) }
    }

    /// Everything in it.
    pub(crate) fn total(&self) -> Tally {
        self.steps.iter().fold(Tally::default(), |sum, (_, tally)| sum.plus(*tally))
    }

    /// Whether nothing happened.
    pub(crate) fn is_empty(&self) -> bool {
        self.total().all() == 0
    }

    /// The words beside the vertical axis, from the top down.
    fn scale(&self) -> [String; 3] {
        [self.top, self.top / 2, 0].map(thousands)
    }

    fn bars(&self) -> Vec<Bar> {
        bars::bars(&self.steps, self.top, |start| self.span(start))
    }

    fn marks(&self) -> Vec<axis::Mark> {
        axis::marks(&self.steps.iter().map(|(start, _)| *start).collect::<Vec<_>>(), self.step)
    }

    /// What a reader of screens says of the picture.
    fn summary(&self) -> String {
        let (each, number) = match self.step {
            UsageStep::Hour => ("in each of the last", format!("{} hours", self.steps.len())),
            UsageStep::Day => ("on each of the last", format!("{} days", self.steps.len())),
        };
        format!("Requests {each} {number}: {}", self.total().words().replace(" ·", ","))
    }

    fn numbers(&self) -> [(&'static str, &'static str, u64, String); 3] {
        let Tally { allowed, limited, refused } = self.total();
        [("ok", "Allowed", allowed), ("limited", "Over the limit", limited), ("refused", "Refused", refused)]
            .map(|(class, label, number)| (class, label, number, thousands(number)))
    }

    /// The table behind the picture: when, and the three numbers.
    fn table(&self) -> Vec<(String, [String; 3])> {
        let format = if self.step == UsageStep::Hour { "%-d %b, %H:%M" } else { "%-d %b %Y" };
        let line = |(start, tally): &(Timestamp, Tally)| {
            (written(*start, format), [tally.allowed, tally.limited, tally.refused].map(thousands))
        };
        self.steps.iter().map(line).collect()
    }

    fn unit(&self) -> &'static str {
        if self.step == UsageStep::Hour { "Hour" } else { "Day" }
    }

    /// The time of a bar in words: "22:00–23:00", "22 Sep".
    fn span(&self, start: Timestamp) -> String {
        match self.step {
            UsageStep::Hour => {
                format!("{}–{}", written(start, "%H:%M"), written(start.plus(self.step.length()), "%H:%M"))
            }
            UsageStep::Day => written(start, "%-d %b"),
        }
    }
}

#[cfg(test)]
mod tests;
