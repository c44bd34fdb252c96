//! The type that holds a key in the clear.

use std::fmt;

use zeroize::Zeroizing;

use super::Digest;

/// A key in the clear, between its generator and the one answer that shows it.
///
/// It cannot be cloned, printed or serialised; its memory is overwritten when it is dropped.
pub struct PlaintextKey(Zeroizing<String>);

impl PlaintextKey {
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for the one place that shows it to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored instead of the key.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for PlaintextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlaintextKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plaintext_key_does_not_print_itself() {
        let key = PlaintextKey::new(Zeroizing::new("sk_live_secret".to_owned()));
        assert_eq!(format!("{key:?} {key:#?}"), "PlaintextKey PlaintextKey");
    }
}
