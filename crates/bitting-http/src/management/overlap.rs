//! How long something old goes on beside what takes its place: a number of seconds, or a text such as `24h`.

use std::time::Duration;

use bitting_core::duration;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::nullable::Nullable;
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
    Written::deserialize(value)?.read()
}

/// Reads one, or null.
pub(crate) fn overlap_or_null<'de, D: Deserializer<'de>>(value: D) -> Result<Nullable<Duration>, D::Error> {
    match Option::<Written>::deserialize(value)? {
        Some(written) => written.read().map(Nullable::Value),
        None => Ok(Nullable::Null),
    }
}

/// A length of time as it may be written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    // JSON has one kind of numbers: 5.0 is a whole one.
    Seconds(f64),
    Text(String),
}

impl Written {
    fn read<E: serde::de::Error>(self) -> Result<Duration, E> {
        match self {
            Self::Seconds(seconds) if seconds.fract() == 0.0 && seconds <= f64::from(u32::MAX) => {
                Duration::try_from_secs_f64(seconds).map_err(E::custom)
            }
            Self::Seconds(_) => Err(E::custom("write whole seconds")),
            Self::Text(text) => duration::parse(&text).map_err(E::custom),
        }
    }
}
