//! Headers that name another method or path, where an API lets them pass.

use super::start;
use crate::harness::{Bitting, get, request};

const RULES: &str = "[api.permissions]\n\"things:delete\" = \"Delete\"\n\
                     [[api.route]]\nmatch = \"DELETE /*\"\nneeds = \"things:delete\"\n\
                     [[api.route]]\nmatch = \"/admin/*\"\nneeds = \"things:delete\"\n";

async fn allowing(names: &str) -> (Bitting, crate::harness::Upstream, String) {
    let upstream = crate::harness::Upstream::start().await;
    let config = super::config(&upstream, RULES).replacen("[api.key]", &format!("allow_overrides = {names}\n[api.key]"), 1);
    let bitting = Bitting::with_config(&config);
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    (bitting, upstream, bearer)
}

#[tokio::test]
async fn an_override_that_is_allowed_passes_if_the_request_falls_to_the_same_rule_by_it() {
    let (bitting, upstream, bearer) = allowing("[\"X-HTTP-Method-Override\", \"x-original-url\"]").await;
    let key = ("authorization", &*bearer);
    for (name, value) in [
        ("x-http-method-override", "PUT"),
        ("x-http-method-override", "patch"),
        ("x-original-url", "/things/8?a=b"),
        ("x-original-url", "https://shop.example/things"),
    ] {
        let reply = request(bitting.gateway, "POST", "/things/7", &[key, (name, value)], "").await;
        assert_eq!((reply.status.as_u16(), upstream.last().header(name)), (200, value), "{name}: {value}");
    }
}

#[tokio::test]
async fn an_override_that_leads_to_another_rule_or_cannot_be_read_is_refused() {
    let (bitting, upstream, bearer) = allowing("[\"x-http-method-override\", \"x-original-url\"]").await;
    let key = ("authorization", &*bearer);
    for (method, headers) in [
        ("POST", &[("x-http-method-override", "DELETE")][..]),
        ("POST", &[("x-http-method-override", "delete")]),
        ("GET", &[("x-http-method-override", "DELETE")]),
        ("POST", &[("x-http-method-override", "PUT"), ("x-http-method-override", "DELETE")]),
        ("POST", &[("x-http-method-override", "PUT, DELETE")]),
        ("POST", &[("x-http-method-override", "")]),
        ("GET", &[("x-original-url", "/admin/users")]),
        ("GET", &[("x-original-url", "/x/../admin/users")]),
        ("GET", &[("x-original-url", "/ADMIN/users")]),
        ("GET", &[("x-original-url", "http://shop.example/admin")]),
        ("GET", &[("x-original-url", "admin")]),
    ] {
        let headers = [&[key], headers].concat();
        let reply = request(bitting.gateway, method, "/things/7", &headers, "").await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (400, Some("invalid_request")), "{headers:?}");
    }
    assert!(upstream.requests().is_empty());
    // What is not allowed is dropped, as ever, and another spelling of what is.
    let others = [key, ("x-http-method", "DELETE"), ("X_HTTP_Method_Override", "DELETE"), ("x-rewrite-url", "/admin/x")];
    assert_eq!(get(bitting.gateway, "/things/7", &others).await.status, 200);
    assert!(!upstream.last().holds("DELETE") && !upstream.last().holds("admin"));
}

#[tokio::test]
async fn without_a_word_none_passes() {
    let (bitting, upstream, bearer) = start(RULES).await;
    let headers = [("authorization", &*bearer), ("x-http-method-override", "DELETE"), ("x-original-url", "/admin")];
    assert_eq!(get(bitting.gateway, "/things/7", &headers).await.status, 200);
    assert!(!upstream.last().holds("DELETE") && !upstream.last().holds("admin"));
}
