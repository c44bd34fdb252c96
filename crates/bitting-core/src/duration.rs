//! Durations as people write them.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration such as \"90d\", \"12h\", \"30s\" or \"500ms\"")]
pub struct InvalidDuration(String);

/// Reads a duration such as `90d`, `1h 30m` or `500ms`. A day has 24 hours; months and years are refused, since they have no
/// one length.
///
/// # Errors
/// If it is none, or negative.
pub fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration(text.chars().take(64).collect());
    let span: jiff::Span = text.parse().map_err(|_| invalid())?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return Err(invalid());
    }
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| invalid())?;
    Duration::try_from(duration).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("90d", 7_776_000_000),
            ("2w", 1_209_600_000),
            ("0s", 0),
            ("12 hours", 43_200_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "30", "soon", "-5s", "1month", "1y", "5s ago"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
