//! Slow, salted hashes, of which only the beginning of the key says whose they are.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pbkdf2::hmac::{EagerHash, Hmac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::InvalidKeyHash;
use crate::key::{Digest, PresentedKey};

/// A PBKDF2 of a whole key, as Django keeps it, and how the key begins: since each key has a salt of its own, the beginning
/// is all that a key can be looked up by until it was seen. Its text is the beginning, a space, and Django's form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SaltedHash {
    beginning: Box<str>,
    function: Function,
    iterations: u32,
    salt: Box<str>,
    hash: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Function {
    Sha1,
    Sha256,
}

impl Function {
    /// Django's name, and the length of the hash.
    const ALL: [(Self, &str, usize); 2] = [(Self::Sha256, "pbkdf2_sha256", 32), (Self::Sha1, "pbkdf2_sha1", 20)];

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "pbkdf2_sha1",
            Self::Sha256 => "pbkdf2_sha256",
        }
    }
}

impl SaltedHash {
    /// The most rounds that one look may take: about a second of one core. Django's newest default is 1,500,000.
    pub const MOST_ITERATIONS: u32 = 2_000_000;
    /// The most characters of a key that may be kept in the clear to find it by.
    pub const LONGEST_BEGINNING: usize = 63;

    /// Reads Django's form of a hash, of a key that begins so.
    ///
    /// # Errors
    /// If it is no PBKDF2 of the two kinds that Django makes, or nothing says how the key begins.
    pub fn new(beginning: &str, text: &str) -> Result<Self, InvalidKeyHash> {
        let malformed = InvalidKeyHash::Salted("malformed PBKDF2");
        let [name, iterations, salt, hash] = *text.split('$').collect::<Vec<_>>() else { return Err(malformed) };
        let (function, _, length) = Function::ALL.into_iter().find(|(_, known, _)| *known == name).ok_or(malformed)?;
        let iterations = iterations.parse().ok().filter(|rounds| (1..=Self::MOST_ITERATIONS).contains(rounds));
        let hash = BASE64_STANDARD.decode(hash).ok().filter(|hash| hash.len() == length);
        let (Some(iterations), Some(hash)) = (iterations, hash) else { return Err(malformed) };
        if beginning.is_empty() || beginning.len() > Self::LONGEST_BEGINNING {
            return Err(InvalidKeyHash::NoBeginning);
        }
        Ok(Self { beginning: beginning.into(), function, iterations, salt: salt.into(), hash: hash.into() })
    }

    /// How many bytes of the key are known.
    pub fn beginning_length(&self) -> usize {
        self.beginning.len()
    }

    /// Where keys of an API stand that begin so. No text that is presented has this for its SHA-256 by chance or on purpose.
    pub(super) fn place(&self, api: &str) -> Digest {
        place(api, self.beginning.as_bytes())
    }

    /// Whether it is the hash of this key. Takes up to a second.
    pub fn is_of(&self, key: &PresentedKey<'_>) -> bool {
        let text = key.bytes();
        text.starts_with(self.beginning.as_bytes())
            && match self.function {
                Function::Sha1 => self.matches::<Sha1>(text),
                Function::Sha256 => self.matches::<Sha256>(text),
            }
    }

    fn matches<D: EagerHash<Core: Sync>>(&self, text: &[u8]) -> bool {
        let mut made = Zeroizing::new(vec![0; self.hash.len()]);
        // It fails for keys of no length that HMAC takes, and it takes all.
        let done = pbkdf2::pbkdf2::<Hmac<D>>(text, self.salt.as_bytes(), self.iterations, &mut made);
        // What is compared is a hash under a salt that no caller knows, so its first differing byte tells nothing.
        done.is_ok() && *made == *self.hash
    }
}

/// Where keys of an API stand that begin with some bytes.
pub(super) fn place(api: &str, beginning: &[u8]) -> Digest {
    let mut hasher = Sha256::new_with_prefix(b"bitting: the beginning of a key of ");
    hasher.update(api);
    hasher.update([0]);
    hasher.update(beginning);
    Digest::from_bytes(hasher.finalize().into())
}

impl FromStr for SaltedHash {
    type Err = InvalidKeyHash;

    fn from_str(text: &str) -> Result<Self, InvalidKeyHash> {
        let (beginning, text) = text.split_once(' ').unwrap_or(("", text));
        Self::new(beginning, text)
    }
}

impl fmt::Display for SaltedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { beginning, function, iterations, salt, hash } = self;
        write!(f, "{beginning} {}${iterations}${salt}${}", function.name(), BASE64_STANDARD.encode(hash))
    }
}

impl fmt::Debug for SaltedHash {
    /// What may be shown of the key, and no more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaltedHash({}…)", self.beginning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // hashlib.pbkdf2_hmac("sha256", b"Ab12Cd34.the-secret", b"salt", 1000), and the same with "sha1".
    const SHA256: &str = "pbkdf2_sha256$1000$salt$Pwqpu4+Db5oOj5dkx7WDFl2uTuftBKkJh+vRqruFZSQ=";
    const SHA1: &str = "pbkdf2_sha1$1000$salt$Lzz9lhnp52mlnGtv4EmOZi7w1jY=";

    fn presented(text: &str) -> PresentedKey<'_> {
        PresentedKey::of_imported(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_known_by_what_django_keeps_of_it() {
        for text in [SHA256, SHA1] {
            let hash = SaltedHash::new("Ab12Cd34", text).unwrap();
            assert!(hash.is_of(&presented("Ab12Cd34.the-secret")), "{text}");
            for other in ["Ab12Cd34.the-secreT", "Ab12Cd34", "", "the-secret"] {
                assert!(!hash.is_of(&presented(other)), "{other}");
            }
            assert_eq!(hash.to_string().parse(), Ok(hash));
        }
    }

    #[test]
    fn what_would_take_too_long_or_cannot_be_found_is_refused() {
        let beginning = "Ab12Cd34";
        for text in [
            SHA256.replace("1000", "0"),
            SHA256.replace("1000", "2000001"),
            SHA256.replace("sha256", "sha512"),
            SHA256.replace("pbkdf2_sha256", "pbkdf2_sha1"),
            "pbkdf2_sha256$1000$salt".to_owned(),
            "pbkdf2_sha256$1000$salt$@@".to_owned(),
        ] {
            assert!(matches!(SaltedHash::new(beginning, &text), Err(InvalidKeyHash::Salted(_))), "{text}");
        }
        assert_eq!(SaltedHash::new("", SHA256), Err(InvalidKeyHash::NoBeginning));
        assert_eq!(SaltedHash::new(&"x".repeat(64), SHA256), Err(InvalidKeyHash::NoBeginning));
    }

    #[test]
    fn the_same_beginning_in_two_apis_is_two_places() {
        assert_ne!(place("one", b"Ab12Cd34"), place("two", b"Ab12Cd34"));
        assert_eq!(format!("{:?}", SaltedHash::new("Ab12Cd34", SHA256).unwrap()), "SaltedHash(Ab12Cd34…)");
    }
}
