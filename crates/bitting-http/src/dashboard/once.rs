//! Forms that count once: whoever sends one again, by a second click or by loading the answer anew, makes nothing twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bitting_engine::{Entropy, EntropyError};
use bitting_store::{Conditions, Idempotency};
use sha2::{Digest as _, Sha256};

use super::fields::Fields;
use super::view::Trouble;
use super::visitor::Visitor;

/// What makes a form one of its own.
pub(super) fn token() -> Result<String, Trouble> {
    let random = Entropy.random().map_err(|error: EntropyError| {
        tracing::error!(%error, "no token for a form");
        Trouble::Unavailable
    })?;
    Ok(URL_SAFE_NO_PAD.encode(random.to_ne_bytes()))
}

/// What must hold for a form to be followed: that it was not followed before.
///
/// # Errors
/// If the form has no token, which none of ours sends.
pub(super) fn conditions(visitor: &Visitor, purpose: &str, fields: &Fields) -> Result<Conditions, Trouble> {
    let key = fields.text("once");
    if !(16..=64).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Trouble::Unreadable);
    }
    let scope = format!("dashboard {} {purpose}", visitor.member.id);
    let fingerprint = Sha256::digest(fields.kept().as_bytes()).into();
    Ok(Conditions { idempotency: Some(Idempotency { scope, key: key.to_owned(), fingerprint }), ..Conditions::default() })
}
