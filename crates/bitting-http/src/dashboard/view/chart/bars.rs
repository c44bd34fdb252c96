//! The bars of a chart.

use bitting_core::time::Timestamp;

use super::Tally;

/// How high the picture is, in pixels.
pub(crate) const HEIGHT: f64 = 176.0;

/// The least that a part of a bar is drawn with, in per cent of the height: three pixels and a little for the cut.
const LEAST: f64 = 1.8;

/// Below this share of its bar a part keeps its true height.
const TELLING: f64 = 0.01;

/// What is thinner than this, in per cent, is not drawn: the table has it.
const INVISIBLE: f64 = 0.5;

/// How much of its column a bar fills.
const FILLED: f64 = 0.74;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// The left edge and the width of its column.
    pub(crate) x: String,
    pub(crate) width: String,
    /// The left edge and the width of the bar in it.
    pub(crate) inner_x: String,
    pub(crate) inner_width: String,
    /// Its parts from the bottom up.
    pub(crate) parts: Vec<Segment>,
    /// What is said of it.
    pub(crate) words: String,
}

/// A part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// The class in the stylesheet: `ok`, `limited` or `refused`.
    pub(crate) class: &'static str,
    pub(crate) y: String,
    pub(crate) height: String,
}

/// The middle of a column, in per cent of the width.
#[expect(clippy::cast_precision_loss, reason = "there are a few hundred columns at most")]
pub(super) fn middle(position: usize, of: usize) -> f64 {
    (position as f64 + 0.5) * 100.0 / of as f64
}

/// All bars, under an axis that ends at `top`.
#[expect(clippy::cast_precision_loss, reason = "there are a few hundred columns at most")]
pub(super) fn bars(steps: &[(Timestamp, Tally)], top: u64, span: impl Fn(Timestamp) -> String) -> Vec<Bar> {
    let column = 100.0 / steps.len().max(1) as f64;
    let percent = |number: f64| format!("{number:.2}%");
    let bar = |(position, (start, tally)): (usize, &(Timestamp, Tally))| {
        let x = position as f64 * column;
        Bar {
            x: percent(x),
            width: percent(column),
            inner_x: percent(x + column * (1.0 - FILLED) / 2.0),
            inner_width: percent(column * FILLED),
            parts: segments(*tally, top),
            words: format!("{} · {}", span(*start), tally.words()),
        }
    };
    steps.iter().enumerate().map(bar).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a picture does not show the eighteenth digit")]
fn segments(tally: Tally, top: u64) -> Vec<Segment> {
    let all = tally.all() as f64;
    let mut foot = 100.0;
    let mut segments = Vec::new();
    for (class, number) in [("ok", tally.allowed), ("limited", tally.limited), ("refused", tally.refused)] {
        let number = number as f64;
        let mut height = number / top as f64 * 100.0;
        // What is allowed is the rule, and needs no help to be seen among the others.
        if class != "ok" && number > 0.0 && number >= all * TELLING {
            height = height.max(LEAST);
        } else if class != "ok" && height < INVISIBLE {
            continue;
        }
        if height > 0.0 {
            foot -= height;
            segments.push(Segment { class, y: format!("{foot:.2}%"), height: format!("{height:.2}%") });
        }
    }
    segments
}
