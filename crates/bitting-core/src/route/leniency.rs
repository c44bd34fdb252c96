//! The ways in which servers read paths with less care than Bitting.

use std::ops::{BitOr, BitOrAssign};

/// A set of leniencies: features of a path that some servers ignore, or resolve once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leniencies(u8);

impl Leniencies {
    /// None of them: the path is read to the letter.
    pub const NONE: Self = Self(0);
    /// `/Admin` is read as `/admin`.
    pub const CASE: Self = Self(1);
    /// `/admin;x` is read as `/admin`.
    pub const PARAMETERS: Self = Self(2);
    /// `/admin/` is read as `/admin`.
    pub const TRAILING_SLASH: Self = Self(4);
    /// `/admin.` is read as `/admin`, as some file systems do with dots and spaces at the end of a name.
    pub const TRAILING_DOTS: Self = Self(8);
    /// `/%2561dmin` is read as `/admin`: escapes are decoded twice.
    pub const DOUBLE_ENCODING: Self = Self(16);
    /// `/admin%3Fx` and `/admin%23x` are read as `/admin`, as servers do that decode a path and then parse it again.
    pub const ENCODED_DELIMITERS: Self = Self(32);
    /// `/%61dmin` is not read as `/admin`, as by servers that match before they decode.
    pub const NO_DECODING: Self = Self(64);
    /// `/admin.json` is read as `/admin`, as by frameworks that let callers choose a format so.
    pub const FORMAT_SUFFIX: Self = Self(128);

    /// Each leniency with its name in configuration.
    pub const NAMED: [(&str, Self); 8] = [
        ("case", Self::CASE),
        ("parameters", Self::PARAMETERS),
        ("trailing-slash", Self::TRAILING_SLASH),
        ("trailing-dots", Self::TRAILING_DOTS),
        ("double-encoding", Self::DOUBLE_ENCODING),
        ("encoded-delimiters", Self::ENCODED_DELIMITERS),
        ("no-decoding", Self::NO_DECODING),
        ("format-suffix", Self::FORMAT_SUFFIX),
    ];

    /// Whether all of `other` are in the set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set without those of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// This set if a condition holds, else none.
    #[must_use]
    pub fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    /// Every subset but the empty one.
    pub(super) fn subsets(self) -> impl Iterator<Item = Self> {
        // Counting down through the subsets of a mask: (m - 1) & mask.
        let next = move |subset: &Self| Some(Self((subset.0 - 1) & self.0)).filter(|&subset| subset != Self::NONE);
        std::iter::successors(Some(self).filter(|&all| all != Self::NONE), next)
    }
}

impl BitOr for Leniencies {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Leniencies {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_all_of_them_and_each_once() {
        let set = Leniencies::CASE | Leniencies::TRAILING_SLASH | Leniencies::DOUBLE_ENCODING;
        let subsets: Vec<Leniencies> = set.subsets().collect();
        assert_eq!(subsets.len(), 7);
        assert!(subsets.iter().all(|&subset| set.has(subset) && subset != Leniencies::NONE));
        assert_eq!(Leniencies::NONE.subsets().count(), 0);
    }
}
