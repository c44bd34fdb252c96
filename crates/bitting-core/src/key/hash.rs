//! Hashes of keys that somebody else issued.

mod salted;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use super::{Digest, PresentedKey};
use crate::hexadecimal::{self, digits};

pub use self::salted::SaltedHash;

/// The SHA-512 of a whole key, as some libraries keep it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct WideDigest([u8; 64]);

/// What another program has kept of a key. Its text is `sha256:`, `sha512:` or `prefixed-api-key:` and hexadecimal digits, or that
/// of a [`SaltedHash`].
///
/// Read are also the forms in which others write it: digits without a scheme; base64 in either alphabet, padded or not (Unkey,
/// Better Auth); `sha512$$` and digits (djangorestframework-api-key from version 3 on).
///
/// ```
/// use bitting_core::key::KeyHash;
/// let as_better_auth_keeps_it: KeyHash = "Yzy9eW7dszcL50MeDjC9Dq2aM8kJezb8a-wEKwGdb6E".parse().unwrap();
/// assert!(as_better_auth_keeps_it.to_string().starts_with("sha256:633cbd796eddb3370be7431e0e30bd0e"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum KeyHash {
    /// The SHA-256 of the whole key, by which Bitting itself knows keys.
    Sha256(Digest),
    /// The SHA-512 of the whole key.
    Sha512(WideDigest),
    /// The SHA-256 of what follows the last `_` of the key: the long token of the `prefixed-api-key` libraries.
    LongToken(Digest),
    /// A slow hash of the whole key with a salt of its own.
    Salted(Box<SaltedHash>),
}

/// A text that is no hash by which a key can be recognised. It may be a key in the clear, so it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyHash {
    /// A salted or slow hash that nobody reads here.
    #[error(
        "this is a {0} hash, which cannot be imported; SHA-256 and SHA-512 of the whole key can, and PBKDF2 as Django writes it \
         (pbkdf2_sha256$ROUNDS$SALT$HASH, at most 2,000,000 rounds); keys that are kept in other ways have to be issued anew"
    )]
    Salted(&'static str),
    /// A hash with a salt of its own, and nothing to find the key by.
    #[error("a key can be found by a salted hash only if its beginning is known; write 1 to 63 characters of it as \"prefix\"")]
    NoBeginning,
    /// Nothing of the kind.
    #[error(
        "it is no hash of a key; write the SHA-256 of the whole key as 64 hexadecimal digits or as base64, or its SHA-512 as \
         \"sha512:\" and 128 hexadecimal digits"
    )]
    Unknown,
}

impl WideDigest {
    /// Hashes key text. Only this module's callers inside the crate hold such text.
    pub(super) fn of(key: &[u8]) -> Self {
        Self(Sha512::digest(key).into())
    }

    /// Takes a digest that was computed before.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// What a key is looked up by as long as only this is known of it: the first half. 256 bits of SHA-512 are as hard to meet
    /// by chance or on purpose as a SHA-256, so one map can hold both.
    pub fn half(&self) -> Digest {
        let mut half = [0; 32];
        half.copy_from_slice(&self.0[..32]);
        Digest::from_bytes(half)
    }
}

impl KeyHash {
    /// Reads a hash, of a key of which a beginning is known.
    ///
    /// # Errors
    /// If it is no hash by which a key can be recognised.
    pub fn of_key_beginning(beginning: &str, text: &str) -> Result<Self, InvalidKeyHash> {
        let text = text.trim();
        let is_salted = text.starts_with("pbkdf2_") && !text.contains(' ');
        if is_salted { SaltedHash::new(beginning, text).map(|hash| Self::Salted(hash.into())) } else { text.parse() }
    }

    /// What a key of an API is looked up by as long as only this is known of it.
    pub fn place(&self, api: &str) -> Digest {
        match self {
            Self::Sha256(digest) => *digest,
            Self::Sha512(wide) => wide.half(),
            Self::LongToken(digest) => long_token_place(api, digest),
            Self::Salted(salted) => salted.place(api),
        }
    }

    /// Whether it is the hash of this text: then the text is a key in the clear. Slow hashes are not asked.
    pub fn is_of(&self, text: &str) -> bool {
        match self {
            Self::Sha256(digest) => *digest == Digest::of(text.as_bytes()),
            Self::Sha512(wide) => *wide == WideDigest::of(text.as_bytes()),
            Self::LongToken(digest) => long_token(text.as_bytes()).is_some_and(|token| *digest == Digest::of(token)),
            Self::Salted(_) => false,
        }
    }
}

/// A presented key that outlives its request, to be held against a slow hash. It is wiped when it is dropped.
pub struct KeyClaim(Zeroizing<Vec<u8>>);

impl KeyClaim {
    /// The key as it was presented.
    pub fn key(&self) -> PresentedKey<'_> {
        PresentedKey::again(&self.0)
    }
}

impl fmt::Debug for KeyClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyClaim")
    }
}

impl PresentedKey<'_> {
    /// A copy to keep until it was held against a slow hash.
    pub fn claim(&self) -> KeyClaim {
        KeyClaim(Zeroizing::new(self.bytes().to_vec()))
    }

    /// Where an imported key of an API may stand of which only the [hash of its long token](KeyHash::LongToken) is known.
    pub fn long_token_place(&self, api: &str) -> Option<Digest> {
        long_token(self.bytes()).map(|token| long_token_place(api, &Digest::of(token)))
    }

    /// Where an imported key of an API may stand of which a [salted hash](KeyHash::Salted) and so many characters are known.
    pub fn beginning_place(&self, api: &str, length: usize) -> Option<Digest> {
        self.bytes().get(..length).map(|beginning| salted::place(api, beginning))
    }
}

fn long_token(key: &[u8]) -> Option<&[u8]> {
    key.iter().rposition(|&b| b == b'_').map(|at| &key[at + 1..]).filter(|token| !token.is_empty())
}

/// Not the hash itself: that would admit the token alone as a key.
fn long_token_place(api: &str, digest: &Digest) -> Digest {
    let mut hasher = Sha256::new_with_prefix(b"bitting: the long token of a key of ");
    hasher.update(api);
    hasher.update([0]);
    hasher.update(digest.as_bytes());
    Digest::from_bytes(hasher.finalize().into())
}

/// The name of the libraries that keep only the hash of a key's last part.
const PREFIXED_API_KEY: &str = "prefixed-api-key:";

/// How texts begin that frameworks make of passwords, and of keys as if they were passwords.
const SALTED: [(&str, &str); 10] = [
    ("pbkdf2", "foreign PBKDF2"),
    ("$pbkdf2", "foreign PBKDF2"),
    ("bcrypt", "bcrypt"),
    ("$2", "bcrypt"),
    ("argon2", "Argon2"),
    ("$argon2", "Argon2"),
    ("scrypt", "scrypt"),
    ("$scrypt", "scrypt"),
    ("sha512$", "salted SHA-512"),
    ("sha256$", "salted SHA-256"),
];

impl FromStr for KeyHash {
    type Err = InvalidKeyHash;

    fn from_str(text: &str) -> Result<Self, InvalidKeyHash> {
        let text = text.trim();
        if let Some(digits) = text.strip_prefix(PREFIXED_API_KEY) {
            let bytes = hash_digits(digits).or_else(|| base64(digits)).and_then(|bytes| bytes.try_into().ok());
            return bytes.map(Digest::from_bytes).map(Self::LongToken).ok_or(InvalidKeyHash::Unknown);
        }
        if text.starts_with("pbkdf2_") || text.contains(" pbkdf2_") {
            return text.parse().map(|hash: SaltedHash| Self::Salted(hash.into()));
        }
        let schemes = [("sha256:", 32), ("sha512:", 64), ("sha256$$", 32), ("sha512$$", 64)];
        let named = schemes.into_iter().find_map(|(scheme, length)| Some((text.strip_prefix(scheme)?, length)));
        if named.is_none()
            && let Some((_, scheme)) = SALTED.into_iter().find(|(start, _)| text.starts_with(start))
        {
            return Err(InvalidKeyHash::Salted(scheme));
        }
        let (digits, length) = named.map_or((text, None), |(digits, length)| (digits, Some(length)));
        let bytes = hash_digits(digits).or_else(|| base64(digits)).ok_or(InvalidKeyHash::Unknown)?;
        if length.is_some_and(|length| length != bytes.len()) {
            return Err(InvalidKeyHash::Unknown);
        }
        let wide = || <[u8; 64]>::try_from(&*bytes).map(|bytes| Self::Sha512(WideDigest(bytes)));
        let narrow = <[u8; 32]>::try_from(&*bytes).map(|bytes| Self::Sha256(Digest::from_bytes(bytes)));
        narrow.or_else(|_| wide()).map_err(|_| InvalidKeyHash::Unknown)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "sha256:{}", digits(digest.as_bytes())),
            Self::Sha512(wide) => write!(f, "sha512:{}", digits(&wide.0)),
            Self::LongToken(digest) => write!(f, "{PREFIXED_API_KEY}{}", digits(digest.as_bytes())),
            Self::Salted(salted) => salted.fmt(f),
        }
    }
}

impl fmt::Debug for WideDigest {
    /// As little as [`Digest`] shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WideDigest({}…)", digits(&self.0[..4]))
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for KeyHash {
    type Error = InvalidKeyHash;

    fn try_from(text: String) -> Result<Self, InvalidKeyHash> {
        text.parse()
    }
}

impl From<WideDigest> for String {
    fn from(wide: WideDigest) -> Self {
        digits(&wide.0)
    }
}

impl TryFrom<String> for WideDigest {
    type Error = InvalidKeyHash;

    fn try_from(text: String) -> Result<Self, InvalidKeyHash> {
        hash_digits(&text).and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(InvalidKeyHash::Unknown)
    }
}

/// Bytes of hexadecimal digits, as many as one of the hashes has.
fn hash_digits(text: &str) -> Option<Vec<u8>> {
    hexadecimal::bytes(text).filter(|bytes| matches!(bytes.len(), 32 | 64))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let read = |alphabet: &Alphabet| {
        let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        GeneralPurpose::new(alphabet, lenient).decode(text).ok()
    };
    read(&STANDARD).or_else(|| read(&URL_SAFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Of "a".
    const SHA256: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    const SHA512: &str = "1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f53\
                          02860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75";

    #[test]
    fn a_hash_is_read_in_every_form_that_it_is_kept_in() {
        for text in [
            SHA256.to_owned(),
            SHA256.to_uppercase(),
            format!("sha256:{SHA256}"),
            "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=".to_owned(),
            "ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs".to_owned(),
            "sha256:ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs".to_owned(),
            SHA512.to_owned(),
            format!("sha512:{SHA512}"),
            format!("sha512$${SHA512}"),
        ] {
            let hash: KeyHash = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(hash.is_of("a") && !hash.is_of("b"), "{text}");
            assert_eq!(hash.to_string().parse(), Ok(hash.clone()));
        }
        assert_eq!(SHA512.parse::<KeyHash>().unwrap().place("shop").as_bytes()[..2], [0x1f, 0x40]);
    }

    #[test]
    fn what_is_no_hash_is_refused_and_not_repeated() {
        for text in
            ["", "sk_live_0123456789", &SHA256[1..], &format!("sha512:{SHA256}"), &format!("sha256:{SHA512}"), "aGVsbG8="]
        {
            let error = text.parse::<KeyHash>().unwrap_err();
            assert_eq!(error, InvalidKeyHash::Unknown, "{text}");
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }

    #[test]
    fn salted_and_slow_hashes_are_refused_by_their_names() {
        for (text, scheme) in [
            ("$pbkdf2-sha256$29000$salt$hash", "foreign PBKDF2"),
            ("pbkdf2_sha256$150000$salt$hash", "malformed PBKDF2"),
            ("$2b$12$abcdefghijklmnopqrstuv", "bcrypt"),
            ("argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$aGFzaA", "Argon2"),
            ("sha512$salt$0123", "salted SHA-512"),
        ] {
            let error = text.parse::<KeyHash>().unwrap_err();
            assert_eq!(error, InvalidKeyHash::Salted(scheme));
            assert!(error.to_string().contains("SHA-256 and SHA-512 of the whole key"));
        }
    }

    #[test]
    fn a_key_is_found_by_its_long_token_and_the_token_alone_is_no_key() {
        let hash: KeyHash = format!("prefixed-api-key:{SHA256}").parse().unwrap();
        let presented = |text| PresentedKey::of_imported(text).unwrap();
        assert_eq!(presented(b"mycompany_short_a").long_token_place("shop"), Some(hash.place("shop")));
        assert_ne!(hash.place("shop"), hash.place("other"));
        for other in [&b"a"[..], b"mycompany_short_", b"mycompany_short_b", b""] {
            assert_ne!(presented(other).long_token_place("shop"), Some(hash.place("shop")));
            assert_ne!(presented(other).digest(), hash.place("shop"));
        }
        assert!(hash.is_of("x_a") && !hash.is_of("a"));
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }

    #[test]
    fn a_hash_prints_only_enough_to_be_told_apart() {
        let hash: KeyHash = SHA512.parse().unwrap();
        assert_eq!(format!("{hash:?}"), "Sha512(WideDigest(1f40fc92…))");
    }
}
