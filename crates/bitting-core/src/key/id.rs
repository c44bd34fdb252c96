//! The public name of a key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id;
use crate::time::Timestamp;

/// A key's public id, `key_` and a ULID in small letters. It is safe in logs and tells nothing of the secret. Its first
/// half is the time of creation, so new keys stand together at the end of an index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct KeyId(u128);

/// A text that is no key id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key id, which is \"key_\" and 26 characters")]
pub struct InvalidKeyId(String);

impl KeyId {
    const PREFIX: [u8; 4] = *b"key_";

    /// Makes an id from the time of creation and 80 random bits (the lower 80 of `random`).
    pub fn new(created: Timestamp, random: u128) -> Self {
        Self(id::of(created, random))
    }

    /// The id as it is written, without an allocation.
    pub fn text(self) -> [u8; 30] {
        id::text(Self::PREFIX, self.0)
    }

    /// The id as 16 bytes that sort like its text.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The reverse of [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        id::parse(Self::PREFIX, text).map(Self).ok_or_else(|| InvalidKeyId(text.chars().take(64).collect()))
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKeyId;

    fn try_from(text: String) -> Result<Self, InvalidKeyId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_sorts_by_time() {
        let early = KeyId::new(Timestamp::from_millis(1_000), u128::MAX);
        let late = KeyId::new(Timestamp::from_millis(1_001), 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(KeyId::from_bytes(early.to_bytes()), early);
        assert_eq!(early.to_string().len(), 30);
    }

    #[test]
    fn other_spellings_of_an_id_are_refused() {
        let id = KeyId::new(Timestamp::from_millis(1_700_000_000_000), 7).to_string();
        for wrong in [id.to_uppercase(), id.replace("key_", ""), format!("{id}0"), id[..29].to_owned(), "key_é".to_owned()] {
            assert!(wrong.parse::<KeyId>().is_err(), "{wrong}");
        }
    }
}
