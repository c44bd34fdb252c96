//! How long something old goes on beside what takes its place: a number of seconds, or a text such as `24h`.

use std::time::Duration;

use bitting_core::duration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::openapi::words;

/// A length of time, in seconds or as text.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "`overlap` reads it")]
pub(crate) enum Overlap {
    Seconds(u32),
    Text(words::Period),
}

/// Reads one.
pub(crate) fn overlap<'de, D: Deserializer<'de>>(value: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        // JSON has one kind of numbers: 5.0 is a whole one.
        Seconds(f64),
        Text(String),
    }
    match Written::deserialize(value)? {
        Written::Seconds(seconds) if seconds.fract() == 0.0 && seconds <= f64::from(u32::MAX) => {
            Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)
        }
        Written::Seconds(_) => Err(D::Error::custom("write whole seconds")),
        Written::Text(text) => duration::parse(&text).map_err(D::Error::custom),
    }
}
