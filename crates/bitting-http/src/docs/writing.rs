//! How names and times are written, and numbers as in the dashboard.

use std::time::Duration;

use bitting_core::limit::Pace;
use bitting_core::route::{Methods, PathPattern};
use http::{HeaderName, Method};

pub(super) use crate::dashboard::thousands as number;

/// Parts of header names that are not written with one capital at the beginning.
const SPELLED: [(&str, &str); 5] =
    [("api", "API"), ("ratelimit", "RateLimit"), ("www", "WWW"), ("websocket", "WebSocket"), ("etag", "ETag")];

/// A header's name as people write it. Any other spelling means the same.
pub(super) fn header(name: &HeaderName) -> String {
    let part = |part: &str| match SPELLED.iter().find(|(plain, _)| *plain == part) {
        Some((_, spelled)) => (*spelled).to_owned(),
        None => capitalised(part),
    };
    name.as_str().split('-').map(part).collect::<Vec<_>>().join("-")
}

/// The environment variable for a key: `PRODUCT_API_KEY` for "Product API". What cannot stand in one is left out.
pub(super) fn variable(title: &str) -> String {
    let mut words: Vec<String> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
        .collect();
    if words.last().is_some_and(|word| word == "API") {
        words.pop();
    }
    if words.first().is_none_or(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
        words.insert(0, "MY".to_owned());
    }
    words.extend(["API".to_owned(), "KEY".to_owned()]);
    words.join("_")
}

/// With a capital at the beginning.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// As in "365 days".
pub(super) fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000)];
    match units.into_iter().find(|(_, length)| ms >= *length && ms.is_multiple_of(*length)) {
        Some((unit, length)) if ms == length => format!("1 {unit}"),
        Some((unit, length)) => format!("{} {unit}s", ms / length),
        None => format!("{ms} ms"),
    }
}

/// As in "an hour".
pub(crate) fn pace(pace: &Pace) -> String {
    let one = |unit: &str| if unit == "hour" { "an hour".to_owned() } else { format!("a {unit}") };
    match pace {
        Pace::Window(period) => one(period.name()),
        Pace::Bucket { .. } => match duration(pace.length()).split_once(' ') {
            Some(("1", unit)) => one(unit),
            _ => format!("in {}", duration(pace.length())),
        },
    }
}

/// Which calls a rule is about, as in `GET /v1/tasks/*`.
pub(super) fn call(methods: &Methods, pattern: &PathPattern) -> String {
    match methods {
        Methods::All => pattern.as_str().to_owned(),
        Methods::Some(some) => {
            let names: Vec<&str> = some.iter().map(Method::as_str).collect();
            format!("{} {}", names.join(", "), pattern.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use bitting_core::limit::Period;

    use super::*;

    #[test]
    fn headers_are_spelled_as_people_spell_them() {
        for (name, spelled) in [
            ("x-api-key", "X-API-Key"),
            ("x-ratelimit-reset", "X-RateLimit-Reset"),
            ("www-authenticate", "WWW-Authenticate"),
            ("retry-after", "Retry-After"),
        ] {
            assert_eq!(header(&HeaderName::from_static(name)), spelled);
        }
    }

    #[test]
    fn the_variable_is_named_after_the_api_and_a_shell_can_set_it() {
        for (title, name) in [
            ("Product API", "PRODUCT_API_KEY"),
            ("CSBoard", "CSBOARD_API_KEY"),
            ("API", "MY_API_KEY"),
            ("42 Things", "MY_42_THINGS_API_KEY"),
            ("$(rm -rf) \"Größe\"", "RM_RF_GR_E_API_KEY"),
            ("日本", "MY_API_KEY"),
        ] {
            assert_eq!(variable(title), name);
        }
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let days = |days: u64| Duration::from_hours(24 * days);
        for (time, text) in [
            (days(365), "365 days"),
            (days(1), "1 day"),
            (Duration::from_secs(90), "90 seconds"),
            (Duration::from_millis(1_500), "1500 ms"),
        ] {
            assert_eq!(duration(time), text);
        }
        assert_eq!(pace(&Pace::Window(Period::Hour)), "an hour");
        assert_eq!(pace(&Pace::Bucket { per_ms: 1_000, burst: 5 }), "a second");
        assert_eq!(pace(&Pace::Bucket { per_ms: 10_000, burst: 5 }), "in 10 seconds");
    }
}
