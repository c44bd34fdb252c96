//! The axes of a chart: a round number at the top, and a few words below.

use bitting_core::time::Timestamp;
use bitting_engine::UsageStep;

use crate::dashboard::view::moment::written;

/// A word below the bars.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    /// Where, in per cent.
    pub(crate) x: String,
    /// Which part of the word stands there.
    pub(crate) anchor: &'static str,
    pub(crate) words: String,
}

/// The smallest round number that holds the highest bar, and whose half is round too.
pub(super) fn top(highest: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for digit in [2, 4, 6, 8, 10] {
            let Some(top) = unit.checked_mul(digit) else { return u64::MAX };
            if top >= highest {
                return top;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// The words below the bars: every sixth hour with the date at midnight, every Monday, or every day where there are few.
pub(super) fn marks(starts: &[Timestamp], step: UsageStep) -> Vec<Mark> {
    let is_marked = |start: &Timestamp| match step {
        UsageStep::Hour => ["00", "06", "12", "18"].contains(&written(*start, "%H").as_str()),
        UsageStep::Day => starts.len() <= 10 || written(*start, "%u") == "1",
    };
    let words = |start: Timestamp| match step {
        UsageStep::Hour if written(start, "%H") != "00" => written(start, "%H:%M"),
        UsageStep::Hour | UsageStep::Day => written(start, "%-d %b"),
    };
    let marked = starts.iter().enumerate().filter(|(_, start)| is_marked(start));
    let mark = |(position, start): (usize, &Timestamp)| {
        let x = super::bars::middle(position, starts.len());
        let anchor = if x < 8.0 {
            "start"
        } else if x > 92.0 {
            "end"
        } else {
            "middle"
        };
        Mark { x: format!("{x:.2}%"), anchor, words: words(*start) }
    };
    marked.map(mark).collect()
}
