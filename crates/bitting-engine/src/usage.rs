//! What was used, as it is reported.

mod breakdown;

use std::collections::BTreeMap;
use std::time::Duration;

use bitting_core::time::Timestamp;
use bitting_store::{Store, StoreError, UsageQuery, UsageRow};
use serde::{Deserialize, Serialize};

pub use self::breakdown::{ReasonCount, UsagePoint, UsedRoute};
use crate::engine::Engine;

/// Usage by hours or days, routes and outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    /// In the order of time, then of route and outcome.
    pub rows: Vec<UsageRow>,
}

/// How long the times are that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageStep {
    /// From one full hour to the next.
    #[default]
    Hour,
    /// From midnight to midnight, UTC.
    Day,
}

impl UsageStep {
    /// Its length.
    pub fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }

    /// The longest time that can be asked for at once: what is still read quickly.
    pub fn longest(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(24 * 32),
            Self::Day => Duration::from_hours(24 * 367),
        }
    }

    /// The time that is meant: whole steps, by default the last 24 hours or 30 days, the present one included.
    pub fn span(self, from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> (Timestamp, Timestamp) {
        let until = until.unwrap_or_else(|| self.start(now).plus(self.length()));
        let steps: u32 = if self == Self::Hour { 24 } else { 30 };
        let back = i64::try_from((self.length() * steps).as_millis()).unwrap_or(i64::MAX);
        let from = from.unwrap_or_else(|| Timestamp::from_millis(until.as_millis().saturating_sub(back)));
        (self.start(from), until)
    }

    /// The first moment of the step that a moment lies in.
    pub fn start(self, at: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(at.as_millis() / length * length)
    }
}

impl UsageReport {
    /// Asks a running engine, exactly as of now.
    ///
    /// # Errors
    /// If the store cannot be read, or what was used cannot be written to it.
    pub async fn read(engine: &Engine, query: UsageQuery, step: UsageStep) -> Result<Self, StoreError> {
        engine.write_usage_down().await?;
        Self::of(engine.store(), query, step).await
    }

    /// Asks a store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn of(store: &dyn Store, query: UsageQuery, step: UsageStep) -> Result<Self, StoreError> {
        let rows = store.usage(query).await?;
        if step == UsageStep::Hour {
            return Ok(Self { rows });
        }
        let mut days: BTreeMap<(Timestamp, Box<str>, Box<str>), u64> = BTreeMap::new();
        for row in rows {
            let count = days.entry((step.start(row.hour), row.route, row.outcome)).or_default();
            *count = count.saturating_add(row.count);
        }
        let row = |((hour, route, outcome), count)| UsageRow { hour, route, outcome, count };
        Ok(Self { rows: days.into_iter().map(row).collect() })
    }

    /// How many requests had one outcome.
    pub fn total(&self, outcome: &str) -> u64 {
        self.rows.iter().filter(|row| *row.outcome == *outcome).map(|row| row.count).fold(0, u64::saturating_add)
    }

    /// Comma-separated values (RFC 4180), the names of the columns first.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // Writing to memory does not fail, and what is written is text.
        let _ = writer.write_record(["at", "route", "outcome", "requests"]);
        for row in &self.rows {
            let _ = writer.write_record([&row.hour.to_string(), &*row.route, &*row.outcome, &row.count.to_string()]);
        }
        String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_made_of_whole_steps_up_to_the_present_one() {
        let now = "2026-11-20T17:15:30Z".parse().unwrap();
        let text = |(from, until): (Timestamp, Timestamp)| format!("{from} {until}");
        assert_eq!(text(UsageStep::Hour.span(None, None, now)), "2026-11-19T18:00:00Z 2026-11-20T18:00:00Z");
        assert_eq!(text(UsageStep::Day.span(None, None, now)), "2026-10-22T00:00:00Z 2026-11-21T00:00:00Z");
        assert_eq!(text(UsageStep::Day.span(Some(now), Some(now), now)), "2026-11-20T00:00:00Z 2026-11-20T17:15:30Z");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let hour = "2026-11-20T17:00:00Z".parse().unwrap();
        let row = UsageRow { hour, route: "GET /a,b".into(), outcome: "admitted".into(), count: 3 };
        let expected = "at,route,outcome,requests\n2026-11-20T17:00:00Z,\"GET /a,b\",admitted,3\n";
        assert_eq!(UsageReport { rows: vec![row] }.csv(), expected);
    }
}
