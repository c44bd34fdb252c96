//! A key's own numbers for limits, as a body has them.

use std::collections::BTreeMap;
use std::fmt;

use bitting_core::limit::MOST;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Whole numbers by the names of limits. Which names and how much there may be, the engine knows.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Limits(BTreeMap<String, Whole>);

/// JSON has one kind of numbers: 5.0 is a whole one.
#[derive(Debug, Clone, Copy)]
struct Whole(u64);

impl From<Limits> for BTreeMap<String, u64> {
    fn from(limits: Limits) -> Self {
        limits.0.into_iter().map(|(name, Whole(number))| (name, number)).collect()
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "up to 2^53 every whole number is exact, and no other gets here"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
        let is_exact = number.fract() == 0.0 && (0.0..=MOST as f64).contains(&number);
        if is_exact { Ok(Whole(number as u64)) } else { Err(E::custom("write a whole number")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written_and_no_others() {
        let read = |text: &str| serde_json::from_str::<Limits>(&format!("{{\"hour\": {text}}}")).map(BTreeMap::from);
        for (text, number) in [("5", 5), ("5.0", 5), ("5e2", 500), ("9007199254740992", MOST), ("9007199254740992.0", MOST)] {
            assert_eq!(read(text).unwrap()["hour"], number, "{text}");
        }
        for text in ["-1", "-1.0", "0.5", "1e300", "9007199254740994.0", "\"5\"", "null", "true", "[5]", "{}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
