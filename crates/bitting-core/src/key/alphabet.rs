//! The characters that a key is written in.

use std::fmt;

/// An ordered set of ASCII characters; the position of a character is its digit.
#[derive(Clone, PartialEq, Eq)]
pub struct Alphabet {
    characters: Box<[u8]>,
    /// The digit of each byte, or [`NO_DIGIT`], so that membership is one look and no search.
    digits: [u8; 256],
}

/// What stands in the table for a byte that is no character.
const NO_DIGIT: u8 = u8::MAX;

/// Why a text is no alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AlphabetError {
    /// Fewer than two characters carry no information.
    #[error("an alphabet needs at least 2 characters")]
    TooShort,
    /// A character stands twice, which would make it likelier than the others.
    #[error("the character {0:?} stands in the alphabet twice")]
    Repeated(char),
    /// A character that some carrier of a key (header, query, cookie, Basic) could not hold unescaped.
    #[error("the character {0:?} cannot stand in a key; letters, digits, '-' and '_' can")]
    Unusable(char),
}

impl Alphabet {
    /// Digits, capitals, small letters: the default, as in `0-9A-Za-z`.
    pub const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    /// Base62 without the four that people confuse (`0`, `O`, `I`, `l`).
    pub const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    /// RFC 4648 base32 in small letters.
    pub const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";
    /// Hexadecimal in small letters.
    pub const HEX: &str = "0123456789abcdef";

    /// Reads an alphabet from its characters in order.
    ///
    /// # Errors
    /// Says which character cannot be used, or stands twice.
    pub fn new(characters: &str) -> Result<Self, AlphabetError> {
        let mut digits = [NO_DIGIT; 256];
        for (value, c) in (0u8..).zip(characters.chars()) {
            if !(c.is_ascii_alphanumeric() || c == '-' || c == '_') {
                return Err(AlphabetError::Unusable(c));
            }
            let digit = &mut digits[c as usize];
            if *digit != NO_DIGIT {
                return Err(AlphabetError::Repeated(c));
            }
            *digit = value;
        }
        if characters.len() < 2 {
            return Err(AlphabetError::TooShort);
        }
        Ok(Self { characters: characters.as_bytes().into(), digits })
    }

    /// How many characters there are, from 2 to 64.
    pub fn size(&self) -> usize {
        self.characters.len()
    }

    /// The number that a text of its characters writes, most significant digit first.
    pub(super) fn number(&self, text: &[u8]) -> u64 {
        let radix = self.characters.len() as u64;
        text.iter()
            .fold(0, |number: u64, &byte| number.wrapping_mul(radix).wrapping_add(u64::from(self.digits[usize::from(byte)])))
    }

    /// The character for a digit below [`size`](Self::size).
    pub(super) fn character(&self, digit: usize) -> u8 {
        self.characters[digit]
    }

    /// Whether every byte of a text is a character of this alphabet.
    pub fn spells(&self, text: &[u8]) -> bool {
        text.iter().all(|&byte| self.digits[usize::from(byte)] != NO_DIGIT)
    }

    /// The bits of information in `length` random characters, rounded down.
    pub fn bits(&self, length: usize) -> u32 {
        #[expect(clippy::cast_precision_loss, reason = "both numbers are far below 2^52")]
        let bits = (self.size() as f64).log2() * length as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturating is right")]
        let whole = bits.floor() as u32;
        whole
    }
}

impl fmt::Debug for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alphabet({})", String::from_utf8_lossy(&self.characters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_two_base62_characters_are_just_above_128_bits() {
        let base62 = Alphabet::new(Alphabet::BASE62).unwrap();
        assert_eq!(base62.bits(21), 125);
        assert_eq!(base62.bits(22), 130);
        assert_eq!(base62.bits(26), 154);
    }

    #[test]
    fn an_alphabet_with_a_repeated_or_unusable_character_is_refused() {
        assert_eq!(Alphabet::new("abca"), Err(AlphabetError::Repeated('a')));
        assert_eq!(Alphabet::new("ab c"), Err(AlphabetError::Unusable(' ')));
        assert_eq!(Alphabet::new("abcä"), Err(AlphabetError::Unusable('ä')));
        assert_eq!(Alphabet::new("a"), Err(AlphabetError::TooShort));
        assert_eq!(Alphabet::new(""), Err(AlphabetError::TooShort));
    }

    #[test]
    fn bytes_outside_ascii_are_never_spelled() {
        let hex = Alphabet::new(Alphabet::HEX).unwrap();
        assert!(hex.spells(b"00ff"));
        assert!(!hex.spells(b"00FF"));
        assert!(!hex.spells(&[0xB0, 0xB1]));
        assert!(!hex.spells("é".as_bytes()));
    }
}
