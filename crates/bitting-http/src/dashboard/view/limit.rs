//! Limits as people say them.

use bitting_core::limit::Limit;

use super::thousands;
use crate::docs::pace_words;

/// A limit in words: "10,000 an hour".
pub(crate) fn limit_words(limit: &Limit) -> String {
    limit_of(limit, limit.allowed)
}

/// A limit that allows something else, in words.
pub(crate) fn limit_of(limit: &Limit, allowed: u64) -> String {
    format!("{} {}", thousands(allowed), pace_words(&limit.pace))
}
