//! Points in time: words for people, and the exact instant in UTC for programs and on hover.

use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::time::Timestamp;

use super::plural;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A moment as a `<time>` element. Where its words are a date or a clock, the script may say them in the viewer's zone.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/moment.html")]
pub(crate) struct Moment {
    at: Timestamp,
    words: String,
    form: Form,
}

impl HtmlSafe for Moment {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// "2 minutes ago": the same in every zone.
    Relative,
    /// "29 Sep 2025"
    Day,
    /// "08:51" today, "13 Oct, 22:14" this year
    Clock,
    /// "today, 10:30"
    Made,
    /// "15 Oct 2025, 10:42 UTC"
    Full,
}

impl Moment {
    /// "2 minutes ago" up to a day, then the day.
    pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Self {
        if now.since(at).as_secs() < DAY { Self { at, words: ago(at, now), form: Form::Relative } } else { Self::day(at) }
    }

    /// The same where there is little room: "2 min ago".
    pub(crate) fn ago_briefly(at: Timestamp, now: Timestamp) -> Self {
        let moment = Self::ago(at, now);
        Self { words: moment.words.replace("minutes", "min").replace("minute", "min"), ..moment }
    }

    /// "2 minutes ago" up to a day, then "13 Oct, 22:14".
    pub(crate) fn lately(at: Timestamp, now: Timestamp) -> Self {
        if now.since(at).as_secs() < DAY { Self::ago(at, now) } else { Self::clock(at, now) }
    }

    /// "29 Sep 2025"
    pub(crate) fn day(at: Timestamp) -> Self {
        Self { at, words: written(at, "%-d %b %Y"), form: Form::Day }
    }

    /// "08:51" today, "13 Oct, 22:14" this year, and with the year in others.
    pub(crate) fn clock(at: Timestamp, now: Timestamp) -> Self {
        let same = |format| written(at, format) == written(now, format);
        let format = if same("%F") {
            "%H:%M"
        } else if same("%Y") {
            "%-d %b, %H:%M"
        } else {
            "%-d %b %Y, %H:%M"
        };
        Self { at, words: written(at, format), form: Form::Clock }
    }

    /// When something was made: "today, 10:30", and else the day.
    pub(crate) fn made(at: Timestamp, now: Timestamp) -> Self {
        if written(at, "%F") == written(now, "%F") {
            return Self { at, words: written(at, "today, %H:%M"), form: Form::Made };
        }
        Self::day(at)
    }

    /// The end of something: with its hour as long as that matters, which is for two days.
    pub(crate) fn end(at: Timestamp, now: Timestamp) -> Self {
        if at.since(now).as_secs() < 2 * DAY && at > now { Self::clock(at, now) } else { Self::day(at) }
    }

    /// "15 Oct 2025, 10:42 UTC"
    pub(crate) fn full(at: Timestamp) -> Self {
        Self { at, words: written(at, "%-d %b %Y, %H:%M UTC"), form: Form::Full }
    }

    /// The first of the month that a moment lies in: "1 October".
    pub(crate) fn month_start(at: Timestamp) -> String {
        written(at, "1 %B")
    }

    /// As a field for a date has it: "2026-01-12".
    pub(crate) fn date_field(at: Timestamp) -> String {
        written(at, "%F")
    }

    /// The words alone.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    fn exact(&self) -> String {
        written(self.at, "%F %T UTC")
    }

    fn form(&self) -> Option<&'static str> {
        match self.form {
            Form::Relative => None,
            Form::Day => Some("day"),
            Form::Clock => Some("clock"),
            Form::Made => Some("made"),
            Form::Full => Some("full"),
        }
    }
}

/// How long ago something was, in one number: "just now", "2 minutes ago", "286 days ago".
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).as_secs();
    if seconds < MINUTE { "just now".to_owned() } else { format!("{} ago", span(seconds)) }
}

/// How far ahead something is, in one number: "in 18 minutes", "in 6 days", "in 5 months".
pub(crate) fn ahead(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.since(now).as_secs();
    // Half a unit more, so that 5 days and 14 hours are 6 days: whoever waits counts to the nearest.
    let unit = [(MINUTE, 0), (HOUR, MINUTE), (2 * DAY, HOUR)].into_iter().find(|(end, _)| seconds < *end);
    match unit.map_or(DAY, |(_, unit)| unit) {
        0 => "in less than a minute".to_owned(),
        unit => format!("in {}", span(seconds + unit / 2)),
    }
}

/// A length of time in the two units that matter most: "41 seconds", "3 minutes", "2 hours", "92 days".
pub(crate) fn length(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => plural(seconds, "second"),
        seconds @ 120..7_200 => plural(seconds / MINUTE, "minute"),
        seconds @ 7_200..172_800 => plural(seconds / HOUR, "hour"),
        seconds => plural(seconds / DAY, "day"),
    }
}

/// Days for as long as anybody counts in days, which is about a quarter of a year.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / DAY, seconds / HOUR, seconds / MINUTE);
    match (days, hours) {
        (_, 0) => plural(minutes, "minute"),
        (0 | 1, _) => plural(hours, "hour"),
        (2..=99, _) => plural(days, "day"),
        (100..=729, _) => plural(days * 12 / 365, "month"),
        _ => plural(days / 365, "year"),
    }
}

/// A moment in UTC. Of the formats that stand here none fails.
pub(super) fn written(at: Timestamp, format: &str) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::fmt::strtime::format(format, &instant.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_is_told_in_words_for_a_day_and_then_by_its_date() {
        let now = at("2025-10-14T10:42:12Z");
        for (moment, words) in [
            ("2025-10-14T10:42:11Z", "just now"),
            ("2025-10-14T10:43:00Z", "just now"),
            ("2025-10-14T10:41:12Z", "1 minute ago"),
            ("2025-10-14T09:15:00Z", "1 hour ago"),
            ("2025-10-13T10:42:13Z", "23 hours ago"),
            ("2025-10-13T10:42:12Z", "13 Oct 2025"),
            ("2024-01-01T00:00:00Z", "1 Jan 2024"),
        ] {
            assert_eq!(Moment::ago(at(moment), now).words(), words, "{moment}");
        }
    }

    #[test]
    fn what_comes_is_told_in_the_unit_that_people_count_in() {
        let now = at("2025-10-14T10:42:00Z");
        for (moment, words) in [
            ("2025-10-14T10:42:30Z", "in less than a minute"),
            ("2025-10-14T11:00:00Z", "in 18 minutes"),
            ("2025-10-15T09:00:00Z", "in 22 hours"),
            ("2025-10-16T09:42:00Z", "in 47 hours"),
            ("2025-10-20T00:00:00Z", "in 6 days"),
            ("2026-01-12T00:00:00Z", "in 90 days"),
            ("2026-03-15T10:42:00Z", "in 4 months"),
            ("2027-10-14T10:42:00Z", "in 2 years"),
        ] {
            assert_eq!(ahead(at(moment), now), words, "{moment}");
        }
    }

    #[test]
    fn a_clock_says_no_more_of_the_date_than_is_needed() {
        let now = at("2025-10-14T10:42:00Z");
        for (moment, words) in [
            ("2025-10-14T08:51:20Z", "08:51"),
            ("2025-10-13T22:14:03Z", "13 Oct, 22:14"),
            ("2024-12-31T23:59:59Z", "31 Dec 2024, 23:59"),
        ] {
            assert_eq!(Moment::clock(at(moment), now).words(), words);
        }
        assert_eq!(Moment::end(at("2025-10-15T09:00:00Z"), now).words(), "15 Oct, 09:00");
        assert_eq!(Moment::end(at("2025-10-20T00:00:00Z"), now).words(), "20 Oct 2025");
        assert_eq!(Moment::end(at("2025-09-30T00:00:00Z"), now).words(), "30 Sep 2025");
    }

    #[test]
    fn the_element_has_the_exact_instant() {
        let moment = Moment::full(at("2025-10-15T10:42:09Z"));
        let html = "<time datetime=\"2025-10-15T10:42:09Z\" title=\"2025-10-15 10:42:09 UTC\" data-time=\"full\">\
                    15 Oct 2025, 10:42 UTC</time>";
        assert_eq!(moment.to_string(), html);
    }
}
