use super::super::fixture::{KEY, OTHER, format, format_of, headers, rules};
use super::*;

fn left(carriers: &[&str], foreign: Foreign, lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers = headers(lines);
    rules(carriers, foreign).remove_from_headers(&mut headers, &format());
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect()
}

fn owned(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_credential_leaves_its_carrier_and_everything_else_stays() {
    let (bearer, basic) = (format!("Bearer {KEY}"), "Basic dXNlcjpwYXNz");
    assert_eq!(left(&["bearer"], Foreign::Refuse, &[("authorization", &bearer), ("accept", "x")]), owned(&[("accept", "x")]));
    assert_eq!(
        left(&["bearer"], Foreign::Refuse, &[("authorization", basic), ("authorization", &bearer)]),
        owned(&[("authorization", basic)])
    );
    let cookies = format!("a=b; sid={KEY}; c=d");
    assert_eq!(left(&["cookie:sid"], Foreign::Refuse, &[("cookie", &cookies)]), owned(&[("cookie", "a=b; c=d")]));
    assert_eq!(left(&["cookie:sid"], Foreign::Refuse, &[("cookie", &format!("sid={KEY}"))]), owned(&[]));
    assert_eq!(left(&["cookie:sid"], Foreign::Refuse, &[("cookie", "a=b;c=d")]), owned(&[("cookie", "a=b;c=d")]));
    let protocols = format!("chat, api-key.{KEY}, superchat");
    assert_eq!(
        left(&["subprotocol:api-key."], Foreign::Refuse, &[("sec-websocket-protocol", &protocols)]),
        owned(&[("sec-websocket-protocol", "chat, superchat")])
    );
}

#[test]
fn every_repetition_and_spelling_of_a_key_header_goes() {
    assert_eq!(
        left(
            &["header:x-api-key"],
            Foreign::Refuse,
            &[("X-API-Key", KEY), ("x-api-key", OTHER), ("x_api_key", KEY), ("x-api", "1")]
        ),
        owned(&[("x-api", "1")])
    );
}

#[test]
fn a_whole_key_leaves_its_carrier_however_carelessly_it_was_written() {
    for foreign in [Foreign::Refuse, Foreign::Pass] {
        for (name, value) in [
            ("authorization", format!("Bearer\t{KEY}")),
            ("authorization", KEY.to_owned()),
            ("authorization", format!("Bearer: {KEY}")),
            ("authorization", format!("Token {KEY}")),
            ("authorization", format!("Bearer Bearer {KEY}")),
            ("authorization", format!("Bearer \"{KEY}\"")),
            ("authorization", format!("Basic eA==, Bearer {KEY}")),
            ("x-key", format!("Bearer {KEY}")),
            ("cookie", format!("SID={KEY}")),
            ("cookie", format!("sid=%20{KEY}")),
            ("cookie", format!("a=b, sid={KEY}")),
            ("sec-websocket-protocol", format!("Key.{KEY}")),
            ("sec-websocket-protocol", format!("chat;key.{KEY}")),
            ("x-forwarded-uri", format!("/x?api_key={KEY}")),
            ("x-request-uri", format!("/x?{KEY}")),
        ] {
            let carriers = ["bearer", "header:x-key", "cookie:sid", "subprotocol:key.", "query:api_key"];
            assert_eq!(left(&carriers, foreign, &[(name, &value)]), owned(&[]), "{name}: {value}");
        }
        // As a password, where a user name is meant.
        let password = "Basic dXNlcjpza19saXZlXzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm";
        assert_eq!(left(&["basic"], foreign, &[("authorization", password)]), owned(&[]));
    }
    let target = [("x-target", KEY), ("x-page", "/x?y=1")];
    assert_eq!(left(&["query:api_key"], Foreign::Refuse, &target), owned(&target), "not a carrier, and no address");
}

#[test]
fn where_foreign_credentials_pass_they_stay_and_keys_still_go() {
    let jwt = "Bearer eyJhbGciOiJIUzI1NiJ9.e30.sig";
    let bearer = format!("Bearer {KEY}");
    assert_eq!(left(&["bearer"], Foreign::Pass, &[("authorization", jwt)]), owned(&[("authorization", jwt)]));
    assert_eq!(left(&["bearer"], Foreign::Pass, &[("authorization", &bearer)]), owned(&[]));
    assert_eq!(left(&["bearer"], Foreign::Pass, &[("authorization", "Bearer sk_live_damaged")]), owned(&[]));
}

#[test]
fn cs2_every_repetition_and_spelling_of_a_key_parameter_goes_and_the_rest_stays_byte_for_byte() {
    let rules = rules(&["query:api_key"], Foreign::Refuse);
    for (query, expected) in [
        (format!("api_key={KEY}"), Some("")),
        (format!("a=%20b&api_key={KEY}&c=d+e&api_key={OTHER}&f"), Some("a=%20b&c=d+e&f")),
        ("api_key=".to_owned(), Some("")),
        ("x=1&api_key".to_owned(), Some("x=1")),
        (format!("API_KEY={KEY}"), Some("")),
        (format!("api%5Fkey={KEY}"), Some("")),
        (format!("api%255Fkey={KEY}"), Some("")),
        (format!("api_key[]={KEY}"), Some("")),
        (format!("api_key%5B0%5D={KEY}"), Some("")),
        (format!("+api_key={KEY}"), Some("")),
        (format!("q=a;api_key={KEY}&r=s"), Some("r=s")),
        (format!("next=/x?api_key%3D{KEY}"), Some("")),
        (format!("key={KEY}"), Some("")),
        (KEY.to_owned(), Some("")),
        (format!("{KEY}=1&x"), Some("x")),
        (format!("api_key%3D{KEY}"), Some("")),
        (format!("api_key:{KEY}"), Some("")),
        ("a=b&&c".to_owned(), None),
        ("api_keys=1&my_api_key=2".to_owned(), None),
        (String::new(), None),
    ] {
        assert_eq!(rules.remove_from_query(&query, &format()).as_deref(), expected, "{query}");
    }
}

#[test]
fn a_key_whose_beginning_an_escape_before_it_takes_in_goes_too() {
    let (rules, format) = (rules(&["query:api_key"], Foreign::Refuse), format_of("ab_"));
    let key = "ab_0123456789abcdef0123456789abcdef";
    // Decoded, it is `\xaab_0123…`, and whoever reads the address has the key.
    assert_eq!(rules.remove_from_query(&format!("q=%a{key}&r=s"), &format).as_deref(), Some("r=s"));
    assert_eq!(rules.remove_from_query(&format!("q=%61{}&r=s", &key[1..]), &format).as_deref(), Some("r=s"));
}

#[test]
fn an_api_without_a_query_carrier_leaves_queries_alone() {
    let query = format!("api_key={KEY}");
    assert_eq!(rules(&["bearer"], Foreign::Refuse).remove_from_query(&query, &format()), None);
}

#[test]
fn cs2_the_referer_loses_the_key_and_keeps_its_page() {
    let cases: [(String, Option<&str>); 6] = [
        (format!("https://x.example/v1/listings?api_key={KEY}"), Some("https://x.example/v1/listings")),
        (format!("https://x.example/v1?a=b&api_key={KEY}#top"), Some("https://x.example/v1?a=b")),
        (format!("https://x.example/{KEY}"), None),
        (format!("https://{KEY}@x.example/"), None),
        (format!("https://x.example/?q=1#api_key={KEY}"), Some("https://x.example/?q=1")),
        ("https://x.example/page".to_owned(), Some("https://x.example/page")),
    ];
    for (referer, expected) in cases {
        let kept = left(&["query:api_key"], Foreign::Refuse, &[("referer", &referer)]);
        let kept = kept.first().map(|(_, value)| value.as_str());
        assert_eq!(kept, expected, "{referer}");
    }
}
