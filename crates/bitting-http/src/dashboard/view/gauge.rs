//! What is left of a limit.

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::limit::{Limit, LimitScope, Pace, Reading};
use bitting_core::time::Timestamp;

use super::{Moment, ahead, thousands};

/// A limit with what is left of it.
#[derive(Debug, Clone, PartialEq, Template)]
#[template(path = "dashboard/part/gauge.html", whitespace = "minimize")]
pub(crate) struct Gauge {
    remaining: String,
    allowed: String,
    /// Of what: "this hour", "today".
    when: String,
    /// Who shares it, where it is not the key's alone.
    shared: &'static str,
    reset: Moment,
    reset_note: String,
    /// How much is left, in per cent.
    share: String,
    is_empty: bool,
}

impl HtmlSafe for Gauge {}

impl Gauge {
    pub(crate) fn new(limit: &Limit, reading: &Reading, now: Timestamp) -> Self {
        let Reading { allowed, remaining, reset } = *reading;
        let when = match limit.pace {
            Pace::Window(period) if period.name() == "day" => "today".to_owned(),
            Pace::Window(period) => format!("this {}", period.name()),
            Pace::Bucket { .. } => "now".to_owned(),
        };
        Self {
            remaining: thousands(remaining),
            allowed: thousands(allowed),
            when,
            shared: match limit.scope {
                LimitScope::Key => "",
                LimitScope::Account => "shared by all keys of the account",
                LimitScope::Api => "shared by everybody",
            },
            reset: Moment::clock(reset, now),
            reset_note: ahead(reset, now),
            share: percent(remaining, allowed),
            is_empty: remaining == 0,
        }
    }
}

/// A part of a whole, in per cent with two digits.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a picture does not show the eighteenth digit")]
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 };
    format!("{share:.2}%")
}

#[cfg(test)]
mod tests {
    use bitting_core::limit::{LimitSpec, Period};
    use bitting_core::name::Names;

    use super::*;
    use crate::dashboard::fixture::{at, now};

    #[test]
    fn what_is_left_is_said_with_the_moment_at_which_there_is_more() {
        let spec = LimitSpec {
            name: "hour".into(),
            allowed: 10_000,
            pace: Pace::Window(Period::Hour),
            scope: LimitScope::Account,
            is_quota: false,
        };
        let limit = Limit::new(spec, &Names::default()).unwrap();
        let reading = Reading { allowed: 10_000, remaining: 9_847, reset: at("2025-10-14T11:00:00Z") };
        let gauge = Gauge::new(&limit, &reading, now());
        let html = gauge.to_string();
        for part in
            ["<b>9,847</b> of 10,000 left this hour", "shared by all keys", "in 18 minutes", "width=\"98.47%\"", ">11:00<"]
        {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!([percent(0, 0), percent(1, 3)], ["0.00%", "33.33%"]);
    }
}
