//! How fast: windows that are aligned to the clock, and buckets.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::time::Timestamp;

/// Within which time a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pace {
    /// In each period of the calendar, in UTC.
    Window(Period),
    /// Evenly: `allowed` in each such time, and at most `burst` at once.
    Bucket {
        /// The time.
        per_ms: u64,
        /// The most at once.
        burst: u64,
    },
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// From one full minute to the next.
    Minute,
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
}

/// A text that is no pace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPace {
    /// Windows have the lengths of the calendar.
    #[error("{0:?} is no window; write \"minute\", \"hour\", \"day\" or \"month\", or add `burst` for any other time")]
    NotACalendarPeriod(Box<str>),
}

impl Period {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The longest that it can be.
    pub fn longest(self) -> Duration {
        let days = |days: u64| Duration::from_hours(24 * days);
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
            Self::Day => days(1),
            Self::Month => days(31),
        }
    }

    /// The period that a moment lies in: its first moment, and that of the next.
    pub fn around(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let ms = now.as_millis();
        let length = match self {
            Self::Month => return month(ms),
            // 1970 began with a full day, and a day of UTC has 86,400 seconds here as in RFC 3339.
            Self::Minute | Self::Hour | Self::Day => i64::try_from(self.longest().as_millis()).unwrap_or(i64::MAX),
        };
        let start = ms - ms % length;
        (Timestamp::from_millis(start), Timestamp::from_millis(start + length))
    }
}

impl Pace {
    /// Reads a period: a word of the calendar without a burst, and any time with one.
    ///
    /// # Errors
    /// If a window has no length of the calendar.
    pub fn new(per: &str, burst: Option<u64>) -> Result<Self, InvalidPace> {
        let invalid = || InvalidPace::NotACalendarPeriod(per.into());
        match (per.parse::<Period>(), burst) {
            (Ok(period), None) => Ok(Self::Window(period)),
            (Ok(period), Some(burst)) => Ok(Self::Bucket { per_ms: millis(period.longest()), burst }),
            (Err(()), Some(burst)) => {
                let length = duration::parse(per).ok().filter(|length| length.as_millis() > 0);
                Ok(Self::Bucket { per_ms: length.map(millis).ok_or_else(invalid)?, burst })
            }
            (Err(()), None) => Err(invalid()),
        }
    }

    /// The time that it counts in, at its longest.
    pub fn length(&self) -> Duration {
        match self {
            Self::Window(period) => period.longest(),
            Self::Bucket { per_ms, .. } => Duration::from_millis(*per_ms),
        }
    }

    /// The most that can ever be let through at once.
    pub fn capacity(&self, allowed: u64) -> u64 {
        match self {
            Self::Window(_) => allowed,
            Self::Bucket { burst, .. } => *burst,
        }
    }
}

impl FromStr for Period {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|period| period.name() == text).ok_or(())
    }
}

impl fmt::Display for Pace {
    /// As configuration writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(period) => f.write_str(period.name()),
            Self::Bucket { per_ms, burst } => write!(f, "{per_ms}ms, at most {burst} at once"),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const DAY_MS: i64 = 86_400_000;

/// The month around a moment, by the civil calendar.
fn month(ms: i64) -> (Timestamp, Timestamp) {
    let first = |date: jiff::civil::Date| {
        let epoch = jiff::civil::date(1970, 1, 1);
        Timestamp::from_millis(i64::from(epoch.until(date).map_or(0, |span| span.get_days())) * DAY_MS)
    };
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = jiff::Span::new().try_days(ms / DAY_MS).unwrap_or_default();
    let today = epoch.checked_add(days).unwrap_or(jiff::civil::Date::MAX);
    let this = today.first_of_month();
    let next = this.checked_add(jiff::Span::new().months(1)).unwrap_or(jiff::civil::Date::MAX);
    (first(this), first(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(period: Period, at: &str) -> (String, String) {
        let (start, end) = period.around(at.parse().unwrap());
        (start.to_string(), end.to_string())
    }

    #[test]
    fn windows_are_aligned_to_the_calendar_in_utc() {
        for (period, at, start, end) in [
            (Period::Minute, "2026-11-20T16:45:59.999Z", "2026-11-20T16:45:00Z", "2026-11-20T16:46:00Z"),
            (Period::Hour, "2026-11-20T16:00:00Z", "2026-11-20T16:00:00Z", "2026-11-20T17:00:00Z"),
            (Period::Day, "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Period::Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Period::Month, "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Period::Month, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
        ] {
            assert_eq!(around(period, at), (start.to_owned(), end.to_owned()), "{at}");
        }
    }

    #[test]
    fn the_last_moment_that_can_be_written_lies_in_every_period() {
        for period in Period::ALL {
            let (start, end) = period.around(Timestamp::MAX);
            assert!(start <= Timestamp::MAX && end <= Timestamp::MAX, "{}", period.name());
        }
    }

    #[test]
    fn only_a_bucket_may_have_a_length_of_its_own() {
        assert_eq!(Pace::new("hour", None), Ok(Pace::Window(Period::Hour)));
        assert_eq!(Pace::new("10s", Some(5)), Ok(Pace::Bucket { per_ms: 10_000, burst: 5 }));
        assert_eq!(Pace::new("minute", Some(5)), Ok(Pace::Bucket { per_ms: 60_000, burst: 5 }));
        for (per, burst) in [("10s", None), ("0s", Some(1)), ("", None), ("week", None), ("soon", Some(1))] {
            assert!(Pace::new(per, burst).is_err(), "{per}");
        }
    }
}
