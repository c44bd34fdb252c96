//! Whether a key is used as it usually is.
//!
//! An hour is held against the same hour of the same day in the weeks before, in logarithms, since traffic goes up and down by factors. What
//! is usual is a median and how far it varies a median deviation, so an attack of last week is neither taken for usual nor hides
//! the next one: mean and standard deviation were rejected, since both run after whatever is odd. What varies by itself is
//! learned from all hours of the key, since the few of one hour in the week say too little about that.

mod history;
mod model;

use std::fmt;

use crate::time::Timestamp;

pub use self::history::{HOUR_MS, History, WEEK_HOURS};
use self::model::Model;

/// When the traffic of a key is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficPolicy {
    /// So many weeks are looked back at. A key that was first used less than [`LEAST_WEEKS`](Self::LEAST_WEEKS) ago has nothing usual yet.
    pub weeks: u32,
    /// How many times as much as usual it must be.
    pub factor: u32,
    /// How many requests more than usual an hour must have; and how many are usual where their absence is told.
    pub requests: u64,
}

/// An hour that is unusual, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusual {
    /// Whether there were too many requests or too few.
    pub direction: Direction,
    /// The first moment of the hour.
    pub from: Timestamp,
    /// Until when requests were counted: the first moment of the next hour, or a moment in it.
    pub until: Timestamp,
    /// How many requests there were.
    pub count: u64,
    /// How few and how many there usually are at this hour of this day. The one week that stands out most is left aside on either end.
    pub usual: (u64, u64),
    /// From how many weeks that is known.
    pub weeks: u32,
}

/// In which direction an hour is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Many more requests than usual.
    More,
    /// Nearly none where there always are many.
    Fewer,
}

impl Default for TrafficPolicy {
    fn default() -> Self {
        Self { weeks: 6, factor: 3, requests: 100 }
    }
}

impl TrafficPolicy {
    /// Fewer weeks than these say nothing about what is usual.
    pub const LEAST_WEEKS: u32 = 4;
    /// More weeks than these say more about the past than about what is usual.
    pub const MOST_WEEKS: u32 = 12;

    /// How many hours before the judged one are looked at, and that one with those that it may go on with.
    pub fn hours_needed(&self) -> u32 {
        (self.weeks + 1) * WEEK_HOURS
    }

    /// Looks at an hour that is over. Nothing is told of one that goes on as unusually as the hour before, of which that was told.
    pub fn judge(&self, history: &History, hour: u32) -> Option<Unusual> {
        let count = history.at(hour)?;
        let until = Timestamp::from_millis((i64::from(hour) + 1) * HOUR_MS);
        let unusual = self.look(history, hour, count, until)?;
        (!self.goes_on(history, hour, &unusual)).then_some(unusual)
    }

    /// Looks at an hour that has lasted until now. It can have too many requests already, and never too few.
    pub fn judge_so_far(&self, history: &History, hour: u32, until: Timestamp) -> Option<Unusual> {
        let unusual = self.look(history, hour, history.at(hour)?, until).filter(|found| found.direction == Direction::More)?;
        (!self.goes_on(history, hour, &unusual)).then_some(unusual)
    }

    fn goes_on(&self, history: &History, hour: u32, unusual: &Unusual) -> bool {
        let before = hour.checked_sub(1).and_then(|before| {
            let count = history.at(before)?;
            self.look(history, before, count, unusual.from)
        });
        before.is_some_and(|before| {
            let is_no_worse = unusual.count <= before.count.saturating_mul(self.factor.into());
            before.direction == unusual.direction && (unusual.direction == Direction::Fewer || is_no_worse)
        })
    }

    fn look(&self, history: &History, hour: u32, count: u64, until: Timestamp) -> Option<Unusual> {
        let mut same: Vec<u64> = history.weeks_before(hour, self.weeks).collect();
        if same.len() < usize::try_from(Self::LEAST_WEEKS).unwrap_or(usize::MAX) {
            return None;
        }
        same.sort_unstable();
        // Of four weeks none can be spared.
        let aside = usize::from(same.len() > 4);
        let usual = (*same.get(aside)?, *same.get(same.len() - 1 - aside)?);
        // Most hours are told apart here, without a look at the whole history.
        let direction = if count >= usual.1.saturating_mul(self.factor.into()).max(usual.1.saturating_add(self.requests)) {
            Direction::More
        } else if usual.0 >= self.requests && count <= usual.0 / NEARLY_NONE {
            Direction::Fewer
        } else {
            return None;
        };
        let model = Model::of(history, hour, self.weeks);
        let is_unusual = match direction {
            Direction::More => model.is_too_many(hour, count, self.factor),
            Direction::Fewer => model.is_too_few(hour, count),
        };
        let from = Timestamp::from_millis(i64::from(hour) * HOUR_MS);
        let weeks = u32::try_from(same.len()).unwrap_or(u32::MAX);
        is_unusual.then_some(Unusual { direction, from, until, count, usual, weeks })
    }
}

/// Fewer than this part of what there is at least is nearly none.
const NEARLY_NONE: u64 = 10;

impl Direction {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Fewer => "fewer",
        }
    }
}

impl fmt::Display for Unusual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = clock(self.from);
        let (until_hour, until_minute) = clock(self.until);
        let (low, high) = self.usual;
        let requests = if self.count == 1 { "request" } else { "requests" };
        write!(
            f,
            "{} {requests} between {hour:02}:{minute:02} and {until_hour:02}:{until_minute:02} UTC; on {} at this hour usually ",
            Grouped(self.count),
            weekdays(self.from)
        )?;
        if low == high { write!(f, "{}", Grouped(low)) } else { write!(f, "{} to {}", Grouped(low), Grouped(high)) }
    }
}

/// A number with commas between its thousands.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

fn clock(at: Timestamp) -> (i64, i64) {
    let minutes = at.as_millis() / 60_000;
    (minutes / 60 % 24, minutes % 60)
}

fn weekdays(at: Timestamp) -> &'static str {
    // 1970 began on a Thursday.
    match at.as_millis() / (24 * HOUR_MS) % 7 {
        0 => "Thursdays",
        1 => "Fridays",
        2 => "Saturdays",
        3 => "Sundays",
        4 => "Mondays",
        5 => "Tuesdays",
        _ => "Wednesdays",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-17, a Tuesday, at 14:00.
    const TUESDAY: u32 = 1_794_924_000 / 3_600;

    fn policy() -> TrafficPolicy {
        TrafficPolicy::default()
    }

    /// So many weeks of the same count in each hour, and then one hour with another.
    fn then(weeks: u32, each: impl Fn(u32) -> u64, last: u64) -> History {
        let first = TUESDAY - weeks * WEEK_HOURS;
        History::new(first, (first..TUESDAY).map(each).chain([last]).collect())
    }

    #[test]
    fn a_verdict_explains_itself_in_words_and_numbers() {
        let history = then(6, |hour| 180 + u64::from(hour / WEEK_HOURS % 6) * 28, 4_210);
        let unusual = policy().judge(&history, TUESDAY).unwrap();
        assert_eq!(
            unusual.to_string(),
            "4,210 requests between 14:00 and 15:00 UTC; on Tuesdays at this hour usually 208 to 292"
        );
        assert_eq!((unusual.direction, unusual.weeks, unusual.usual), (Direction::More, 6, (208, 292)));
        let so_far = unusual.from.plus(std::time::Duration::from_mins(20));
        let unusual = policy().judge_so_far(&history, TUESDAY, so_far).unwrap();
        assert!(unusual.to_string().starts_with("4,210 requests between 14:00 and 14:20 UTC;"), "{unusual}");
    }

    #[test]
    fn a_few_requests_more_are_no_alarm_however_many_times_as_many_they_are() {
        assert_eq!(policy().judge(&then(6, |_| 3, 9), TUESDAY), None);
        assert_eq!(policy().judge(&then(6, |_| 3, 102), TUESDAY), None);
        assert!(policy().judge(&then(6, |_| 3, 500), TUESDAY).is_some());
        assert_eq!(policy().judge(&then(6, |_| 1_000, 2_500), TUESDAY), None, "nor is less than three times as many");
    }

    #[test]
    fn a_key_without_enough_of_a_past_is_not_judged() {
        assert_eq!(policy().judge(&then(3, |_| 200, 9_000), TUESDAY), None);
        assert!(policy().judge(&then(4, |_| 200, 9_000), TUESDAY).is_some());
        let late = then(6, |hour| if hour < TUESDAY - 3 * WEEK_HOURS { 0 } else { 200 }, 9_000);
        assert_eq!(policy().judge(&late, TUESDAY), None, "hours before the first use are no past");
        assert_eq!(policy().judge(&History::new(0, Vec::new()), TUESDAY), None);
    }

    #[test]
    fn what_goes_on_is_told_once_unless_it_grows() {
        let mut counts: Vec<u64> = vec![200; 6 * 168];
        counts.extend([2_000, 2_100, 1_900, 9_000, 200, 2_000]);
        let first = TUESDAY - 6 * WEEK_HOURS;
        let history = History::new(first, counts);
        let told = (0..6).filter(|hour| policy().judge(&history, TUESDAY + hour).is_some()).collect::<Vec<_>>();
        assert_eq!(told, [0, 3, 5]);
    }

    #[test]
    fn what_happens_in_every_week_at_this_hour_is_usual() {
        let batch = |hour: u32| if hour % WEEK_HOURS == TUESDAY % WEEK_HOURS { 50_000 } else { 100 };
        assert_eq!(policy().judge(&then(6, batch, 61_000), TUESDAY), None);
        let elsewhere = |hour: u32| if hour % WEEK_HOURS == (TUESDAY + 30) % WEEK_HOURS { 50_000 } else { 100 };
        assert!(policy().judge(&then(6, elsewhere, 50_000), TUESDAY).is_some(), "at another hour it is not");
    }

    #[test]
    fn nearly_nothing_where_there_always_is_much_is_told_and_half_as_much_is_not() {
        let noisy = |hour: u32| 900 + u64::from(hour * 7_919 % 200);
        let silent = policy().judge(&then(6, noisy, 3), TUESDAY).unwrap();
        assert_eq!(silent.direction, Direction::Fewer);
        assert!(silent.to_string().starts_with("3 requests between"), "{silent}");
        assert_eq!(policy().judge(&then(6, noisy, 400), TUESDAY), None);
        assert_eq!(policy().judge(&then(6, |_| 60, 0), TUESDAY), None, "of few requests a pause says nothing");
        let end = Timestamp::from_millis(i64::from(TUESDAY) * HOUR_MS + 60_000);
        assert_eq!(policy().judge_so_far(&then(6, noisy, 3), TUESDAY, end), None, "the hour is not over");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let text = |number| Grouped(number).to_string();
        assert_eq!([text(0), text(999), text(1_000), text(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
    }
}
