//! How keys are written, as regular expressions for programs that look for secrets.
//!
//! The expressions use what RE2, PCRE, Hyperscan and Rust's `regex` understand alike: no look-around. Check digits cannot be asked for in
//! them, so they find a little more than keys.

use super::{Alphabet, KeyFormat};

/// How the keys with one prefix are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// The prefix, never empty.
    pub prefix: Box<str>,
    /// The environments whose keys begin so.
    pub environments: Vec<Box<str>>,
    /// A regular expression of a whole key.
    pub expression: String,
    /// What comes before a key: the beginning of the text, or a character that no word goes on with.
    pub before: String,
    /// What comes after a key: the end of the text, or a character that neither a key nor a word goes on with.
    pub after: String,
}

impl KeyPattern {
    /// A regular expression of a key among other words. The key itself is its first group.
    pub fn in_text(&self) -> String {
        format!("(?:{})({})(?:{})", self.before, self.expression, self.after)
    }
}

impl KeyFormat {
    /// A pattern for each prefix, the longest first. There is none for keys without a prefix, since any word could be one.
    pub fn patterns(&self) -> Vec<KeyPattern> {
        let pattern = |prefix: &str| {
            let begins_so = |of: &&super::EnvironmentPrefixes| of.prefixes.iter().any(|other| &**other == prefix);
            let class = class(self.alphabet());
            KeyPattern {
                prefix: prefix.into(),
                environments: self.environments().iter().filter(begins_so).map(|of| of.environment.clone()).collect(),
                // Letters, digits, "-" and "_" stand for themselves.
                expression: format!("{}[{class}]{{{}}}", prefix.replace('.', "\\."), self.body_length()),
                before: "\\A|[^0-9A-Za-z]".to_owned(),
                after: format!("\\z|[^0-9A-Za-z{}]", marks(self.alphabet())),
            }
        };
        self.prefixes().filter(|prefix| !prefix.is_empty()).map(pattern).collect()
    }
}

/// The characters of an alphabet that are neither letters nor digits, as they stand in a class of a regular expression.
fn marks(alphabet: &Alphabet) -> String {
    [(b"_", "_"), (b"-", "\\-")].into_iter().filter(|(mark, _)| alphabet.spells(*mark)).map(|(_, written)| written).collect()
}

/// The characters of an alphabet as they stand in a class of a regular expression: runs of three and more by their ends, `-` last.
fn class(alphabet: &Alphabet) -> String {
    let spelled = (0..=u8::MAX).filter(|&byte| byte != b'-' && alphabet.spells(&[byte]));
    let mut runs: Vec<(u8, u8)> = Vec::new();
    for byte in spelled {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == byte => *last = byte,
            _ => runs.push((byte, byte)),
        }
    }
    let mut class = String::new();
    for (first, last) in runs {
        class.push(first.into());
        if last > first + 1 {
            class.push('-');
        }
        if last > first {
            class.push(last.into());
        }
    }
    if alphabet.spells(b"-") {
        class.push_str("\\-");
    }
    class
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;
    use crate::key::{Checksum, EnvironmentPrefixes, KeyFormatSpec};

    fn format(prefixes: &[&str], alphabet: &str, checksum: Checksum) -> KeyFormat {
        let environment = |&prefix: &&str| EnvironmentPrefixes { environment: prefix.into(), prefixes: vec![prefix.into()] };
        let environments = prefixes.iter().map(environment).collect();
        KeyFormat::new(KeyFormatSpec { environments, alphabet: Alphabet::new(alphabet).unwrap(), checksum, length: 200 })
            .unwrap()
    }

    fn key(format: &KeyFormat, environment: &str) -> String {
        let fill = |buffer: &mut [u8]| {
            buffer.iter_mut().zip(7u8..).for_each(|(byte, value)| *byte = value.wrapping_mul(37));
            Ok::<(), std::convert::Infallible>(())
        };
        format.generate(environment, fill).unwrap().unwrap().expose().to_owned()
    }

    #[test]
    fn a_class_names_the_alphabet_and_nothing_else() {
        for (alphabet, expected) in [
            (Alphabet::BASE62, "0-9A-Za-z"),
            (Alphabet::BASE58, "1-9A-HJ-NP-Za-km-z"),
            (Alphabet::BASE32, "2-7a-z"),
            (Alphabet::HEX, "0-9a-f"),
            ("01", "01"),
            ("xz-_", "_xz\\-"),
        ] {
            let alphabet = Alphabet::new(alphabet).unwrap();
            assert_eq!(class(&alphabet), expected);
            let one = Regex::new(&format!("^[{expected}]$")).unwrap();
            for byte in 0..=127u8 {
                assert_eq!(one.is_match(&char::from(byte).to_string()), alphabet.spells(&[byte]), "{byte}");
            }
        }
    }

    #[test]
    fn a_pattern_matches_issued_keys_among_other_words_and_no_near_misses() {
        for alphabet in [Alphabet::BASE62, Alphabet::BASE58, Alphabet::BASE32, Alphabet::HEX, "01", "abcdefghijkl-_"] {
            for checksum in [Checksum::Crc32, Checksum::None] {
                let format = format(&["sk_live_", "a.b-c_", "k", ""], alphabet, checksum);
                let patterns = format.patterns();
                assert_eq!(patterns.iter().map(|pattern| &*pattern.prefix).collect::<Vec<_>>(), ["sk_live_", "a.b-c_", "k"]);
                for pattern in patterns {
                    assert_eq!(pattern.environments, std::slice::from_ref(&pattern.prefix));
                    let (key, regex) = (key(&format, &pattern.prefix), Regex::new(&pattern.in_text()).unwrap());
                    for text in [key.clone(), format!("KEY={key}\n"), format!("{{\"key\":\"{key}\"}}"), format!("x_{key}, y")] {
                        assert_eq!(regex.captures(&text).unwrap().get(1).unwrap().as_str(), key, "{text}");
                    }
                    let last = char::from(key.as_bytes()[key.len() - 1]);
                    for near in [
                        format!("9{key}"),
                        format!("{key}{last}"),
                        format!("{key}Z"),
                        key[..key.len() - 1].to_owned(),
                        key.replace("sk_live_", "sk-live-").replace("a.b", "a_b").replacen('k', "j", 1),
                        format!("{}!{}", &key[..key.len() - 9], &key[key.len() - 8..]),
                    ] {
                        assert!(!regex.is_match(&near), "{near}");
                    }
                }
            }
        }
    }
}
