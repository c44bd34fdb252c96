//! What a key looks like, from the generator to the digest.
//!
//! The types follow a key's life: a [`PlaintextKey`] is made once, by [`KeyFormat::generate`]; a [`PresentedKey`] is what
//! a caller sent and [`KeyFormat::parse`] accepted, or what is to be looked for among imported keys, which need not fit any
//! format; only these two can become a [`Digest`] by hashing. So no look-up can be made with text of which nobody has
//! asked whether it may be looked up.

mod alphabet;
mod checksum;
mod concealment;
mod digest;
mod finder;
mod format;
mod hash;
mod id;
mod pattern;
mod secret;

pub use alphabet::{Alphabet, AlphabetError};
pub use checksum::Checksum;
pub use concealment::Concealment;
pub use digest::Digest;
pub use finder::{FoundKey, KeyFinder, TooManyPrefixes};
pub use format::{EnvironmentPrefixes, KeyFormat, KeyFormatError, KeyFormatSpec, Misfit, PresentedKey};
pub use hash::{InvalidKeyHash, KeyClaim, KeyHash, SaltedHash, WideDigest};
pub use id::{InvalidKeyId, KeyId};
pub use pattern::KeyPattern;
pub use secret::PlaintextKey;
