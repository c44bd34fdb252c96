//! `[api.key]`: how keys are written.

use bitting_core::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatError, KeyFormatSpec};

use crate::config::document::Value;
use crate::config::problem::Location;
use crate::config::section::{At, Section, closest, text_of, texts_of};

/// Characters after the prefix: 26 random ones in base62, 154 bits, and a checksum of 6.
const DEFAULT_LENGTH: usize = 32;

/// The environment of an API that names none.
const ONLY_ENVIRONMENT: &str = "live";

/// The alphabets that have a name.
const ALPHABETS: [(&str, &str); 4] =
    [("base62", Alphabet::BASE62), ("base58", Alphabet::BASE58), ("base32", Alphabet::BASE32), ("hex", Alphabet::HEX)];

/// With fewer characters a text like a name is a slip and no alphabet: `hexa` has four different letters too.
const TOO_FEW: usize = 10;

/// Reads the format. `api` is the table to blame if there is no `[api.key]` at all.
pub(super) fn read(api: &Section<'_>) -> Option<KeyFormat> {
    let Some(key) = api.section("key") else {
        let help = "write [api.key] with a prefix, as in prefix = \"sk_\", by which keys and leaks are recognised";
        api.findings.error(api.at, "this API says nothing about its keys", help);
        return None;
    };
    let (environments, places) = read_prefixes(&key);
    let alphabet = read_alphabet(&key);
    let checksum = key.choice("checksum", &[("crc32", Checksum::Crc32), ("none", Checksum::None)]);
    let largest = i64::try_from(KeyFormat::MAX_LENGTH).unwrap_or(i64::MAX);
    let length = key.number("length", 1..=largest);
    let key_at = key.at;
    let length_at = length.as_ref().map_or(key_at, |length| length.at);
    // Before anything that is missing ends this: what is missing was often misspelt.
    key.finish();
    let spec = KeyFormatSpec {
        environments: environments?,
        alphabet: alphabet?,
        checksum: checksum.unwrap_or(Checksum::Crc32),
        length: length.as_ref().map_or(DEFAULT_LENGTH, |length| usize::try_from(length.value).unwrap_or(0)),
    };
    let format = KeyFormat::new(spec);
    for error in format.as_ref().err().into_iter().flatten() {
        let (at, help) = match error {
            KeyFormatError::TooFewRandomBits { least_length, .. } => {
                (length_at, format!("write length = {least_length} or more"))
            }
            KeyFormatError::TooLong(_) => (length_at, format!("write length = {} or less", KeyFormat::MAX_LENGTH)),
            KeyFormatError::UnusablePrefix { prefix, .. } | KeyFormatError::PrefixTooLong(prefix) => {
                let place = places.iter().find(|place| place.value == &**prefix).map_or(key_at, |place| place.at);
                (place, format!("write letters, digits and \"_\", at most {} of them", KeyFormat::MAX_PREFIX))
            }
            KeyFormatError::NoEnvironment => (key_at, "write prefix = \"sk_\" or one for each environment".to_owned()),
        };
        api.findings.error(at, error.to_string(), help);
    }
    format.ok()
}

/// One prefix for all, or a table of environments, each with one prefix or several.
fn read_prefixes<'c>(key: &Section<'c>) -> (Option<Vec<EnvironmentPrefixes>>, Vec<At<'c, &'c str>>) {
    let Some(entry) = key.node("prefix") else {
        let help = "write prefix = \"sk_\", or prefix = { live = \"sk_live_\", test = \"sk_test_\" }; \"\" is none";
        key.findings.error(key.at, "[api.key] has no `prefix`", help);
        return (None, Vec::new());
    };
    let mut places = Vec::new();
    let mut environment = |name: &str, at: &Location, texts: Option<Vec<At<'c, &'c str>>>| match texts {
        Some(texts) if !texts.is_empty() => {
            let prefixes = texts.iter().map(|text| text.value.into()).collect();
            places.extend(texts);
            Some(EnvironmentPrefixes { environment: name.into(), prefixes })
        }
        _ => {
            let help = "write text in quotes, or a list of texts of which the first is issued";
            key.findings.error(at, format!("the environment {name:?} has no prefix"), help);
            None
        }
    };
    let environments: Option<Vec<EnvironmentPrefixes>> = match &entry.node.value {
        Value::Table(table) => table
            .entries
            .iter()
            .map(|of| {
                if !is_name(&of.key) {
                    let help = "write small letters, digits, \"-\" and \"_\"";
                    key.findings.error(&of.key_at, format!("{:?} cannot name an environment", of.key), help);
                }
                environment(&of.key, &of.key_at, texts_of(&of.node))
            })
            .collect(),
        _ => environment(ONLY_ENVIRONMENT, &entry.node.at, texts_of(&entry.node)).map(|only| vec![only]),
    };
    (environments, places)
}

/// One of the alphabets that have a name, or its characters.
fn read_alphabet(key: &Section<'_>) -> Option<Alphabet> {
    let Some(entry) = key.node("alphabet") else { return Alphabet::new(Alphabet::BASE62).ok() };
    let Some(text) = text_of(&entry.node) else {
        let help = "write \"base62\", \"base58\", \"base32\", \"hex\", or the characters";
        key.findings.error(&entry.node.at, format!("`alphabet` is {}", entry.node.value.kind()), help);
        return None;
    };
    let named = ALPHABETS.iter().find(|(name, _)| *name == text.value).map(|(_, characters)| *characters);
    let characters = named.unwrap_or(text.value);
    let meant = closest(characters, ALPHABETS.iter().map(|(name, _)| *name));
    if let (true, Some(meant)) = (characters.len() < TOO_FEW, meant) {
        let help = format!("did you mean {meant:?}?");
        key.findings.error(text.at, format!("{characters:?} is not a known alphabet"), help);
        return None;
    }
    let alphabet = Alphabet::new(characters);
    if let Err(error) = &alphabet {
        let help =
            "write \"base62\", \"base58\", \"base32\", \"hex\", or at least 2 different letters, digits, \"-\" and \"_\"";
        key.findings.error(text.at, error.to_string(), help);
    }
    alphabet.ok()
}

/// A name that can stand in a header, a path and a metric.
pub(super) fn is_name(text: &str) -> bool {
    let usable = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(usable)
}
