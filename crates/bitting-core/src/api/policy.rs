//! What an API asks of every key, whoever makes or changes it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use regex_lite::Regex;

/// What an API asks of its keys; by default nothing. It holds for keys that are made or changed from now on.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The longest that a key may live, counted from when it was made; a key must have an end then.
    pub max_lifetime: Option<Duration>,
    /// Whether a key must have an end.
    pub expiry_required: bool,
    /// Whether a key must say where it may be used from.
    pub addresses_required: bool,
    /// How its name must be written.
    pub name: Option<NamePattern>,
    /// How many keys an account may have, revoked and expired ones aside.
    pub keys_per_account: Option<u32>,
}

/// A regular expression that a whole name must match.
#[derive(Clone)]
pub struct NamePattern {
    text: Box<str>,
    whole: Regex,
}

/// A text that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a regular expression; write one such as \"[a-z]+(-[a-z0-9]+)*\"")]
pub struct InvalidNamePattern(Box<str>);

impl NamePattern {
    /// Whether a name is written so.
    pub fn fits(&self, name: &str) -> bool {
        self.whole.is_match(name)
    }

    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for NamePattern {
    type Err = InvalidNamePattern;

    fn from_str(text: &str) -> Result<Self, InvalidNamePattern> {
        let invalid = |_| InvalidNamePattern(text.into());
        // By itself first: a stray ")" must not close the group around it.
        Regex::new(text).map_err(invalid)?;
        Ok(Self { text: text.into(), whole: Regex::new(&format!("^(?:{text})$")).map_err(invalid)? })
    }
}

impl fmt::Debug for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_pattern_is_matched_as_a_whole() {
        let pattern: NamePattern = "[a-z]+|ops".parse().unwrap();
        assert!(pattern.fits("billing") && !pattern.fits("billing 2") && !pattern.fits("my ops") && !pattern.fits(""));
        for text in ["(", "a)|(b", "["] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }
}
