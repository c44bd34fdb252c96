//! Permission names and the patterns that cover them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One to four segments joined by `:`, as in `tasks:read`. A segment `*` covers any segment in its place, so `tasks:*`
/// covers `tasks:read` but not `tasks` and not `tasks:read:own`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Permission(Box<str>);

/// A text that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a permission; write one to four words of letters, digits, '-', '_', '.' (or a single '*') joined by ':'")]
pub struct InvalidPermission(Box<str>);

impl Permission {
    const MAX_SEGMENTS: usize = 4;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether some segment is `*`.
    pub fn is_pattern(&self) -> bool {
        self.segments().any(|segment| segment == "*")
    }

    /// Whether holding `self` includes holding `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.segments().count() == other.segments().count()
            && self.segments().zip(other.segments()).all(|(mine, theirs)| mine == "*" || mine == theirs)
    }

    /// All names that cover this one: itself and each way of writing `*` for some of its segments, at most 16.
    pub fn covering(&self) -> Vec<Self> {
        let segments: Vec<&str> = self.segments().collect();
        let mut all: Vec<Self> = (0..1usize << segments.len())
            .map(|mask| {
                let written = segments.iter().enumerate().map(|(i, s)| if mask & (1usize << i) == 0 { *s } else { "*" });
                Self(written.collect::<Vec<_>>().join(":").into())
            })
            .collect();
        all.sort();
        all.dedup();
        all
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split(':')
    }
}

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let fits = text.len() <= 128
            && text.split(':').count() <= Self::MAX_SEGMENTS
            && text.split(':').all(|segment| segment == "*" || word(segment));
        if fits { Ok(Self(text.into())) } else { Err(InvalidPermission(text.chars().take(128).collect())) }
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0.into()
    }
}

impl TryFrom<String> for Permission {
    type Error = InvalidPermission;

    fn try_from(text: String) -> Result<Self, InvalidPermission> {
        text.parse()
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(text: &str) -> Permission {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_covers_one_segment_in_its_place_and_nothing_else() {
        for (holder, held) in [("tasks:*", "tasks:read"), ("*:*", "tasks:read"), ("*:read", "tasks:read"), ("a:*", "a:*")] {
            assert!(permission(holder).covers(&permission(held)), "{holder} should cover {held}");
        }
        for (holder, held) in [
            ("tasks:write", "tasks:read"),
            ("tasks:*", "tasks"),
            ("*", "tasks:read"),
            ("tasks:read", "tasks:*"),
            ("a:*", "a:b:c"),
        ] {
            assert!(!permission(holder).covers(&permission(held)), "{holder} should not cover {held}");
        }
    }

    #[test]
    fn covering_lists_exactly_the_names_that_cover() {
        let all: Vec<String> = permission("tasks:read").covering().iter().map(ToString::to_string).collect();
        assert_eq!(all, ["*:*", "*:read", "tasks:*", "tasks:read"]);
        assert!(permission("a:b:c:d").covering().iter().all(|p| p.covers(&permission("a:b:c:d"))));
    }

    #[test]
    fn texts_that_are_no_permission_are_refused() {
        for text in
            ["", ":", "tasks:", ":read", "tasks::read", "tasks read", "tasks,read", "a:b:c:d:e", "t*:read", "tâsks:read"]
        {
            assert!(text.parse::<Permission>().is_err(), "{text:?}");
        }
        assert!("x".repeat(129).parse::<Permission>().is_err());
    }
}
