//! Finding and removing credentials: no request panics, and what was found is not left behind.
#![no_main]

use std::sync::LazyLock;

use bitting_core::dialect::{CredentialRules, Foreign, Found};
use bitting_core::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatSpec};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

static FORMAT: LazyLock<KeyFormat> = LazyLock::new(|| {
    let environments = vec![EnvironmentPrefixes { environment: "live".into(), prefixes: vec!["k_".into()] }];
    let alphabet = Alphabet::new(Alphabet::HEX).unwrap();
    KeyFormat::new(KeyFormatSpec { environments, alphabet, checksum: Checksum::None, length: 32 }).unwrap()
});

static CARRIERS: [&str; 7] =
    ["bearer", "authorization:Token", "basic", "header:x-key", "query:key", "cookie:key", "subprotocol:key."];

// The first line is the query, every other one a header, `name: value`.
fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|&b| b == b'\n');
    let query = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for foreign in [Foreign::Refuse, Foreign::Pass] {
        let rules = CredentialRules { carriers: CARRIERS.iter().map(|c| c.parse().unwrap()).collect(), foreign };
        let _ = rules.find(&headers, query, &FORMAT);
        let mut left = headers.clone();
        rules.remove_from_headers(&mut left, &FORMAT);
        let cleaned = query.map(|query| rules.remove_from_query(query, &FORMAT).unwrap_or_else(|| query.to_owned()));
        let again = rules.find(&left, cleaned.as_deref(), &FORMAT);
        assert!(matches!(again, Ok(Found::Missing | Found::Foreign)), "a credential was left behind");
        assert!(foreign == Foreign::Pass || matches!(again, Ok(Found::Missing)));
    }
});
