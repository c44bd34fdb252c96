//! Finding the credential in a request.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue, header};
use zeroize::Zeroizing;

use super::Carrier;
use super::query::parameters;
use crate::key::KeyFormat;

/// Where an API takes credentials from, and what it makes of those that are not its own.
#[derive(Debug, Clone)]
pub struct CredentialRules {
    /// In the order of the configuration; all are looked at, so that two different credentials are noticed.
    pub carriers: Box<[Carrier]>,
    /// What happens to a credential with none of the API's prefixes.
    pub foreign: Foreign,
}

/// What happens to a credential that is not one of the API's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Foreign {
    /// It is refused as `foreign_key`.
    #[default]
    Refuse,
    /// It is left in the request, which goes to the upstream without an identity: OAuth tokens beside keys. The upstream
    /// must check them.
    Pass,
}

/// The bytes of a credential, borrowed from the request or decoded from it. They cannot be printed, and decoded ones are
/// overwritten when dropped.
pub enum Credential<'r> {
    /// As it stands in the request.
    Borrowed(&'r [u8]),
    /// Decoded from Basic or from percent escapes.
    Decoded(Zeroizing<Vec<u8>>),
}

/// What a request carries.
#[derive(Debug)]
pub enum Found<'r> {
    /// No credential.
    Missing,
    /// Only credentials of somebody else, and the API lets those pass.
    Foreign,
    /// One credential, to be parsed as a key.
    One(Credential<'r>),
}

/// A request carries two different credentials, so whose it is cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

impl CredentialRules {
    /// Looks at every carrier. The same credential in two places, or twice in one, counts once.
    ///
    /// # Errors
    /// [`Ambiguous`] if there are two different ones.
    pub fn find<'r>(&self, headers: &'r HeaderMap, query: Option<&'r str>, format: &KeyFormat) -> Result<Found<'r>, Ambiguous> {
        let mut found = Found::Missing;
        for carrier in &self.carriers {
            carrier.each(headers, query, &mut |credential| {
                if credential.bytes().is_empty() {
                    return Ok(());
                }
                if self.foreign == Foreign::Pass && !format.claims(credential.bytes()) {
                    if let Found::Missing = found {
                        found = Found::Foreign;
                    }
                    return Ok(());
                }
                match &found {
                    Found::One(first) if first.bytes() != credential.bytes() => return Err(Ambiguous),
                    Found::One(_) => {}
                    Found::Missing | Found::Foreign => found = Found::One(credential),
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

impl Credential<'_> {
    /// The bytes, for parsing.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Decoded(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

impl Carrier {
    /// Hands over each credential that this carrier holds.
    fn each<'r>(
        &self,
        headers: &'r HeaderMap,
        query: Option<&'r str>,
        take: &mut impl FnMut(Credential<'r>) -> Result<(), Ambiguous>,
    ) -> Result<(), Ambiguous> {
        match self {
            Self::Authorization(scheme) => {
                for token in headers.get_all(header::AUTHORIZATION).iter().filter_map(|v| after_scheme(v, scheme)) {
                    take(Credential::Borrowed(token))?;
                }
            }
            Self::Basic => {
                for token in headers.get_all(header::AUTHORIZATION).iter().filter_map(|v| after_scheme(v, "Basic")) {
                    take(basic_user(token))?;
                }
            }
            Self::Header(name) => {
                for value in headers.get_all(name) {
                    take(Credential::Borrowed(value.as_bytes().trim_ascii()))?;
                }
            }
            Self::Query(name) => {
                for parameter in query.into_iter().flat_map(parameters).filter(|p| p.is(name)) {
                    take(match parameter.value() {
                        std::borrow::Cow::Borrowed(bytes) => Credential::Borrowed(bytes),
                        std::borrow::Cow::Owned(bytes) => Credential::Decoded(Zeroizing::new(bytes)),
                    })?;
                }
            }
            Self::Cookie(name) => {
                for value in cookies(headers).filter_map(|pair| cookie_value(pair, name)) {
                    take(Credential::Borrowed(value))?;
                }
            }
            Self::Subprotocol(prefix) => {
                for token in subprotocols(headers).filter_map(|item| item.strip_prefix(prefix.as_bytes())) {
                    take(Credential::Borrowed(token))?;
                }
            }
        }
        Ok(())
    }
}

/// What follows an authentication scheme and at least one space (RFC 9110, section 11.4).
pub(super) fn after_scheme<'v>(value: &'v HeaderValue, scheme: &str) -> Option<&'v [u8]> {
    let value = value.as_bytes().trim_ascii();
    let (head, rest) = value.split_at_checked(scheme.len())?;
    (head.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first().is_none_or(|&b| b == b' ')).then(|| rest.trim_ascii())
}

/// The user name of Basic credentials. What cannot be decoded is handed on as it is, and will not parse as a key.
pub(super) fn basic_user(token: &[u8]) -> Credential<'_> {
    match basic_pair(token) {
        Some(mut decoded) => {
            let end = decoded.iter().position(|&b| b == b':').unwrap_or(decoded.len());
            decoded.truncate(end);
            Credential::Decoded(decoded)
        }
        None => Credential::Borrowed(token),
    }
}

/// User name and password of Basic credentials, with the colon between them.
pub(super) fn basic_pair(token: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
    LENIENT.decode(token).map(Zeroizing::new).ok()
}

/// The `name=value` pairs of all `Cookie` headers, trimmed.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|&b| b == b';')).map(<[u8]>::trim_ascii)
}

/// The value of a cookie pair of this name, without quotes.
pub(super) fn cookie_value<'c>(pair: &'c [u8], name: &str) -> Option<&'c [u8]> {
    let equals = pair.iter().position(|&b| b == b'=')?;
    let (found, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
    let unquoted = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\""));
    (found == name.as_bytes()).then(|| unquoted.unwrap_or(value))
}

/// The items of all `Sec-WebSocket-Protocol` headers, trimmed.
fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests;
