//! People who sign in: their ids, and the secrets that open a door for them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::time::Timestamp;
use crate::{hexadecimal, id};

/// A member's public id, `mem_` and a ULID in small letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MemberId(u128);

/// A text that is no member id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a member's id, which is \"mem_\" and 26 characters")]
pub struct InvalidMemberId(String);

impl MemberId {
    const PREFIX: [u8; 4] = *b"mem_";

    /// Makes an id from the time of creation and 80 random bits (the lower 80 of `random`).
    pub fn new(created: Timestamp, random: u128) -> Self {
        Self(id::of(created, random))
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

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&id::text(Self::PREFIX, self.0)).unwrap_or_default())
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MemberId {
    type Err = InvalidMemberId;

    fn from_str(text: &str) -> Result<Self, InvalidMemberId> {
        id::parse(Self::PREFIX, text).map(Self).ok_or_else(|| InvalidMemberId(text.chars().take(64).collect()))
    }
}

impl From<MemberId> for String {
    fn from(id: MemberId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for MemberId {
    type Error = InvalidMemberId;

    fn try_from(text: String) -> Result<Self, InvalidMemberId> {
        text.parse()
    }
}

/// 256 random bits in the clear, which open a door for whoever has them: a session's id, or a one-time link. Like a key it
/// cannot be cloned or printed, and only its digest is kept.
pub struct Token(Zeroizing<String>);

/// The SHA-256 of a [`Token`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenDigest([u8; 32]);

impl Token {
    /// How many characters it has.
    const LENGTH: usize = 43;

    /// Makes one of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(random))))
    }

    /// What somebody presents as one; `None` if it cannot be one.
    pub fn presented(text: &str) -> Option<Self> {
        let fits = text.len() == Self::LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for the one answer that hands it out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Another token that whoever has this one has too, and that says nothing of this one: for a form, so that only a page of the
    /// same session can have sent it.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Self {
        let hash = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(self.0.as_bytes()).finalize();
        Self::new(hash.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl TokenDigest {
    /// Takes one that is stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({}…)", hexadecimal::digits(&self.0[..2]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_id_is_no_keys_id() {
        let member = MemberId::new(Timestamp::from_millis(1_700_000_000_000), 7);
        assert_eq!(member.to_string().parse(), Ok(member));
        assert!(member.to_string().replace("mem_", "key_").parse::<MemberId>().is_err());
    }

    #[test]
    fn a_token_does_not_print_itself_and_is_known_again() {
        let token = Token::new([7; 32]);
        assert_eq!(format!("{token:?}"), "Token");
        assert_eq!(Token::presented(token.expose()).unwrap().digest(), token.digest());
        for wrong in ["", "short", &"é".repeat(43), &"+".repeat(43)] {
            assert!(Token::presented(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_is_derived_from_a_token_depends_on_it_and_on_the_purpose() {
        let (one, other) = (Token::new([1; 32]), Token::new([2; 32]));
        assert_ne!(one.derived("form").expose(), other.derived("form").expose());
        assert_ne!(one.derived("form").expose(), one.derived("else").expose());
        assert_eq!(one.derived("form").expose(), one.derived("form").expose());
    }
}
