//! Bytes as hexadecimal digits, as hashes are written.

use std::fmt::Write as _;

/// Two small digits for each byte.
///
/// ```
/// use bitting_core::hexadecimal;
/// assert_eq!(hexadecimal::digits(&[0, 0xab]), "00ab");
/// assert_eq!(hexadecimal::bytes("00AB"), Some(vec![0, 0xab]));
/// ```
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of digits, small or capital; `None` if there is anything else among them, or half a byte.
pub fn bytes(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks();
    let byte = |&[high, low]: &[u8; 2]| Some(value(high)? << 4 | value(low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_read_back_and_nothing_else_does() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&digits(&all)), Some(all.clone()));
        assert_eq!(bytes(&digits(&all).to_uppercase()), Some(all));
        assert_eq!(bytes(""), Some(Vec::new()));
        for wrong in ["0", "0g", "+1", "0x12", "12 ", "é"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
