//! Points in time, always handed in by the caller.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Its text is RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 date and time with an offset, or lies outside the years 1970 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date and time such as \"2026-12-31T23:59:59Z\", between 1970 and 9999")]
pub struct InvalidTimestamp(String);

impl Timestamp {
    /// 9999-12-30T00:00:00Z: later instants cannot be written in RFC 3339 at every offset.
    pub const MAX: Self = Self(253_402_128_000_000);

    /// From milliseconds since the epoch, moved into the range that can be written.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(0, Self::MAX.0))
    }

    /// Milliseconds since the epoch, never negative.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// This time and a duration later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// The instant so long before this one.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(ms))
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => fmt::Display::fmt(&instant, f),
            // The constructor keeps the value in jiff's range.
            Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let instant = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
        match instant {
            Ok(ms) if (0..=Self::MAX.0).contains(&ms) => Ok(Self(ms)),
            _ => Err(InvalidTimestamp(text.chars().take(64).collect())),
        }
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_and_other_offsets_are_the_same_instant() {
        let at: Timestamp = "2026-10-14T00:00:00Z".parse().unwrap();
        assert_eq!(at.to_string(), "2026-10-14T00:00:00Z");
        assert_eq!("2026-10-14T02:00:00+02:00".parse(), Ok(at));
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T00:00:00Z");
    }

    #[test]
    fn dates_that_rfc_3339_cannot_write_are_refused() {
        for text in ["", "2026-10-14", "+010000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
