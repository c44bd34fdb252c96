//! Patterns in order, of which the first that matches wins, whoever reads the path.

use super::{InvalidPath, Leniencies, PathPattern, RequestPath};

/// How many bytes are read again, in all readings together, before a path is refused: anybody can send one, and a path that
/// long and that odd is no honest one.
const MOST_READING: usize = 32 * 1024;

/// Patterns in their order of precedence.
#[derive(Debug)]
pub struct PatternOrder {
    patterns: Box<[PathPattern]>,
    /// What the patterns themselves have in them that a lenient server ignores.
    lenient: Leniencies,
    all_ascii: bool,
    told_apart: Leniencies,
}

impl PatternOrder {
    /// Patterns of which an earlier one takes precedence. `told_apart` are the leniencies that the upstream is declared not
    /// to have.
    pub fn new(patterns: Vec<PathPattern>, told_apart: Leniencies) -> Self {
        let lenient = patterns.iter().fold(Leniencies::NONE, |all, pattern| all | pattern.lenient());
        let all_ascii = patterns.iter().all(|pattern| pattern.as_str().is_ascii());
        Self { patterns: patterns.into(), lenient, all_ascii, told_apart }
    }

    /// The patterns.
    pub fn patterns(&self) -> &[PathPattern] {
        &self.patterns
    }

    /// The position of the first pattern that matches a path and satisfies `applies`.
    pub(super) fn position(&self, path: &RequestPath<'_>, applies: impl Fn(usize) -> bool) -> Option<usize> {
        self.first(applies, |pattern| pattern.matches(path))
    }

    /// The same, if no more lenient reading of the path gives another position.
    ///
    /// # Errors
    /// [`InvalidPath::Ambiguous`], or [`InvalidPath::TooIntricate`] if it would take too long to say.
    pub fn unambiguous_position(
        &self,
        path: &RequestPath<'_>,
        applies: impl Fn(usize) -> bool,
    ) -> Result<Option<usize>, InvalidPath> {
        if self.patterns.is_empty() {
            return Ok(None);
        }
        let position = self.position(path, &applies);
        let readings = self.other_readings(path);
        if readings.subsets().count() * path.len() > MOST_READING {
            return Err(InvalidPath::TooIntricate);
        }
        let agrees = |reading| self.position_as_read(path, reading, &applies) == position;
        if readings.subsets().all(agrees) { Ok(position) } else { Err(InvalidPath::Ambiguous) }
    }

    fn position_as_read(&self, path: &RequestPath<'_>, reading: Leniencies, applies: impl Fn(usize) -> bool) -> Option<usize> {
        // Ids in capitals are common and not suspicious: this one case is compared in place.
        if reading == Leniencies::CASE && path.is_plain() && self.all_ascii {
            return self.first(applies, |pattern| pattern.matches_ignoring_ascii_case(path));
        }
        let segments = path.read(reading);
        self.first(applies, |pattern| pattern.matches_read(&segments, reading))
    }

    fn first(&self, applies: impl Fn(usize) -> bool, matches: impl Fn(&PathPattern) -> bool) -> Option<usize> {
        let mut candidates = self.patterns.iter().enumerate();
        candidates.find(|(position, pattern)| applies(*position) && matches(pattern)).map(|(position, _)| position)
    }

    /// The leniencies that could make a difference for this path; usually none.
    fn other_readings(&self, path: &RequestPath<'_>) -> Leniencies {
        let present = path.lenient | self.lenient;
        // Shortening can leave a segment empty, which then is a trailing slash.
        let keeping = Leniencies::CASE | Leniencies::TRAILING_SLASH | Leniencies::NO_DECODING | Leniencies::FORMAT_SUFFIX;
        let shortened = present.without(self.told_apart).without(keeping);
        (present | Leniencies::TRAILING_SLASH.when(shortened != Leniencies::NONE)).without(self.told_apart)
    }
}
