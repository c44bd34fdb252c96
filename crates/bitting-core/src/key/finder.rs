//! Finding keys in texts of any kind.

use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};

use super::format::Fit;
use super::{KeyFormat, PresentedKey};

/// Finds the keys of several formats wherever they stand, in one pass. Keys without a prefix are not among them: nothing tells them
/// from other words.
#[derive(Debug, Clone)]
pub struct KeyFinder {
    formats: Box<[KeyFormat]>,
    /// With what a key can begin. Of two of which one begins the other only the shorter is there: wherever the longer is, it is too.
    starts: Option<AhoCorasick>,
    longest: usize,
}

/// A text that is written as a key of some format. Whether there is such a key only a look-up can tell.
pub struct FoundKey<'t> {
    /// Where it stands.
    pub at: Range<usize>,
    /// The number of its format among those of the finder.
    pub format: usize,
    /// The environments whose keys begin so.
    pub environments: Vec<&'t str>,
    /// What may be shown of it.
    pub shown: &'t str,
    /// To look it up by.
    pub key: PresentedKey<'t>,
    /// Whether its check digits are right, or there are none and no longer word goes on around it. Of what is not plausible nothing
    /// should be said unless it is known.
    pub is_plausible: bool,
}

/// Prefixes that make no automaton, which configuration does not have: there are far too many of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are too many prefixes to look for: {0}")]
pub struct TooManyPrefixes(String);

impl KeyFinder {
    /// For the keys of these formats.
    ///
    /// # Errors
    /// If there are more prefixes than can be looked for at once.
    pub fn new(formats: impl IntoIterator<Item = KeyFormat>) -> Result<Self, TooManyPrefixes> {
        let formats: Box<[KeyFormat]> = formats.into_iter().collect();
        let mut prefixes: Vec<&str> =
            formats.iter().flat_map(KeyFormat::prefixes).filter(|prefix| !prefix.is_empty()).collect();
        prefixes.sort_unstable();
        // What a text begins comes right after it.
        prefixes.dedup_by(|later, earlier| later.starts_with(*earlier));
        let longest = formats.iter().map(KeyFormat::longest).max().unwrap_or_default();
        let starts =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).start_kind(StartKind::Unanchored).build(&prefixes);
        let starts = starts.map_err(|error| TooManyPrefixes(error.to_string()))?;
        Ok(Self { starts: (!prefixes.is_empty()).then_some(starts), formats, longest })
    }

    /// The most bytes that a key can have.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The keys that begin in a part of a text, in the order of their beginnings. What stands around that part is looked at too: a
    /// key may end behind it, and a longer word may begin before it.
    pub fn find<'t>(&'t self, text: &'t [u8], part: Range<usize>) -> impl Iterator<Item = FoundKey<'t>> {
        let mut from = part.start;
        let starts = std::iter::from_fn(move || {
            let input = Input::new(text).anchored(Anchored::No).range(from.min(text.len())..);
            let start = self.starts.as_ref()?.find(input)?.start();
            from = start + 1;
            (start < part.end).then_some(start)
        });
        starts.flat_map(move |start| {
            let formats = self.formats.iter().enumerate();
            formats
                .flat_map(move |(number, format)| format.fits_at(text, start).map(move |fit| found(text, start, number, fit)))
        })
    }
}

fn found<'t>(text: &'t [u8], start: usize, format: usize, fit: Fit<'t>) -> FoundKey<'t> {
    let Fit { key, length, environments, shown, is_checked, alphabet } = fit;
    let at = start..start + length;
    let goes_on = |byte: Option<&u8>| byte.is_some_and(|&byte| byte.is_ascii_alphanumeric() || alphabet.spells(&[byte]));
    let before = start.checked_sub(1).and_then(|before| text.get(before));
    let is_plausible = is_checked || !(goes_on(before) || goes_on(text.get(at.end)));
    FoundKey { at, format, environments, shown, key, is_plausible }
}

impl fmt::Debug for FoundKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoundKey").field("at", &self.at).field("format", &self.format).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormatSpec};

    fn format(prefixes: &[(&str, &str)], alphabet: &str, checksum: Checksum) -> KeyFormat {
        let of = |&(environment, prefix): &(&str, &str)| EnvironmentPrefixes {
            environment: environment.into(),
            prefixes: vec![prefix.into()],
        };
        let environments = prefixes.iter().map(of).collect();
        KeyFormat::new(KeyFormatSpec { environments, alphabet: Alphabet::new(alphabet).unwrap(), checksum, length: 40 })
            .unwrap()
    }

    fn key(format: &KeyFormat, environment: &str, seed: u8) -> String {
        let fill = |buffer: &mut [u8]| {
            buffer.iter_mut().zip(seed..).for_each(|(byte, value)| *byte = value);
            Ok::<(), std::convert::Infallible>(())
        };
        format.generate(environment, fill).unwrap().unwrap().expose().to_owned()
    }

    fn places(finder: &KeyFinder, text: &str) -> Vec<(usize, usize)> {
        finder.find(text.as_bytes(), 0..text.len()).map(|found| (found.at.start, found.format)).collect()
    }

    #[test]
    fn keys_are_found_whatever_surrounds_them_and_told_apart_by_their_formats() {
        let shop = format(&[("live", "shop_live_"), ("test", "shop_")], Alphabet::BASE62, Checksum::Crc32);
        let bank = format(&[("live", "b.")], Alphabet::HEX, Checksum::Crc32);
        let (live, test, other) = (key(&shop, "live", 1), key(&shop, "test", 2), key(&bank, "live", 3));
        let finder = KeyFinder::new([shop, bank]).unwrap();
        let words = format!("\u{0}x{live}{test}\u{e9}KEY=\"{other}\"b.b.{other}!");
        let found: Vec<_> = finder.find(words.as_bytes(), 0..words.len()).collect();
        let starts = [&live, &test, &other].map(|key| words.find(key.as_str()).unwrap());
        let last = words.rfind(&other).unwrap();
        assert_eq!(
            found.iter().map(|found| (found.at.start, found.format, found.is_plausible)).collect::<Vec<_>>(),
            [(starts[0], 0, true), (starts[1], 0, true), (starts[2], 1, true), (last, 1, true)]
        );
        assert_eq!(found.iter().map(|found| &words[found.at.clone()]).collect::<Vec<_>>(), [&live, &test, &other, &other]);
        assert_eq!((&found[0].environments[..], &found[1].environments[..]), (&["live"][..], &["test"][..]));
        assert_eq!((found[0].shown, found[2].shown), (&live[..14], &other[..2]));
        assert!(!format!("{found:?}").contains(&live[..20]));
    }

    #[test]
    fn near_misses_are_no_keys() {
        let shop = format(&[("live", "shop_")], Alphabet::BASE62, Checksum::Crc32);
        let whole = key(&shop, "live", 9);
        let finder = KeyFinder::new([shop]).unwrap();
        let end = if whole.ends_with('0') { "1" } else { "0" };
        for near in [
            whole[..whole.len() - 1].to_owned(),
            format!("{}{end}", &whole[..whole.len() - 1]),
            whole.replace("shop_", "shop-"),
            whole.to_uppercase(),
            format!("{} {}", &whole[..20], &whole[20..]),
            "shop_".repeat(30),
        ] {
            assert_eq!(places(&finder, &near), [], "{near}");
        }
        assert_eq!(places(&finder, &format!("{whole}0")), [(0, 0)]);
    }

    #[test]
    fn without_check_digits_only_a_word_by_itself_is_plausible() {
        let plain = format(&[("live", "sk_")], Alphabet::BASE62, Checksum::None);
        let key = key(&plain, "live", 4);
        let finder = KeyFinder::new([plain]).unwrap();
        for (text, is_plausible) in [
            (key.clone(), true),
            (format!("key={key}\n"), true),
            (format!("\"{key}\\n"), true),
            (format!("ta{key}"), false),
            (format!("{key}0"), false),
        ] {
            let found: Vec<bool> = finder.find(text.as_bytes(), 0..text.len()).map(|found| found.is_plausible).collect();
            assert_eq!(found, [is_plausible], "{text}");
        }
    }

    #[test]
    fn a_part_of_a_text_has_the_keys_that_begin_in_it() {
        let shop = format(&[("live", "shop_")], Alphabet::BASE62, Checksum::Crc32);
        let key = key(&shop, "live", 4);
        let finder = KeyFinder::new([shop]).unwrap();
        let text = format!("{key} {key} {key}");
        let starts =
            |part: Range<usize>| -> Vec<usize> { finder.find(text.as_bytes(), part).map(|found| found.at.start).collect() };
        let step = key.len() + 1;
        assert_eq!(starts(0..1), [0]);
        assert_eq!(starts(1..step + 1), [step]);
        assert!(starts(1..step).is_empty());
        assert_eq!(starts(step..text.len() + 9), [step, 2 * step]);
        assert!(starts(text.len() + 5..text.len() + 9).is_empty());
    }

    #[test]
    fn a_format_without_prefixes_finds_nothing() {
        let bare = format(&[("live", "")], Alphabet::BASE62, Checksum::Crc32);
        let key = key(&bare, "live", 4);
        assert_eq!(places(&KeyFinder::new([bare]).unwrap(), &key), []);
    }
}
