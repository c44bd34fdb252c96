//! Leaving keys out of texts that are logged.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::KeyFormat;

/// What stands in a key's place.
const CONCEALED: &str = "[key]";

/// Leaves the whole keys of several formats out of a path.
#[derive(Debug, Clone)]
pub struct Concealment {
    formats: Box<[KeyFormat]>,
    /// The fewest characters in which a key could hide.
    shortest: usize,
}

impl Concealment {
    /// For the keys of these formats.
    pub fn new(formats: impl IntoIterator<Item = KeyFormat>) -> Self {
        let formats: Box<[KeyFormat]> = formats.into_iter().collect();
        let shortest = formats.iter().map(KeyFormat::shortest).min().unwrap_or(usize::MAX);
        Self { formats, shortest }
    }

    /// A raw path without the whole keys in it, also those with escapes. A key without a prefix is known only if it is a
    /// whole segment; a damaged key, one that is cut by a slash, and one that is escaped twice are not recognised.
    pub fn conceal<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if path.split('/').all(|segment| matches!(self.segment(segment), Cow::Borrowed(_))) {
            return Cow::Borrowed(path);
        }
        let segments: Vec<Cow<'_, str>> = path.split('/').map(|segment| self.segment(segment)).collect();
        Cow::Owned(segments.join("/"))
    }

    fn segment<'p>(&self, raw: &'p str) -> Cow<'p, str> {
        if raw.len() < self.shortest {
            return Cow::Borrowed(raw);
        }
        let decoded: Cow<'_, [u8]> = percent_decode_str(raw).into();
        if self.formats.iter().any(|format| format.parse(&decoded).is_ok()) {
            return CONCEALED.to_owned().into();
        }
        let Some(format) = self.formats.iter().find(|format| format.is_in_escaped(raw, &decoded)) else {
            return Cow::Borrowed(raw);
        };
        if matches!(decoded, Cow::Owned(_)) {
            // Where it stands among the escapes is not worth finding out.
            return CONCEALED.to_owned().into();
        }
        let (mut kept, mut from) = (String::new(), 0);
        for at in format.keys_in(raw.as_bytes()) {
            kept.push_str(raw.get(from..at.start).unwrap_or_default());
            kept.push_str(CONCEALED);
            from = at.end;
        }
        kept.push_str(raw.get(from..).unwrap_or_default());
        // What is left may hold a key of another format.
        Cow::Owned(self.segment(&kept).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormatSpec};

    fn format(prefix: &str) -> KeyFormat {
        let environments = vec![EnvironmentPrefixes { environment: "live".into(), prefixes: vec![prefix.into()] }];
        let alphabet = Alphabet::new(Alphabet::BASE62).unwrap();
        KeyFormat::new(KeyFormatSpec { environments, alphabet, checksum: Checksum::Crc32, length: 32 }).unwrap()
    }

    fn key(format: &KeyFormat, seed: u8) -> String {
        let fill = |buffer: &mut [u8]| {
            buffer.iter_mut().zip(seed..).for_each(|(byte, value)| *byte = value);
            Ok::<(), std::convert::Infallible>(())
        };
        format.generate("live", fill).unwrap().unwrap().expose().to_owned()
    }

    #[test]
    fn whole_keys_of_every_format_are_left_out_of_a_path_and_nothing_else_is() {
        let (a, b, bare) = (format("a_"), format("b_"), format(""));
        let (ka, kb, kc) = (key(&a, 1), key(&b, 2), key(&bare, 3));
        let escaped = ka.replace('_', "%5f");
        let concealment = Concealment::new([a, b, bare]);
        for (path, expected) in [
            (format!("/x/{ka}/y"), "/x/[key]/y"),
            (format!("/x/{ka}"), "/x/[key]"),
            (format!("/{escaped}"), "/[key]"),
            (format!("/x%1{ka}/y"), "/[key]/y"),
            (format!("/x/before-{ka}-after/{kb}"), "/x/before-[key]-after/[key]"),
            (format!("/{ka}{kb}{ka}"), "/[key][key][key]"),
            (format!("/{kc}/y"), "/[key]/y"),
            ("/".to_owned(), "/"),
            ("/v1/tasks/01ARZ3NDEKTSV4RRFFQ69G5FAV01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(), ""),
            (format!("/{}", "a_".repeat(30)), ""),
        ] {
            let expected = if expected.is_empty() { path.as_str() } else { expected };
            assert_eq!(concealment.conceal(&path), expected);
        }
    }

    #[test]
    fn a_long_path_of_keys_is_gone_through_once() {
        let format = format("a_");
        let key = key(&format, 1);
        let path = format!("/{}", key.repeat(1_500));
        assert_eq!(Concealment::new([format]).conceal(&path), format!("/{}", CONCEALED.repeat(1_500)));
    }
}
