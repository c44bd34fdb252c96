use base64::engine::general_purpose::STANDARD;

use super::super::fixture::{KEY, OTHER, format, headers, rules};
use super::*;

/// "missing", "foreign", "ambiguous", or the credential.
fn find(carriers: &[&str], foreign: Foreign, lines: &[(&str, &str)], query: Option<&str>) -> String {
    match rules(carriers, foreign).find(&headers(lines), query, &format()) {
        Ok(Found::Missing) => "missing".to_owned(),
        Ok(Found::Foreign) => "foreign".to_owned(),
        Ok(Found::One(credential)) => String::from_utf8_lossy(credential.bytes()).into_owned(),
        Err(Ambiguous) => "ambiguous".to_owned(),
    }
}

#[test]
fn each_carrier_is_read_and_no_other_admits() {
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY}:")));
    let (bearer, token) = (format!("Bearer {KEY}"), format!("Token {KEY}"));
    let cookie = format!("a=b; sid={KEY}; c=d");
    let protocols = format!("chat, api-key.{KEY}");
    let query = format!("x=1&api_key={KEY}");
    let everything: &[(&str, &str)] = &[
        ("authorization", &bearer),
        ("authorization", &token),
        ("authorization", &basic),
        ("x-api-key", KEY),
        ("cookie", &cookie),
        ("sec-websocket-protocol", &protocols),
    ];
    for carrier in
        ["bearer", "authorization:token", "basic", "header:X-API-Key", "cookie:sid", "subprotocol:api-key.", "query:api_key"]
    {
        assert_eq!(find(&[carrier], Foreign::Refuse, everything, Some(&query)), KEY, "{carrier}");
    }
    for carrier in ["authorization:ApiKey", "header:X-Key", "cookie:id", "subprotocol:key.", "query:key"] {
        assert_eq!(find(&[carrier], Foreign::Refuse, everything, Some(&query)), "missing", "{carrier}");
    }
}

#[test]
fn an_authorization_header_is_read_as_rfc_9110_says() {
    for (value, expected) in [
        (format!("Bearer {KEY}"), KEY),
        (format!("bearer {KEY}"), KEY),
        (format!("BEARER    {KEY}  "), KEY),
        (KEY.to_owned(), "missing"),
        (format!("Bearer{KEY}"), "missing"),
        ("Bearer".to_owned(), "missing"),
        ("Bearer ".to_owned(), "missing"),
        (format!("Bearers {KEY}"), "missing"),
        (format!("Basic {KEY}"), "missing"),
        ("Bearer abc123".to_owned(), "abc123"),
        (format!("Bearer {KEY},{KEY}"), &format!("{KEY},{KEY}")),
    ] {
        assert_eq!(find(&["bearer"], Foreign::Refuse, &[("authorization", &value)], None), expected, "{value}");
    }
}

#[test]
fn the_same_credential_twice_is_one_and_two_different_ones_are_ambiguous() {
    let (bearer, other) = (format!("Bearer {KEY}"), format!("Bearer {OTHER}"));
    let both = &["bearer", "header:x-api-key", "query:api_key"];
    let query = format!("api_key={KEY}");
    for (lines, query, expected) in [
        (&[("authorization", &*bearer), ("x-api-key", KEY)][..], None, KEY),
        (&[("authorization", &bearer), ("authorization", &bearer)], Some(&*query), KEY),
        (&[("authorization", &bearer), ("authorization", &other)], None, "ambiguous"),
        (&[("authorization", &bearer), ("x-api-key", OTHER)], None, "ambiguous"),
        (&[("x-api-key", OTHER)], Some(&query), "ambiguous"),
        (&[("authorization", &bearer), ("x-api-key", "")], None, KEY),
        (&[("authorization", &bearer), ("x-api-key", "not ours")], None, "ambiguous"),
    ] {
        assert_eq!(find(both, Foreign::Refuse, lines, query), expected, "{lines:?} {query:?}");
    }
    let twice = format!("api_key={KEY}&api_key={OTHER}");
    assert_eq!(find(both, Foreign::Refuse, &[], Some(&twice)), "ambiguous");
}

#[test]
fn a_foreign_credential_passes_only_where_the_api_says_so_and_never_hides_a_key() {
    let jwt = ("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.sig");
    let both = &["bearer", "header:x-api-key"];
    assert_eq!(find(both, Foreign::Refuse, &[jwt], None), "eyJhbGciOiJIUzI1NiJ9.e30.sig");
    assert_eq!(find(both, Foreign::Pass, &[jwt], None), "foreign");
    assert_eq!(find(both, Foreign::Pass, &[jwt, ("x-api-key", KEY)], None), KEY);
    assert_eq!(find(both, Foreign::Pass, &[("x-api-key", "sk_live_damaged")], None), "sk_live_damaged");
    assert_eq!(find(both, Foreign::Pass, &[], None), "missing");
}

#[test]
fn query_parameters_are_decoded_and_repeated_names_are_all_seen() {
    let encoded = KEY.replace('_', "%5F");
    for query in [
        format!("api_key={encoded}"),
        format!("api%5Fkey={KEY}"),
        format!("a=b&&api_key={KEY}&"),
        format!("api_key=&api_key={KEY}"),
        format!("api_key&api_key={KEY}"),
    ] {
        assert_eq!(find(&["query:api_key"], Foreign::Refuse, &[], Some(&query)), KEY, "{query}");
    }
    for query in ["", "&", "api_key", "api_key=", "API_KEY=x", "xapi_key=x"] {
        assert_eq!(find(&["query:api_key"], Foreign::Refuse, &[], Some(query)), "missing", "{query}");
    }
    assert_eq!(find(&["query:api_key"], Foreign::Refuse, &[], Some("api_key=%zz%")), "%zz%");
    let thousand = format!("{}api_key={KEY}", "x=y&".repeat(1_000));
    assert_eq!(find(&["query:api_key"], Foreign::Refuse, &[], Some(&thousand)), KEY);
}

#[test]
fn basic_credentials_that_cannot_be_decoded_are_no_key() {
    for (value, expected) in [
        (format!("Basic {}", STANDARD.encode(format!("{KEY}:word"))), KEY),
        (format!("basic {}", STANDARD.encode(KEY)), KEY),
        (format!("Basic {}", STANDARD.encode(format!("{KEY}:")).trim_end_matches('=')), KEY),
        ("Basic !!!".to_owned(), "!!!"),
        (format!("Basic {}", STANDARD.encode(":word")), "missing"),
    ] {
        assert_eq!(find(&["basic"], Foreign::Refuse, &[("authorization", &value)], None), expected, "{value}");
    }
}

#[test]
fn bytes_that_are_no_text_do_not_panic() {
    let mut lines = HeaderMap::new();
    lines.insert("x-api-key", HeaderValue::from_bytes(&[0xFF, 0xFE, 0x80]).unwrap());
    lines.insert("cookie", HeaderValue::from_bytes(&[0xFF, b'=', 0xFE]).unwrap());
    let rules = rules(&["header:x-api-key", "cookie:sid"], Foreign::Refuse);
    assert!(matches!(rules.find(&lines, None, &format()), Ok(Found::One(_))));
}
