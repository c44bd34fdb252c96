//! Path patterns as the configuration writes them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::{Leniencies, RequestPath};

/// A pattern such as `/v1/tasks/{id}` or `/api/*`. `{name}` stands for one segment; `/*` at the end covers the path before
/// it and everything below.
#[derive(Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
    /// Whether the pattern ends in `/*`.
    everything_below: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Decoded text.
    Literal(Box<str>),
    /// Any one segment that is not empty.
    Any,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It does not begin with `/`.
    #[error("a path pattern begins with \"/\"; write it as in \"GET /v1/tasks/{{id}}\"")]
    NotAbsolute,
    /// `*` elsewhere than as the last segment.
    #[error("\"*\" can only be the last segment, where it covers everything below; write {{name}} for one segment")]
    StarInside,
    /// A brace that does not enclose a whole segment.
    #[error("braces enclose a whole segment; write it as in /v1/tasks/{{id}}")]
    Braces,
    /// Escapes, query and the like: no decoded path has them.
    #[error(
        "a pattern cannot have %, ?, #, \";\" or \\, nor \".\", \"..\" or empty segments; write the path decoded and without query"
    )]
    NotDecoded,
}

impl PathPattern {
    /// The pattern as the configuration writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a path matches, segment by decoded segment.
    pub(super) fn matches(&self, path: &RequestPath<'_>) -> bool {
        if path.is_plain() {
            return self.matches_segments(&self.segments, path.segments(), |literal, raw| literal == raw);
        }
        self.matches_segments(&self.segments, path.segments(), |literal, raw| percent_decode_str(raw).eq(literal.bytes()))
    }

    /// Whether every path that matches `other` matches this one too.
    pub fn covers(&self, other: &Self) -> bool {
        let (mine, theirs) = (&self.segments, &other.segments);
        let long_enough = if self.everything_below { theirs.len() >= mine.len() } else { theirs.len() == mine.len() };
        let each = |(mine, theirs): (&Segment, &Segment)| match (mine, theirs) {
            (Segment::Any, Segment::Any) => true,
            (Segment::Any, Segment::Literal(text)) => !text.is_empty(),
            (mine, theirs) => mine == theirs,
        };
        long_enough && (self.everything_below || !other.everything_below) && mine.iter().zip(theirs).all(each)
    }

    /// Whether a path without escapes matches for a server that ignores the case of ASCII letters.
    pub(super) fn matches_ignoring_ascii_case(&self, path: &RequestPath<'_>) -> bool {
        self.matches_segments(&self.segments, path.segments(), str::eq_ignore_ascii_case)
    }

    /// Whether a path matches for a server that reads both the path and the pattern in a lenient way.
    pub(super) fn matches_read(&self, path: &[String], reading: Leniencies) -> bool {
        // A pattern's own trailing slash is an empty last literal; a server that ignores it ignores it here too.
        let without_slash = match &*self.segments {
            [rest @ .., Segment::Literal(last)]
                if last.is_empty() && reading.has(Leniencies::TRAILING_SLASH) && !rest.is_empty() =>
            {
                rest
            }
            all => all,
        };
        let segments = path.iter().map(String::as_str);
        let last = path.last().map(String::as_str).unwrap_or_default();
        let is = |literal: &str, segment: &str| {
            let read = read_text(literal, reading);
            // A name with a suffix in the configuration is read as one in a path is.
            let is_last = reading.has(Leniencies::FORMAT_SUFFIX) && std::ptr::eq(segment, last);
            read == segment || (is_last && without_suffix(&read) == segment)
        };
        self.matches_segments(without_slash, segments, is)
    }

    fn matches_segments<'p>(
        &self,
        own: &[Segment],
        path: impl ExactSizeIterator<Item = &'p str>,
        literal: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let fits = if self.everything_below { path.len() >= own.len() } else { path.len() == own.len() };
        fits && own.iter().zip(path).all(|(pattern, segment)| match pattern {
            Segment::Literal(text) => literal(text, segment),
            Segment::Any => !segment.is_empty(),
        })
    }

    /// The features of the pattern itself that make a lenient reading differ.
    pub(super) fn lenient(&self) -> Leniencies {
        self.segments.iter().fold(Leniencies::NONE, |found, segment| match segment {
            Segment::Any => found,
            Segment::Literal(text) => {
                found
                    | Leniencies::CASE.when(text.chars().any(|c| !c.is_ascii() || c.is_ascii_uppercase()))
                    | Leniencies::TRAILING_DOTS.when(text.ends_with(['.', ' ']))
                    | Leniencies::TRAILING_SLASH.when(text.is_empty())
            }
        })
    }
}

impl RequestPath<'_> {
    /// The segments as a lenient server reads them.
    pub(super) fn read(&self, reading: Leniencies) -> Vec<String> {
        let mut segments = Vec::new();
        for raw in self.segments() {
            let undecoded = reading.has(Leniencies::NO_DECODING);
            let mut text = if undecoded { decode_necessary(raw) } else { percent_decode_str(raw).decode_utf8_lossy() };
            if reading.has(Leniencies::DOUBLE_ENCODING) && !undecoded {
                text = percent_decode_str(&text).decode_utf8_lossy().into_owned().into();
            }
            let delimiter = text.find(['?', '#']).filter(|_| reading.has(Leniencies::ENCODED_DELIMITERS));
            let path = &text[..delimiter.unwrap_or(text.len())];
            if reading.has(Leniencies::DOUBLE_ENCODING) {
                segments.extend(path.split('/').map(|segment| read_text(segment, reading)));
            } else {
                segments.push(read_text(path, reading));
            }
            if delimiter.is_some() {
                break;
            }
        }
        let count = segments.len();
        let mut position = 0;
        // What cutting has emptied is a double slash to the server, which it merges.
        segments.retain(|segment| {
            position += 1;
            !segment.is_empty() || position == count
        });
        if reading.has(Leniencies::TRAILING_SLASH) && segments.len() > 1 && segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        if let Some(last) = segments.last_mut().filter(|_| reading.has(Leniencies::FORMAT_SUFFIX)) {
            last.truncate(without_suffix(last).len());
        }
        segments
    }
}

/// Decoded as far as a path cannot be written without: what is escaped without need stays as it was sent, as a server
/// compares it that does not decode. Configuration is written decoded, so the rest must be.
fn decode_necessary(raw: &str) -> Cow<'_, str> {
    let needless = |text: &str| {
        let byte = percent_decode_str(text).next().unwrap_or_default();
        byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
    };
    let mut text = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        let (head, tail) = rest.split_at(at);
        let Some(escape) = tail.get(..3) else { break };
        text.push_str(head);
        // An escape that stays is escaped once more, for what is decoded below.
        text.push_str(if needless(escape) { "%25" } else { "%" });
        text.push_str(&escape[1..]);
        rest = &tail[3..];
    }
    text.push_str(rest);
    Cow::Owned(percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

/// A last segment without `.json` and the like.
fn without_suffix(segment: &str) -> &str {
    segment.rsplit_once('.').map_or(segment, |(stem, _)| stem).trim_end_matches('.')
}

/// One decoded segment, without what the reading ignores.
fn read_text(segment: &str, reading: Leniencies) -> String {
    let mut text = segment;
    if reading.has(Leniencies::PARAMETERS) {
        text = text.split(';').next().unwrap_or_default();
    }
    if reading.has(Leniencies::TRAILING_DOTS) {
        text = text.trim_end_matches(['.', ' ']);
    }
    // Through capitals first: a long s or a Kelvin sign folds to an ASCII letter only that way.
    if reading.has(Leniencies::CASE) { text.to_uppercase().to_lowercase() } else { text.to_owned() }
}

impl FromStr for PathPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let rest = text.strip_prefix('/').ok_or(InvalidPattern::NotAbsolute)?;
        let (rest, everything_below) = match rest.strip_suffix("/*") {
            _ if rest == "*" => (None, true),
            Some(rest) => (Some(rest), true),
            None => (Some(rest), false),
        };
        let mut segments = Vec::new();
        let cuts: Vec<&str> = rest.into_iter().flat_map(|rest| rest.split('/')).collect();
        for (i, &segment) in cuts.iter().enumerate() {
            if segment.contains('*') {
                return Err(InvalidPattern::StarInside);
            }
            let enclosed = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
            if let Some(name) = enclosed.filter(|name| !name.contains(['{', '}'])) {
                if name.is_empty() {
                    return Err(InvalidPattern::Braces);
                }
                segments.push(Segment::Any);
                continue;
            }
            if segment.contains(['{', '}']) {
                return Err(InvalidPattern::Braces);
            }
            let trailing_slash = segment.is_empty() && i + 1 == cuts.len() && !everything_below;
            let coded = segment.chars().any(|c| c.is_control() || matches!(c, '%' | '?' | '#' | ';' | '\\'));
            if coded || segment == "." || segment == ".." || (segment.is_empty() && !trailing_slash) {
                return Err(InvalidPattern::NotDecoded);
            }
            segments.push(Segment::Literal(segment.into()));
        }
        Ok(Self { text: text.into(), segments: segments.into(), everything_below })
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        pattern.parse::<PathPattern>().unwrap().matches(&RequestPath::parse(path).unwrap())
    }

    #[test]
    fn patterns_match_decoded_segments() {
        for (pattern, path) in [
            ("/", "/"),
            ("/v1/tasks", "/v1/tasks"),
            ("/v1/tasks", "/v1/t%61sks"),
            ("/v1/tasks/{id}", "/v1/tasks/7"),
            ("/v1/{kind}/{id}", "/v1/tasks/a%20b"),
            ("/v1/*", "/v1/tasks/7"),
            ("/v1/*", "/v1"),
            ("/v1/*", "/v1/"),
            ("/*", "/"),
            ("/*", "/anything/at/all"),
            ("/café", "/caf%C3%A9"),
            ("/v1/", "/v1/"),
        ] {
            assert!(matches(pattern, path), "{pattern} should match {path}");
        }
        for (pattern, path) in [
            ("/", "/v1"),
            ("/v1/tasks", "/v1/Tasks"),
            ("/v1/tasks", "/v1/tasks/"),
            ("/v1/tasks/{id}", "/v1/tasks/"),
            ("/v1/tasks/{id}", "/v1/tasks/7/notes"),
            ("/v1/*", "/v11"),
            ("/v1/*", "/v"),
            ("/v1/", "/v1"),
        ] {
            assert!(!matches(pattern, path), "{pattern} should not match {path}");
        }
    }

    #[test]
    fn a_pattern_covers_another_when_nothing_could_match_only_the_other() {
        let covers = |one: &str, other: &str| one.parse::<PathPattern>().unwrap().covers(&other.parse().unwrap());
        for (one, other) in [("/*", "/v1/*"), ("/v1/*", "/v1"), ("/v1/{id}", "/v1/x"), ("/v1/{id}", "/v1/{name}"), ("/x", "/x")]
        {
            assert!(covers(one, other), "{one} should cover {other}");
        }
        for (one, other) in
            [("/v1/*", "/*"), ("/v1", "/v1/*"), ("/v1/x", "/v1/{id}"), ("/v1/{id}", "/v1/"), ("/{a}/x", "/v1/*")]
        {
            assert!(!covers(one, other), "{one} should not cover {other}");
        }
    }

    #[test]
    fn texts_that_are_no_pattern_are_refused() {
        use InvalidPattern::{Braces, NotAbsolute, NotDecoded, StarInside};
        for (text, why) in [
            ("", NotAbsolute),
            ("v1", NotAbsolute),
            ("*", NotAbsolute),
            ("/v1/*/tasks", StarInside),
            ("/v1/tasks*", StarInside),
            ("/v1/**", StarInside),
            ("/v1/{}", Braces),
            ("/v1/{id", Braces),
            ("/v1/v{n}", Braces),
            ("/v1/%41", NotDecoded),
            ("/v1//x", NotDecoded),
            ("/v1/x?y", NotDecoded),
            ("/v1/../x", NotDecoded),
            ("//*", NotDecoded),
        ] {
            assert_eq!(text.parse::<PathPattern>(), Err(why), "{text:?}");
        }
    }
}
