//! The check digits at the end of a key.
//!
//! CRC32 is there to refuse typing errors and garbage before a look-up, and to let secret scanners tell a leaked key
//! from a random word. It is no proof of anything: whoever knows the format can compute it.

use super::Alphabet;

/// Which check digits a key ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// None: the whole body is random.
    None,
    /// CRC-32 (IEEE 802.3) of everything before it, prefix included, written in the key's alphabet, most significant
    /// digit first.
    Crc32,
}

impl Checksum {
    /// How many characters the check digits take in an alphabet: 6 in base62, 8 in hexadecimal.
    pub fn length(self, alphabet: &Alphabet) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32 => {
                let (size, mut length, mut reach) = (alphabet.size() as u64, 0, 1u64);
                while u32::try_from(reach).is_ok() {
                    reach *= size;
                    length += 1;
                }
                length
            }
        }
    }

    /// Writes the check digits of `text` into `digits`, which must have [`length`](Self::length) bytes.
    pub(super) fn write(self, text: &[u8], alphabet: &Alphabet, digits: &mut [u8]) {
        match self {
            Self::None => {}
            Self::Crc32 => {
                let (size, mut rest) = (alphabet.size(), crc32fast::hash(text) as usize);
                for digit in digits.iter_mut().rev() {
                    *digit = alphabet.character(rest % size);
                    rest /= size;
                }
            }
        }
    }

    /// Whether `digits`, all of them characters of the alphabet, are the check digits of `text`. They are read rather than
    /// written anew, since multiplying is quicker than dividing. Numbers of one length are written in one way only.
    pub(super) fn fits(self, text: &[u8], alphabet: &Alphabet, digits: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::Crc32 => alphabet.number(digits) == u64::from(crc32fast::hash(text)),
        }
    }
}
