//! What of a request's head goes upstream, and CORS.

use bitting_core::address::Forwards;
use http::HeaderName;

use super::*;

fn with(line: &str) -> String {
    LEAST.replace("[api.key]", &format!("{line}\n[api.key]"))
}

#[test]
fn forwarding_headers_and_overrides_are_chosen_for_each_api() {
    let api = |text: &str| Arc::clone(config(text).apis.find("shop").unwrap());
    let name = HeaderName::from_static("x-original-url");
    let least = api(LEAST);
    assert!(least.heads.forwards == Forwards::XForwarded && least.heads.overrides.bar(&name));
    let chosen = api(&with("forward_as = \"both\"\nallow_overrides = \"X-Original-URL\""));
    assert!(chosen.heads.forwards == Forwards::Both && !chosen.heads.overrides.bar(&name));
}

#[test]
fn what_is_no_such_header_is_told_with_those_that_are() {
    let text = with("forward_as = \"x-forwarded-for\"\nallow_overrides = [\"X-Method\"]");
    let found = problems(&text);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("4:14 \"x-forwarded-for\" is not a choice here"), "{found:?}");
    assert!(found[1].starts_with("5:20 \"X-Method\" is no header that overrides"), "{found:?}");
    assert!(found[1].contains("| these are: x-http-method, "), "{found:?}");
}

#[test]
fn scripts_may_send_the_header_that_carries_the_key() {
    let text = format!("{LEAST}[api.credential]\nfrom = \"header:X-Shop-Key\"\n[api.cors]\norigins = \"*\"\n");
    let cors = config(&text).apis.find("shop").unwrap().cors.clone().unwrap();
    assert_eq!(cors.headers, "Authorization, Content-Type, x-shop-key");
}

#[test]
fn cookies_are_not_allowed_to_everybody() {
    for (origins, message) in [("\"*\"", "every site there is"), ("[\"https://a.example\", \"null\"]", "every page that hides")]
    {
        let found = problems(&format!("{LEAST}[api.cors]\norigins = {origins}\ncredentials = true\n"));
        assert!(found.len() == 1 && found[0].contains(message), "{found:?}");
    }
}
