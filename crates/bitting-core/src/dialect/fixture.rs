//! One key format and two of its keys, for the tests of this module's parts.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{CredentialRules, Foreign};
use crate::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatSpec};

pub(super) fn format() -> KeyFormat {
    format_of("sk_live_")
}

pub(super) fn format_of(prefix: &str) -> KeyFormat {
    let live = EnvironmentPrefixes { environment: "live".into(), prefixes: vec![prefix.into()] };
    let alphabet = Alphabet::new(Alphabet::HEX).unwrap();
    KeyFormat::new(KeyFormatSpec { environments: vec![live], alphabet, checksum: Checksum::None, length: 32 }).unwrap()
}

pub(super) const KEY: &str = "sk_live_0123456789abcdef0123456789abcdef";
pub(super) const OTHER: &str = "sk_live_ffffffffffffffffffffffffffffffff";

pub(super) fn rules(carriers: &[&str], foreign: Foreign) -> CredentialRules {
    CredentialRules { carriers: carriers.iter().map(|c| c.parse().unwrap()).collect(), foreign }
}

pub(super) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}
