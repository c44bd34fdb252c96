//! What answers say to caches and browsers of whose they are.

use axum::response::IntoResponse as _;
use http::header::{CACHE_CONTROL, REFERRER_POLICY, VARY};

use super::config;
use crate::harness::{Bitting, Reply, Upstream, get};

const CARRIERS: &str = "[api.credential]\nfrom = [\"bearer\", \"header:X-API-Key\", \"query:api_key\"]\n\
                        [[api.route]]\nmatch = \"/optional\"\naccess = \"optional\"\n";

/// Before an upstream that says of `/said` that anybody may keep it, and nothing of the rest.
async fn start() -> (Bitting, Upstream, String) {
    let upstream = Upstream::answering(|request| {
        if request.target.starts_with("/said") {
            return ([(CACHE_CONTROL, "public, max-age=60"), (VARY, "Accept, x-api-KEY"), (REFERRER_POLICY, "origin")], "said")
                .into_response();
        }
        if request.target.starts_with("/star") { [(VARY, "*")].into_response() } else { "nothing said".into_response() }
    })
    .await;
    let bitting = Bitting::with_config(&config(&upstream, CARRIERS));
    let key = bitting.key(&[]).key;
    (bitting, upstream, key)
}

fn said(reply: &Reply) -> (u16, String, &str, &str) {
    let (cache, referrer) = (reply.header("cache-control"), reply.header("referrer-policy"));
    (reply.status.as_u16(), reply.depends_on(), cache, referrer)
}

const ALL: &str = "authorization, x-api-key";

#[tokio::test]
async fn an_answer_names_what_carries_keys_and_is_private_unless_somebody_said_otherwise() {
    let (bitting, _upstream, key) = start().await;
    let bearer = format!("Bearer {key}");
    for (target, headers, vary, cache, referrer) in [
        ("/x", &[("x-api-key", &*key)][..], ALL, "private", ""),
        ("/x", &[("authorization", &*bearer)], ALL, "", ""),
        ("/optional", &[("x-api-key", &*key)], ALL, "private", ""),
        ("/said", &[("x-api-key", &*key)], "Accept, x-api-KEY, authorization", "public, max-age=60", "origin"),
        ("/star", &[("x-api-key", &*key)], "*", "private", ""),
    ] {
        let reply = get(bitting.gateway, target, headers).await;
        assert_eq!(said(&reply), (200, vary.to_owned(), cache, referrer), "{target} {}", headers[0].0);
    }
}

#[tokio::test]
async fn an_answer_without_a_key_may_be_kept_if_it_says_what_it_would_depend_on() {
    let (bitting, _upstream, key) = start().await;
    assert_eq!(said(&get(bitting.gateway, "/optional", &[]).await), (200, ALL.to_owned(), "", ""));
    // A public route's upstream never sees a key, so its answer is everybody's.
    for headers in [&[][..], &[("x-api-key", &*key)]] {
        assert_eq!(said(&get(bitting.gateway, "/public", headers).await), (200, String::new(), "", ""));
    }
}

#[tokio::test]
async fn an_address_with_a_key_in_it_is_not_kept_and_not_told_on() {
    let (bitting, upstream, key) = start().await;
    for target in [format!("/x?api_key={key}"), format!("/said?a=b&api_key={key}"), format!("/optional?api_key={key}")] {
        let reply = get(bitting.gateway, &target, &[]).await;
        assert_eq!((reply.header("cache-control"), reply.header("referrer-policy")), ("no-store", "no-referrer"));
        assert_eq!((reply.status.as_u16(), reply.headers.get_all("cache-control").iter().count()), (200, 1));
        assert!(!upstream.last().holds(&key));
    }
    let public = get(bitting.gateway, &format!("/public?api_key={key}"), &[]).await;
    assert_eq!(said(&public), (200, String::new(), "no-store", "no-referrer"));
}

#[tokio::test]
async fn a_refusal_is_kept_by_nobody_and_its_address_not_told_on() {
    let (bitting, _upstream, _key) = start().await;
    for target in ["/x", "/x?api_key=shop_wrong", "/x//y"] {
        let reply = get(bitting.gateway, target, &[]).await;
        assert!(reply.status.is_client_error());
        assert_eq!((reply.header("cache-control"), reply.header("referrer-policy")), ("no-store", "no-referrer"), "{target}");
    }
}
