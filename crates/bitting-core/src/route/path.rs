//! A request's path, free of anything that two servers could read differently.

use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

use super::Leniencies;

/// The raw path of a request, checked and cut at its slashes. It borrows the request and, in the ordinary case, does not
/// allocate.
#[derive(Debug)]
pub struct RequestPath<'p> {
    /// Without its first slash.
    raw: &'p str,
    /// Where each segment ends. Two bytes each, because this is moved about on every request.
    ends: SmallVec<[u16; 12]>,
    /// Whether there is an escape in it.
    escaped: bool,
    /// Whether some escape stands for a slash, which is data to one server and a slash to another.
    pub(super) encoded_slash: bool,
    /// What in it another server might read in another way without it being wrong.
    pub(super) lenient: Leniencies,
}

/// Why a path is refused. No upstream ever sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It is longer than any server takes, which is 65,534 bytes.
    #[error("the path is too long")]
    TooLong,
    /// It does not begin with `/`: asterisk form, authority form, or nothing.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    /// `//` somewhere.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..` as a segment, raw or encoded, once or twice, with or without `;parameters`.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `\`, raw or encoded.
    #[error("the path has a backslash")]
    Backslash,
    /// A control character, a space, `?`, `#` or a byte above 127, raw; or a control character, encoded.
    #[error("the path has a character that must not stand in it")]
    ForbiddenCharacter,
    /// `%` without two hexadecimal digits.
    #[error("the path has an invalid percent escape")]
    InvalidEscape,
    /// Escapes that decode to something that is not UTF-8: overlong forms of other characters among them.
    #[error("the path does not decode to UTF-8")]
    NotUtf8,
    /// `%2F` on a route that does not take it as data.
    #[error("the path has an encoded slash")]
    EncodedSlash,
    /// It would fall to another rule if it were read with less care.
    #[error("the path falls to another rule when it is read with less care for case, endings and escapes")]
    Ambiguous,
    /// It is so long and so odd that reading it in all ways would take too long.
    #[error("the path is too long for all that is odd in it")]
    TooIntricate,
}

impl<'p> RequestPath<'p> {
    /// Checks a raw path, without its query.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(raw: &'p str) -> Result<Self, InvalidPath> {
        let rest = raw.strip_prefix('/').ok_or(InvalidPath::NotAbsolute)?;
        if rest.len() >= usize::from(u16::MAX) {
            return Err(InvalidPath::TooLong);
        }
        let mut path =
            Self { raw: rest, ends: SmallVec::new(), escaped: false, encoded_slash: false, lenient: Leniencies::NONE };
        let (mut start, mut escaped) = (0, false);
        // One pass over the bytes: this is on the way of every request.
        for (at, byte) in rest.bytes().enumerate() {
            match BYTES[usize::from(byte)] {
                Byte::Plain => {}
                Byte::Slash => {
                    if at == start {
                        return Err(InvalidPath::EmptySegment);
                    }
                    path.take_segment(start, at, escaped)?;
                    (start, escaped) = (at + 1, false);
                }
                Byte::Percent => escaped = true,
                Byte::Semicolon => path.lenient |= Leniencies::PARAMETERS,
                Byte::Capital => path.lenient |= Leniencies::CASE,
                Byte::Backslash => return Err(InvalidPath::Backslash),
                Byte::Forbidden => return Err(InvalidPath::ForbiddenCharacter),
            }
        }
        path.lenient |= Leniencies::TRAILING_SLASH.when(start == rest.len() && start > 0);
        path.take_segment(start, rest.len(), escaped)?;
        let has_suffix = !escaped && rest[start..].bytes().skip(1).any(|b| b == b'.');
        path.lenient |= Leniencies::FORMAT_SUFFIX.when(has_suffix);
        Ok(path)
    }

    /// The raw segments: `/v1/tasks` has two, `/` has one, which is empty.
    pub(super) fn segments(&self) -> impl ExactSizeIterator<Item = &'p str> {
        let (raw, mut start) = (self.raw, 0);
        self.ends.iter().map(move |&end| {
            let segment = &raw[start..usize::from(end)];
            start = usize::from(end) + 1;
            segment
        })
    }

    /// How many bytes it has after its first slash.
    pub(super) fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there is no escape in it, so that its raw segments are its decoded ones.
    pub(super) fn is_plain(&self) -> bool {
        !self.escaped
    }

    fn take_segment(&mut self, start: usize, end: usize, escaped: bool) -> Result<(), InvalidPath> {
        let segment = &self.raw[start..end];
        if escaped {
            self.escaped = true;
            self.check_escapes(segment)?;
        } else if segment.contains('.') {
            if is_dot_segment(segment) {
                return Err(InvalidPath::DotSegment);
            }
            self.lenient |= Leniencies::TRAILING_DOTS.when(segment.split(';').any(|part| part.ends_with('.')));
        }
        self.ends.push(u16::try_from(end).map_err(|_| InvalidPath::TooLong)?);
        Ok(())
    }

    /// The rare and suspicious part: it may allocate.
    fn check_escapes(&mut self, segment: &str) -> Result<(), InvalidPath> {
        if !escapes_are_whole(segment) {
            return Err(InvalidPath::InvalidEscape);
        }
        let once = percent_decode_str(segment).decode_utf8().map_err(|_| InvalidPath::NotUtf8)?;
        let twice = percent_decode_str(&once).decode_utf8().map_err(|_| InvalidPath::NotUtf8)?;
        for form in [&once, &twice] {
            if form.contains('\\') {
                return Err(InvalidPath::Backslash);
            }
            if form.chars().any(char::is_control) {
                return Err(InvalidPath::ForbiddenCharacter);
            }
            if form.split('/').any(is_dot_segment) {
                return Err(InvalidPath::DotSegment);
            }
        }
        self.encoded_slash |= once.contains('/');
        let folds = twice.chars().any(|c| !c.is_ascii() || c.is_ascii_uppercase());
        let dots = twice.split([';', '/', '?', '#']).any(|part| part.ends_with(['.', ' ']));
        self.lenient |= Leniencies::DOUBLE_ENCODING.when(once != twice)
            | Leniencies::PARAMETERS.when(twice.contains(';'))
            | Leniencies::ENCODED_DELIMITERS.when(twice.contains(['?', '#']))
            | Leniencies::NO_DECODING
            | Leniencies::FORMAT_SUFFIX.when(twice.contains('.'))
            | Leniencies::TRAILING_DOTS.when(dots)
            | Leniencies::CASE.when(folds);
        Ok(())
    }
}

/// What a raw byte is to a path.
#[derive(Clone, Copy, PartialEq)]
enum Byte {
    Plain,
    Slash,
    Percent,
    Semicolon,
    Capital,
    Backslash,
    Forbidden,
}

static BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = match byte {
            0x00..=0x20 | 0x23 | 0x3F | 0x7F.. => Byte::Forbidden,
            0x2F => Byte::Slash,
            0x25 => Byte::Percent,
            0x3B => Byte::Semicolon,
            0x41..=0x5A => Byte::Capital,
            0x5C => Byte::Backslash,
            _ => Byte::Plain,
        };
        byte += 1;
    }
    bytes
};

/// `.` and `..`, also before `;parameters`, which servlet containers cut off first, before a decoded `?` or `#`, and before
/// dots and spaces, which some file systems drop.
fn is_dot_segment(segment: &str) -> bool {
    let name = segment.split([';', '?', '#']).next().unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c == '.' || c == ' ')
}

fn escapes_are_whole(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    bytes.iter().enumerate().all(|(i, &byte)| byte != b'%' || (hex(i + 1) && hex(i + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass_with_their_segments() {
        for (raw, segments) in [
            ("/", &[""][..]),
            ("/v1/tasks", &["v1", "tasks"]),
            ("/v1/tasks/", &["v1", "tasks", ""]),
            ("/v1/a%20b/%C3%A9", &["v1", "a%20b", "%C3%A9"]),
            ("/.well-known/x..y/...z", &[".well-known", "x..y", "...z"]),
            ("/a:b@c!$&'()*+,;=~_-", &["a:b@c!$&'()*+,;=~_-"]),
        ] {
            assert_eq!(RequestPath::parse(raw).unwrap().segments().collect::<Vec<_>>(), segments, "{raw}");
        }
    }

    #[test]
    fn what_two_servers_could_read_differently_is_refused() {
        use InvalidPath::{Backslash, DotSegment, EmptySegment, ForbiddenCharacter, InvalidEscape, NotAbsolute, NotUtf8};
        for (raw, why) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("v1/tasks", NotAbsolute),
            ("//evil.example/x", EmptySegment),
            ("/v1//tasks", EmptySegment),
            ("/v1/tasks//", EmptySegment),
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/v1/./tasks", DotSegment),
            ("/v1/../admin", DotSegment),
            ("/v1/%2e%2e/admin", DotSegment),
            ("/v1/.%2E/admin", DotSegment),
            ("/v1/%252e%252e/admin", DotSegment),
            ("/v1/..;/admin", DotSegment),
            ("/v1/..;x=y/admin", DotSegment),
            ("/v1/%2e%2e%3b/admin", DotSegment),
            ("/v1/.../admin", DotSegment),
            ("/v1/..%20/admin", DotSegment),
            ("/v1/..%3fx", DotSegment),
            ("/v1/%2e%2e%2523x", DotSegment),
            ("/v1/..%2fadmin", DotSegment),
            ("/v1/x%2f..%2fadmin", DotSegment),
            ("/v1/x%252f..%252fadmin", DotSegment),
            ("/v1\\admin", Backslash),
            ("/v1%5Cadmin", Backslash),
            ("/v1%255cadmin", Backslash),
            ("/v1/a b", ForbiddenCharacter),
            ("/v1/a?b", ForbiddenCharacter),
            ("/v1/a#b", ForbiddenCharacter),
            ("/v1/a\tb", ForbiddenCharacter),
            ("/v1/a\u{7f}", ForbiddenCharacter),
            ("/v1/é", ForbiddenCharacter),
            ("/v1/%00", ForbiddenCharacter),
            ("/v1/%2500", ForbiddenCharacter),
            ("/v1/tasks%0d%0aX: y", ForbiddenCharacter),
            ("/v1/tasks%0a", ForbiddenCharacter),
            ("/v1/%7f", ForbiddenCharacter),
            ("/v1/%", InvalidEscape),
            ("/v1/%2", InvalidEscape),
            ("/v1/%zz", InvalidEscape),
            ("/v1/%u002e", InvalidEscape),
            ("/v1/100%", InvalidEscape),
            ("/v1/%C0%AE%C0%AE/admin", NotUtf8),
            ("/v1/%E0%80%AE/admin", NotUtf8),
            ("/v1/%FF", NotUtf8),
            ("/v1/%25FF", NotUtf8),
        ] {
            assert_eq!(RequestPath::parse(raw).map(|_| ()), Err(why), "{raw:?}");
        }
    }
}
