use super::*;
use crate::dashboard::fixture::at;

fn row(hour: &str, outcome: &str, count: u64) -> UsageRow {
    UsageRow { hour: at(hour), route: "GET /v1/tasks/*".into(), outcome: outcome.into(), count }
}

fn day(rows: &[UsageRow]) -> Chart {
    Chart::new("h", rows, UsageStep::Hour, at("2025-10-13T11:00:00Z"), at("2025-10-14T11:00:00Z"))
}

#[test]
fn the_top_of_the_axis_is_round_and_so_is_its_half() {
    let tops = [0, 1, 3, 9, 10, 11, 99, 608, 4_397, 17_467, 100_001].map(axis::top);
    assert_eq!(tops, [2, 2, 4, 10, 10, 20, 100, 800, 6_000, 20_000, 200_000]);
    assert_eq!(axis::top(u64::MAX), u64::MAX);
}

#[test]
fn requests_of_all_routes_stand_in_the_bar_of_their_hour() {
    let rows = [
        row("2025-10-13T22:00:00Z", "admitted", 500),
        row("2025-10-13T22:00:00Z", "answered", 12),
        row("2025-10-13T22:00:00Z", "rate_limited", 96),
        row("2025-10-14T08:00:00Z", "insufficient_permission", 3),
        row("2025-10-14T08:00:00Z", "upstream_timeout", 40),
        row("2025-10-12T08:00:00Z", "admitted", 9),
    ];
    let chart = day(&rows);
    assert_eq!(chart.total(), Tally { allowed: 512, limited: 96, refused: 3 });
    assert_eq!((chart.steps.len(), chart.top), (24, 800));
    let bars = chart.bars();
    assert_eq!(bars[11].words, "22:00–23:00 · 512 allowed · 96 over the limit");
    assert_eq!(bars[0].words, "11:00–12:00 · 0 allowed");
    assert_eq!(
        (&*bars[11].x, &*bars[11].width, &*bars[11].inner_x, &*bars[11].inner_width),
        ("45.83%", "4.17%", "46.38%", "3.08%")
    );
    let parts: Vec<(&str, &str, &str)> = bars[11].parts.iter().map(|part| (part.class, &*part.y, &*part.height)).collect();
    assert_eq!(parts, [("ok", "36.00%", "64.00%"), ("limited", "24.00%", "12.00%")]);
    assert_eq!(chart.summary(), "Requests in each of the last 24 hours: 512 allowed, 96 over the limit, 3 refused");
    assert_eq!(chart.table()[21].1, ["0", "0", "3"]);
}

#[test]
fn a_part_that_matters_is_never_too_thin_to_see_and_others_keep_their_height() {
    let heights = |allowed, refused| {
        let rows = [row("2025-10-13T22:00:00Z", "admitted", allowed), row("2025-10-13T22:00:00Z", "revoked_key", refused)];
        let of_bar = &day(&rows).bars()[11].parts;
        of_bar.iter().map(|part| format!("{} {}", part.class, part.height)).collect::<Vec<_>>()
    };
    assert_eq!(heights(159, 2), ["ok 79.50%", "refused 1.80%"], "more than 1% of its bar");
    assert_eq!(heights(15_165, 104), ["ok 75.83%", "refused 0.52%"], "less, and drawn as it is");
    assert_eq!(heights(3_762, 2), ["ok 94.05%"], "less than anybody could see");
    assert_eq!(heights(0, 1), ["refused 50.00%"]);
    assert_eq!(heights(0, 0), [""; 0]);
}

#[test]
fn the_words_below_are_few_and_do_not_leave_the_picture() {
    let said = |chart: &Chart| {
        chart.marks().iter().map(|mark| format!("{} {} {}", mark.words, mark.x, mark.anchor)).collect::<Vec<_>>()
    };
    assert_eq!(said(&day(&[])), ["12:00 6.25% start", "18:00 31.25% middle", "14 Oct 56.25% middle", "06:00 81.25% middle"]);
    let days = |from| Chart::new("d", &[], UsageStep::Day, at(from), at("2025-10-15T00:00:00Z"));
    let month = days("2025-09-15T00:00:00Z");
    let expected =
        ["15 Sep 1.67% start", "22 Sep 25.00% middle", "29 Sep 48.33% middle", "6 Oct 71.67% middle", "13 Oct 95.00% end"];
    assert_eq!(said(&month), expected);
    assert_eq!(days("2025-10-08T00:00:00Z").marks().len(), 7);
    assert!(month.is_empty() && month.to_string().contains("No requests in this time"));
}
