//! How an API's keys are written: prefix by environment, random body, check digits.

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use super::{Alphabet, Checksum, Digest, PlaintextKey, WideDigest};

/// A text that is written as a key of a format.
pub(super) struct Fit<'t> {
    pub(super) key: PresentedKey<'t>,
    pub(super) length: usize,
    /// Those whose keys begin so.
    pub(super) environments: Vec<&'t str>,
    /// What may be shown of it.
    pub(super) shown: &'t str,
    /// Whether it has check digits, which are right.
    pub(super) is_checked: bool,
    pub(super) alphabet: &'t Alphabet,
}

/// The compiled format of one API's keys. It makes keys and recognises them; both ends agree because both are here.
#[derive(Debug, Clone)]
pub struct KeyFormat {
    environments: Box<[EnvironmentPrefixes]>,
    /// All prefixes of all environments, each once, the longest first.
    prefixes: Box<[Box<str>]>,
    alphabet: Alphabet,
    checksum: Checksum,
    random_length: usize,
    checksum_length: usize,
    shown: usize,
}

/// What a key format is built from.
#[derive(Debug, Clone)]
pub struct KeyFormatSpec {
    /// In the order of declaration; the first is the default for new keys.
    pub environments: Vec<EnvironmentPrefixes>,
    /// The characters of everything after the prefix.
    pub alphabet: Alphabet,
    /// The check digits at the end.
    pub checksum: Checksum,
    /// Characters after the prefix, check digits included.
    pub length: usize,
}

/// An environment and the prefixes its keys may begin with. New keys begin with the first; an empty prefix is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentPrefixes {
    /// The environment's name, as in `live`.
    pub environment: Box<str>,
    /// Never empty; the first is issued.
    pub prefixes: Vec<Box<str>>,
}

/// Why a key format would not be safe or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFormatError {
    /// Fewer than 128 random bits.
    #[error("{length} characters leave {bits} random bits, and a key needs at least {needed}", needed = KeyFormat::MIN_RANDOM_BITS)]
    TooFewRandomBits {
        /// Characters after the prefix, as configured.
        length: usize,
        /// The random bits among them.
        bits: u32,
        /// The smallest length that would do.
        least_length: usize,
    },
    /// Longer than any header should carry.
    #[error("{0} characters after the prefix are more than {max}", max = KeyFormat::MAX_LENGTH)]
    TooLong(usize),
    /// A prefix holds a character that some carrier could not hold unescaped.
    #[error("the prefix {prefix:?} holds {character:?}; letters, digits, '-', '_' and '.' can stand in a prefix")]
    UnusablePrefix {
        /// The prefix.
        prefix: Box<str>,
        /// Its first unusable character.
        character: char,
    },
    /// Longer than [`KeyFormat::MAX_PREFIX`].
    #[error("the prefix {0:?} is longer than {max} characters", max = KeyFormat::MAX_PREFIX)]
    PrefixTooLong(Box<str>),
    /// No environment, or an environment without a prefix.
    #[error("there is no environment to issue keys for")]
    NoEnvironment,
}

/// Why presented text is not a key of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It begins with none of the API's prefixes, so it was meant for somebody else.
    Foreign,
    /// It has the prefix, but not the length, the characters or the check digits.
    Malformed,
}

/// Text that a caller presented and that may be looked up: it fits the API's format, or is looked for among imported keys.
/// Borrowed from the request; it cannot be printed.
#[derive(Clone, Copy)]
pub struct PresentedKey<'k>(&'k [u8]);

impl<'k> PresentedKey<'k> {
    /// The most bytes that an imported key can have. Hashing them takes a few microseconds, which anybody can cause.
    pub const LONGEST_IMPORTED: usize = 1_024;

    /// Text that fits no format, to be looked for among imported keys, which are as somebody else made them. Only for an API
    /// that has such keys: everywhere else [`KeyFormat::parse`] refuses it without a look-up. `None` if it is too long.
    pub fn of_imported(presented: &'k [u8]) -> Option<Self> {
        (presented.len() <= Self::LONGEST_IMPORTED).then_some(Self(presented))
    }

    /// What was presented before.
    pub(super) fn again(presented: &'k [u8]) -> Self {
        Self(presented)
    }

    /// The text itself, for this module's own hashing.
    pub(super) fn bytes(&self) -> &'k [u8] {
        self.0
    }

    /// What the key is looked up by.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0)
    }

    /// What an imported key may be known by until it is seen for the first time.
    pub fn wide_digest(&self) -> WideDigest {
        WideDigest::of(self.0)
    }
}

impl fmt::Debug for PresentedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedKey")
    }
}

impl KeyFormat {
    /// The least randomness a key may have, in bits. NIST SP 800-63B asks for 112 of a look-up secret; 128 leaves room for
    /// the characters that are shown.
    pub const MIN_RANDOM_BITS: u32 = 128;
    /// The most characters a key may have after its prefix.
    pub const MAX_LENGTH: usize = 256;
    /// The most characters a prefix may have.
    pub const MAX_PREFIX: usize = 64;
    /// How many characters after the prefix a display prefix shows, as long as 128 random bits stay hidden.
    const SHOWN: usize = 4;

    /// Compiles a format.
    ///
    /// # Errors
    /// All that is wrong with it, not just the first.
    pub fn new(spec: KeyFormatSpec) -> Result<Self, Vec<KeyFormatError>> {
        let KeyFormatSpec { environments, alphabet, checksum, length } = spec;
        let mut errors = Vec::new();
        let mut prefixes: Vec<Box<str>> = Vec::new();
        if environments.is_empty() || environments.iter().any(|e| e.prefixes.is_empty()) {
            errors.push(KeyFormatError::NoEnvironment);
        }
        for prefix in environments.iter().flat_map(|e| &e.prefixes) {
            let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if let Some(character) = prefix.chars().find(|&c| !usable(c)) {
                errors.push(KeyFormatError::UnusablePrefix { prefix: prefix.clone(), character });
            }
            if prefix.len() > Self::MAX_PREFIX {
                errors.push(KeyFormatError::PrefixTooLong(prefix.clone()));
            }
            if !prefixes.contains(prefix) {
                prefixes.push(prefix.clone());
            }
        }
        prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
        let checksum_length = checksum.length(&alphabet);
        let random_length = length.saturating_sub(checksum_length);
        let bits = alphabet.bits(random_length);
        if length > Self::MAX_LENGTH {
            errors.push(KeyFormatError::TooLong(length));
        } else if bits < Self::MIN_RANDOM_BITS {
            let least_length = checksum_length + least_random_length(&alphabet);
            errors.push(KeyFormatError::TooFewRandomBits { length, bits, least_length });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let shown = random_length.saturating_sub(least_random_length(&alphabet)).min(Self::SHOWN);
        Ok(Self {
            environments: environments.into(),
            prefixes: prefixes.into(),
            alphabet,
            checksum,
            random_length,
            checksum_length,
            shown,
        })
    }

    /// The environments in the order of declaration.
    pub fn environments(&self) -> &[EnvironmentPrefixes] {
        &self.environments
    }

    /// Whether some environment's keys have no prefix, so that any text could be one of them.
    pub fn accepts_any_prefix(&self) -> bool {
        self.prefixes.last().is_some_and(|prefix| prefix.is_empty())
    }

    /// Makes a key for an environment; `None` if there is no such environment.
    ///
    /// `fill` must fill its argument with bytes from a cryptographically secure source; it is asked again until enough
    /// bytes were usable, and its error is handed on.
    ///
    /// # Errors
    /// What `fill` failed with.
    pub fn generate<E>(
        &self,
        environment: &str,
        mut fill: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Option<PlaintextKey>, E> {
        let Some(of) = self.environments.iter().find(|e| &*e.environment == environment) else { return Ok(None) };
        let prefix = &of.prefixes[0];
        let mut key = Zeroizing::new(Vec::with_capacity(prefix.len() + self.body_length()));
        key.extend_from_slice(prefix.as_bytes());
        // Bytes past the last multiple of the alphabet's size are thrown away, or the first characters would be likelier.
        let fair = 256 - 256 % self.alphabet.size();
        let mut random = Zeroizing::new([0u8; 64]);
        while key.len() < prefix.len() + self.random_length {
            fill(&mut random[..])?;
            let missing = prefix.len() + self.random_length - key.len();
            let digits = random.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < fair);
            key.extend(digits.take(missing).map(|byte| self.alphabet.character(byte % self.alphabet.size())));
        }
        let body_end = key.len();
        key.resize(body_end + self.checksum_length, 0);
        let (text, digits) = key.split_at_mut(body_end);
        self.checksum.write(text, &self.alphabet, digits);
        // All characters are ASCII by construction; a replacement character could not parse and would be noticed.
        let text = Zeroizing::new(String::from_utf8_lossy(&key).into_owned());
        Ok(Some(PlaintextKey::new(text)))
    }

    /// Recognises a presented key: prefix, length, characters, check digits, in this order and without a look-up.
    ///
    /// # Errors
    /// Whether the text is somebody else's or a damaged key of this API.
    pub fn parse<'k>(&self, presented: &'k [u8]) -> Result<PresentedKey<'k>, Misfit> {
        let mut misfit = Misfit::Foreign;
        for prefix in &self.prefixes {
            let Some(body) = presented.strip_prefix(prefix.as_bytes()) else { continue };
            misfit = Misfit::Malformed;
            if body.len() != self.body_length() || !self.alphabet.spells(body) {
                continue;
            }
            let (text, digits) = presented.split_at(presented.len() - self.checksum_length);
            if self.checksum.fits(text, &self.alphabet, digits) {
                return Ok(PresentedKey(presented));
            }
        }
        Err(misfit)
    }

    /// Whether a text begins like one of this API's keys, whole or damaged.
    pub fn claims(&self, presented: &[u8]) -> bool {
        self.prefixes.iter().any(|prefix| presented.starts_with(prefix.as_bytes()))
    }

    /// Where whole keys of this format stand in a text, whatever surrounds them. Keys without a prefix are not looked for:
    /// they cannot be told from other words.
    pub fn keys_in<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = Range<usize>> + 't {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = (from..text.len()).find_map(|start| self.key_at(text, start))?;
            from = at.end;
            Some(at)
        })
    }

    /// Whether a whole key of this format stands in a text. One without a prefix is found between characters that no key has,
    /// and only if its check digits tell it from other words.
    pub fn is_in(&self, text: &[u8]) -> bool {
        let in_keys = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let bare = || self.accepts_any_prefix() && self.checksum_length > 0;
        self.keys_in(text).next().is_some() || (bare() && text.split(|b| !in_keys(b)).any(|word| self.parse(word).is_ok()))
    }

    /// Whether a whole key stands in a text with escapes, decoded or as it is written: an escape before a key may take in its first
    /// characters.
    pub(crate) fn is_in_escaped(&self, raw: &str, decoded: &[u8]) -> bool {
        self.is_in(raw.as_bytes()) || (decoded != raw.as_bytes() && self.is_in(decoded))
    }

    fn key_at(&self, text: &[u8], start: usize) -> Option<Range<usize>> {
        let rest = &text[start..];
        let prefixes = self.prefixes.iter().filter(|prefix| !prefix.is_empty() && rest.starts_with(prefix.as_bytes()));
        let mut ends = prefixes.map(|prefix| start + prefix.len() + self.body_length());
        ends.find(|&end| text.get(start..end).is_some_and(|key| self.parse(key).is_ok())).map(|end| start..end)
    }

    /// The ways in which a text that begins somewhere is a key of this format with a prefix. There is more than one only where one
    /// prefix begins another and nothing is checked.
    pub(super) fn fits_at<'t>(&'t self, text: &'t [u8], start: usize) -> impl Iterator<Item = Fit<'t>> {
        let rest = &text[start..];
        let prefixes = self.prefixes.iter().filter(|prefix| !prefix.is_empty() && rest.starts_with(prefix.as_bytes()));
        prefixes.filter_map(move |prefix| {
            let length = prefix.len() + self.body_length();
            let key = self.parse(rest.get(..length)?).ok()?;
            let begins_so = |of: &&EnvironmentPrefixes| of.prefixes.contains(prefix);
            let environments = self.environments.iter().filter(begins_so).map(|of| &*of.environment).collect();
            // A key is ASCII, since its prefix and its alphabet are.
            let shown = std::str::from_utf8(&rest[..prefix.len() + self.shown]).unwrap_or_default();
            Some(Fit { key, length, environments, shown, is_checked: self.checksum_length > 0, alphabet: &self.alphabet })
        })
    }

    /// All prefixes of all environments, each once.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.prefixes.iter().map(|prefix| &**prefix)
    }

    /// The characters of everything after the prefix.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// Whether keys end in check digits.
    pub fn is_checked(&self) -> bool {
        self.checksum_length > 0
    }

    /// The most characters that a whole key has.
    pub fn longest(&self) -> usize {
        self.prefixes.first().map_or(0, |prefix| prefix.len()) + self.body_length()
    }

    /// The fewest characters that a whole key has.
    pub fn shortest(&self) -> usize {
        self.prefixes.last().map_or(0, |prefix| prefix.len()) + self.body_length()
    }

    /// The part of a key that is kept and shown to recognise it by: its prefix and at most four characters more, and never
    /// so many that fewer than 128 random bits stay hidden.
    pub fn display_prefix(&self, key: &PlaintextKey) -> String {
        let text = key.expose();
        text[..text.len() - self.body_length() + self.shown].to_owned()
    }

    /// Characters after the prefix.
    pub fn body_length(&self) -> usize {
        self.random_length + self.checksum_length
    }
}

/// The fewest characters that carry [`KeyFormat::MIN_RANDOM_BITS`].
fn least_random_length(alphabet: &Alphabet) -> usize {
    (1..=KeyFormat::MAX_LENGTH)
        .find(|&length| alphabet.bits(length) >= KeyFormat::MIN_RANDOM_BITS)
        .unwrap_or(KeyFormat::MAX_LENGTH)
}

#[cfg(test)]
mod tests;
