//! Parsing keys: no input panics, and what parses is as long as a key and found again inside other text.
#![no_main]

use std::sync::LazyLock;

use bitting_core::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatSpec};
use libfuzzer_sys::fuzz_target;

static FORMATS: LazyLock<Vec<KeyFormat>> = LazyLock::new(|| {
    let format = |prefixes: &[&str], alphabet, checksum, length| {
        let prefixes = prefixes.iter().map(|&prefix| prefix.into()).collect();
        let environments = vec![EnvironmentPrefixes { environment: "live".into(), prefixes }];
        KeyFormat::new(KeyFormatSpec { environments, alphabet: Alphabet::new(alphabet).unwrap(), checksum, length }).unwrap()
    };
    vec![
        format(&["sk_live_", "sk_"], Alphabet::BASE62, Checksum::Crc32, 32),
        format(&[""], Alphabet::HEX, Checksum::None, 32),
        format(&["a.b-"], Alphabet::BASE32, Checksum::None, 26),
    ]
});

fuzz_target!(|input: &[u8]| {
    for format in FORMATS.iter() {
        if format.parse(input).is_ok() {
            assert!(format.claims(input) && input.len() >= format.body_length());
            assert!(format.accepts_any_prefix() || format.keys_in(input).next() == Some(0..input.len()));
        }
        for at in format.keys_in(input) {
            assert!(format.parse(&input[at]).is_ok());
        }
    }
});
