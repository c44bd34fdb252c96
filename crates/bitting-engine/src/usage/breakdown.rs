//! Usage taken apart: by time, by route, by reason.

use std::cmp::Reverse;
use std::collections::HashMap;

use bitting_core::time::Timestamp;
use bitting_store::{BusyKey, BusyQuery, Fate, StoreError, UsageSums};

use super::{UsageReport, UsageStep};
use crate::engine::Engine;

/// How much was used in an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePoint {
    /// Its first moment.
    pub at: Timestamp,
    /// How much.
    pub sums: UsageSums,
}

/// How much a route was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedRoute {
    /// The route's methods and pattern; `*` for paths that no route names, and empty where none was looked for.
    pub route: Box<str>,
    /// How much.
    pub sums: UsageSums,
}

/// How many requests were refused, or failed, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// The reason's name.
    pub reason: Box<str>,
    /// How many.
    pub count: u64,
}

impl UsageReport {
    /// Everything together.
    pub fn sums(&self) -> UsageSums {
        let mut sums = UsageSums::default();
        for row in &self.rows {
            sums.count(&row.outcome, row.count);
        }
        sums
    }

    /// A chart of a span that was asked for: a point for every hour or day in it, whether or not there was anything, and no more than
    /// can be [asked for at once](UsageStep::longest). What lies outside of it is left out.
    pub fn series(&self, step: UsageStep, (from, until): (Timestamp, Timestamp)) -> Vec<UsagePoint> {
        let length = step.length();
        let most = usize::try_from(step.longest().as_secs() / length.as_secs()).unwrap_or(usize::MAX);
        let next = |at: &Timestamp| Some(at.plus(length)).filter(|next| next > at);
        let points = std::iter::successors(Some(step.start(from)), next).take_while(|at| *at < until).take(most);
        let mut series: Vec<UsagePoint> = points.map(|at| UsagePoint { at, sums: UsageSums::default() }).collect();
        for row in &self.rows {
            let found = series.binary_search_by_key(&step.start(row.hour), |point| point.at);
            if let Some(point) = found.ok().and_then(|position| series.get_mut(position)) {
                point.sums.count(&row.outcome, row.count);
            }
        }
        series
    }

    /// The routes that were used, the busiest first.
    pub fn routes(&self) -> Vec<UsedRoute> {
        let mut routes: HashMap<&str, UsageSums> = HashMap::new();
        for row in &self.rows {
            routes.entry(&row.route).or_default().count(&row.outcome, row.count);
        }
        let used = routes.into_iter().filter(|(_, sums)| sums.total() > 0);
        let mut routes: Vec<UsedRoute> = used.map(|(route, sums)| UsedRoute { route: route.into(), sums }).collect();
        routes.sort_by(|one, other| {
            Reverse(one.sums.total()).cmp(&Reverse(other.sums.total())).then(one.route.cmp(&other.route))
        });
        routes
    }

    /// Why requests were refused, the most frequent reason first.
    pub fn refusals(&self) -> Vec<ReasonCount> {
        self.reasons(&[Fate::Limited, Fate::Refused])
    }

    /// Why requests failed that had been let through, the most frequent reason first.
    pub fn failures(&self) -> Vec<ReasonCount> {
        self.reasons(&[Fate::Failed])
    }

    fn reasons(&self, fates: &[Fate]) -> Vec<ReasonCount> {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for row in self.rows.iter().filter(|row| fates.contains(&Fate::of(&row.outcome))) {
            let count = counts.entry(&row.outcome).or_default();
            *count = count.saturating_add(row.count);
        }
        let count = |(reason, count): (&str, u64)| ReasonCount { reason: reason.into(), count };
        let mut counts: Vec<ReasonCount> = counts.into_iter().map(count).collect();
        counts.sort_by(|one, other| Reverse(one.count).cmp(&Reverse(other.count)).then(one.reason.cmp(&other.reason)));
        counts
    }
}

impl Engine {
    /// The keys that were used most, exactly as of now.
    ///
    /// # Errors
    /// If the store cannot be read, or what was used cannot be written to it.
    pub async fn busiest_keys(&self, query: BusyQuery) -> Result<Vec<BusyKey>, StoreError> {
        self.write_usage_down().await?;
        self.store().busiest_keys(query).await
    }
}

#[cfg(test)]
mod tests {
    use bitting_store::UsageRow;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn report() -> UsageReport {
        let row = |hour: &str, route: &str, outcome: &str, count| UsageRow {
            hour: at(hour),
            route: route.into(),
            outcome: outcome.into(),
            count,
        };
        let rows = vec![
            row("2026-11-20T10:00:00Z", "GET /a", "admitted", 100),
            row("2026-11-20T10:00:00Z", "GET /a", "rate_limited", 5),
            row("2026-11-20T12:00:00Z", "GET /b", "answered", 7),
            row("2026-11-20T12:00:00Z", "GET /a", "upstream_timeout", 3),
            row("2026-11-21T00:00:00Z", "", "unknown_key", 9),
            row("2026-11-21T00:00:00Z", "GET /b", "quota_exceeded", 1_000),
        ];
        UsageReport { rows }
    }

    fn sums(allowed: u64, limited: u64, refused: u64) -> UsageSums {
        UsageSums { allowed, limited, refused }
    }

    #[test]
    fn a_series_has_a_point_for_every_hour_or_day_whether_or_not_there_was_anything() {
        let span = (at("2026-11-20T09:30:00Z"), at("2026-11-20T13:00:00Z"));
        let hours = report().series(UsageStep::Hour, span);
        assert_eq!(
            hours.iter().map(|point| point.at).collect::<Vec<_>>(),
            [9, 10, 11, 12].map(|hour| at(&format!("2026-11-20T{hour:02}:00:00Z")))
        );
        assert_eq!(
            hours.iter().map(|point| point.sums).collect::<Vec<_>>(),
            [sums(0, 0, 0), sums(100, 5, 0), sums(0, 0, 0), sums(7, 0, 0)]
        );
        let days = report().series(UsageStep::Day, (at("2026-11-19T00:00:00Z"), at("2026-11-22T00:00:00Z")));
        assert_eq!(
            days.iter().map(|point| point.sums).collect::<Vec<_>>(),
            [sums(0, 0, 0), sums(107, 5, 0), sums(0, 1_000, 9)]
        );
        assert_eq!(report().series(UsageStep::Hour, (span.1, span.0)), []);
        assert_eq!(report().series(UsageStep::Hour, (Timestamp::from_millis(0), Timestamp::MAX)).len(), 24 * 32);
        assert_eq!(report().series(UsageStep::Day, (Timestamp::MAX, Timestamp::MAX)), []);
    }

    #[test]
    fn routes_and_reasons_come_with_the_busiest_first() {
        let routes: Vec<(String, u64)> =
            report().routes().into_iter().map(|used| (used.route.into(), used.sums.total())).collect();
        assert_eq!(routes, [("GET /b".to_owned(), 1_007), ("GET /a".to_owned(), 105), (String::new(), 9)]);
        let counts = |counts: Vec<ReasonCount>| -> Vec<(String, u64)> {
            counts.into_iter().map(|ReasonCount { reason, count }| (reason.into(), count)).collect()
        };
        let refusals = [("quota_exceeded".to_owned(), 1_000), ("unknown_key".to_owned(), 9), ("rate_limited".to_owned(), 5)];
        assert_eq!(counts(report().refusals()), refusals);
        assert_eq!(counts(report().failures()), [("upstream_timeout".to_owned(), 3)]);
        assert_eq!(report().sums(), sums(107, 1_005, 9));
    }
}
