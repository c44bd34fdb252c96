use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

fn spec(prefixes: &[(&str, &[&str])], alphabet: &str, checksum: Checksum, length: usize) -> KeyFormatSpec {
    let environments = prefixes
        .iter()
        .map(|(environment, prefixes)| EnvironmentPrefixes {
            environment: (*environment).into(),
            prefixes: prefixes.iter().map(|&prefix| prefix.into()).collect(),
        })
        .collect();
    KeyFormatSpec { environments, alphabet: Alphabet::new(alphabet).unwrap(), checksum, length }
}

fn standard() -> KeyFormat {
    let both: &[(&str, &[&str])] = &[("live", &["sk_live_", "sk_"]), ("test", &["sk_test_"])];
    KeyFormat::new(spec(both, Alphabet::BASE62, Checksum::Crc32, 32)).unwrap()
}

/// A source of bytes that is random enough for tests and the same in every run.
fn bytes(seed: u64) -> impl FnMut(&mut [u8]) -> Result<(), Infallible> {
    let mut state = seed | 1;
    move |buffer| {
        for byte in buffer {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[3];
        }
        Ok(())
    }
}

fn generate(format: &KeyFormat, environment: &str, seed: u64) -> PlaintextKey {
    let Ok(key) = format.generate(environment, bytes(seed));
    key.unwrap()
}

/// Every format that the alphabets, checksums and kinds of prefix allow, at the least length that is safe.
fn any_format() -> impl Strategy<Value = KeyFormat> {
    let alphabets = prop::sample::select(vec![
        Alphabet::BASE62,
        Alphabet::BASE58,
        Alphabet::BASE32,
        Alphabet::HEX,
        "01",
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
    ]);
    let prefixes = prop::sample::select(vec!["", "k", "sk_live_", "csb_pub_", "a.b-c_"]);
    (alphabets, prefixes, prop::bool::ANY, 0usize..20).prop_map(|(alphabet, prefix, checked, more)| {
        let checksum = if checked { Checksum::Crc32 } else { Checksum::None };
        let least = match KeyFormat::new(spec(&[("live", &[prefix])], alphabet, checksum, 0)) {
            Err(errors) => match errors[0] {
                KeyFormatError::TooFewRandomBits { least_length, .. } => least_length,
                _ => panic!("{errors:?}"),
            },
            Ok(_) => panic!("a key of length 0 was accepted"),
        };
        KeyFormat::new(spec(&[("live", &[prefix])], alphabet, checksum, least + more)).unwrap()
    })
}

proptest! {
    #[test]
    fn every_generated_key_parses_in_its_own_format(format in any_format(), seed: u64) {
        let key = generate(&format, "live", seed);
        let presented = format.parse(key.expose().as_bytes()).unwrap();
        prop_assert_eq!(presented.digest(), key.digest());
    }

    #[test]
    fn the_display_prefix_hides_at_least_128_bits(format in any_format(), seed: u64) {
        let key = generate(&format, "live", seed);
        let shown = format.display_prefix(&key);
        prop_assert!(key.expose().starts_with(&shown));
        let hidden = key.expose().len() - shown.len() - format.checksum_length;
        prop_assert!(format.alphabet.bits(hidden) >= KeyFormat::MIN_RANDOM_BITS);
    }

    #[test]
    fn parsing_arbitrary_bytes_never_panics(presented: Vec<u8>) {
        let _ = standard().parse(&presented);
    }
}

#[test]
fn every_single_character_change_of_a_checksummed_key_is_refused() {
    let format = standard();
    for seed in 1..4 {
        let key = generate(&format, "live", seed);
        for position in 0..key.expose().len() {
            for other in 0u8..=255 {
                let mut changed = key.expose().as_bytes().to_vec();
                if changed[position] != other {
                    changed[position] = other;
                    assert!(format.parse(&changed).is_err(), "byte {position} became {other:#x} and was accepted");
                }
            }
        }
    }
}

#[test]
fn a_key_with_a_character_missing_doubled_or_swapped_is_refused() {
    let format = standard();
    let key = generate(&format, "live", 9);
    let text = key.expose();
    for position in 8..text.len() {
        let (head, tail) = text.split_at(position);
        assert!(format.parse(format!("{head}{}", &tail[1..]).as_bytes()).is_err());
        assert!(format.parse(format!("{head}{}{tail}", &tail[..1]).as_bytes()).is_err());
        let mut swapped = text.as_bytes().to_vec();
        swapped.swap(position, position - 1);
        assert!(swapped == text.as_bytes() || format.parse(&swapped).is_err());
    }
}

#[test]
fn a_text_without_the_prefix_is_foreign_and_one_with_it_is_malformed() {
    let format = standard();
    for (text, misfit) in [
        ("", Misfit::Foreign),
        ("sk", Misfit::Foreign),
        ("SK_LIVE_0123456789012345678901234567", Misfit::Foreign),
        ("eyJhbGciOiJIUzI1NiJ9.e30.abc", Misfit::Foreign),
        ("sk_", Misfit::Malformed),
        ("sk_live_", Misfit::Malformed),
        ("sk_live_00000000000000000000000000000000", Misfit::Malformed),
        ("sk_live_0000000000000000000000000000000 ", Misfit::Malformed),
    ] {
        assert_eq!(format.parse(text.as_bytes()).unwrap_err(), misfit, "{text:?}");
    }
    assert_eq!(format.parse(&vec![b'k'; 10_000_000]).unwrap_err(), Misfit::Foreign);
}

#[test]
fn the_first_prefix_of_an_environment_is_issued_and_the_others_are_accepted() {
    let issued_before = KeyFormat::new(spec(&[("live", &["sk_"])], Alphabet::BASE62, Checksum::Crc32, 32)).unwrap();
    let old = generate(&issued_before, "live", 5);
    let new = generate(&standard(), "live", 5);
    assert!(old.expose().starts_with("sk_") && new.expose().starts_with("sk_live_"));
    assert!(standard().parse(old.expose().as_bytes()).is_ok());
    assert!(standard().parse(new.expose().as_bytes()).is_ok());
    let Ok(none) = standard().generate("staging", bytes(1));
    assert!(none.is_none());
}

#[test]
fn a_prefix_that_begins_another_does_not_hide_the_longer_ones_keys() {
    let alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let both: &[(&str, &[&str])] = &[("live", &["sk_"]), ("test", &["sk_test_"])];
    let format = KeyFormat::new(spec(both, alphabet, Checksum::Crc32, 32)).unwrap();
    for environment in ["live", "test"] {
        let key = generate(&format, environment, 77);
        assert!(format.parse(key.expose().as_bytes()).is_ok(), "{environment}");
    }
}

#[test]
fn less_than_128_random_bits_is_an_error_that_names_the_least_length() {
    let errors = KeyFormat::new(spec(&[("live", &["sk_"])], Alphabet::BASE62, Checksum::Crc32, 27)).unwrap_err();
    assert_eq!(errors, [KeyFormatError::TooFewRandomBits { length: 27, bits: 125, least_length: 28 }]);
    assert!(KeyFormat::new(spec(&[("live", &["sk_"])], Alphabet::BASE62, Checksum::Crc32, 28)).is_ok());
    assert!(KeyFormat::new(spec(&[("live", &["sk_"])], Alphabet::HEX, Checksum::None, 31)).is_err());
    assert!(KeyFormat::new(spec(&[("live", &["sk_"])], Alphabet::HEX, Checksum::None, 32)).is_ok());
}

#[test]
fn all_that_is_wrong_with_a_format_is_said_at_once() {
    let long = "x".repeat(65);
    let errors = KeyFormat::new(spec(&[("live", &["sk live", &long])], Alphabet::HEX, Checksum::None, 8)).unwrap_err();
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn the_characters_of_generated_keys_are_evenly_spread() {
    let format = standard();
    let mut counts = [0u32; 128];
    let mut source = bytes(42);
    for _ in 0..4_000 {
        let Ok(key) = format.generate("live", &mut source);
        let key = key.unwrap();
        key.expose()[8..34].bytes().for_each(|b| counts[usize::from(b)] += 1);
    }
    let expected = 4_000 * 26 / 62;
    for c in Alphabet::BASE62.bytes() {
        let count = counts[usize::from(c)];
        assert!(count.abs_diff(expected) < expected / 5, "{} came {count} times, expected about {expected}", c as char);
    }
}

#[test]
fn a_key_is_found_inside_other_text_and_a_damaged_one_is_not() {
    let format = standard();
    let key = generate(&format, "test", 3);
    let text = format!("https://example.com/sk_test_/?x={}&y=1", key.expose());
    let found: Vec<&str> = format.keys_in(text.as_bytes()).map(|at| &text[at]).collect();
    assert_eq!(found, [key.expose()]);
    assert!(!format.is_in(text.replace("sk_test_", "sk_tost_").as_bytes()) && !format.is_in(b""));
}
