//! What a message is signed with.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The secret of one endpoint, written `whsec_` and Base64 (Standard Webhooks 1.0, "Signature scheme"). Whoever receives messages has
/// it too, and knows by it that Bitting sent them.
///
/// It is kept as it is, since messages are signed with it; it does not print itself, and its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// A text that is no signing secret. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no signing secret, which is \"whsec_\" and 24 to 64 bytes in Base64")]
pub struct InvalidSecret;

impl SigningSecret {
    const PREFIX: &str = "whsec_";

    /// Makes one of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(random.to_vec()))
    }

    /// The text, for the one answer that shows it, and for the store.
    pub fn expose(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(&*self.0));
        Zeroizing::new(format!("{}{}", Self::PREFIX, *encoded))
    }

    /// Signs a message: what stands in `webhook-signature` for this secret, as in `v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`.
    /// `timestamp_s` is when it is sent, as in `webhook-timestamp`.
    pub fn sign(&self, message: &str, timestamp_s: i64, body: &[u8]) -> String {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(message.as_bytes());
        mac.update(format!(".{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

impl From<SigningSecret> for String {
    fn from(secret: SigningSecret) -> Self {
        secret.expose().to_string()
    }
}

impl TryFrom<String> for SigningSecret {
    type Error = InvalidSecret;

    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        let text = Zeroizing::new(text);
        let encoded = text.strip_prefix(Self::PREFIX).ok_or(InvalidSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| InvalidSecret)?);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        // From the reference libraries' own tests.
        let secret = SigningSecret::try_from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()).unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_does_not_print_itself_and_reads_back() {
        let secret = SigningSecret::new([7; 32]);
        assert_eq!(format!("{secret:?} {secret:#?}"), "SigningSecret SigningSecret");
        assert_eq!(SigningSecret::try_from(secret.expose().to_string()), Ok(secret));
        for wrong in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
            let error = SigningSecret::try_from(wrong.to_owned()).unwrap_err();
            assert!(wrong.is_empty() || !error.to_string().contains("c2hvcnQ"), "{error}");
        }
    }
}
