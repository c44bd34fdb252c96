//! Sizes as people write them.

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a size such as \"64KiB\", \"10MB\" or \"1GiB\"")]
pub struct InvalidSize(String);

/// What a unit stands for, in bytes.
const UNITS: [(&str, u64); 7] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1)];

/// Reads a size such as `64KiB` or `10 MB` in bytes. Units are those of IEC 80000-13, in any case.
///
/// # Errors
/// If it is none, or more than can be counted.
pub fn parse(text: &str) -> Result<u64, InvalidSize> {
    let invalid = || InvalidSize(text.chars().take(64).collect());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, bytes) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(invalid)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(*bytes)).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0B", 0),
            ("64KiB", 65_536),
            ("10 MB", 10_000_000),
            ("10mb", 10_000_000),
            ("1GiB", 1 << 30),
            ("2GB", 2_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "64", "KiB", "-1kB", "1.5MB", "1TB", "1kB2", "18446744073709551615GiB", "٣kB"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
