//! A sixth dialect, nothing like the five: a configuration and no code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{Bitting, Reply, Upstream, get, request};

async fn start() -> (Bitting, Upstream, Upstream) {
    let (eu, us) = (Upstream::start().await, Upstream::start().await);
    let upstream =
        format!("api.harbour.upstream={{ eu = \"{0}\", us = \"{1}\", default = \"{0}\" }}", eu.origin(), us.origin());
    (Bitting::example_with("harbour", &[upstream]), eu, us)
}

fn basic(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{key}:")))
}

async fn ask(bitting: &Bitting, method: &str, path: &str, key: &str) -> Reply {
    request(bitting.gateway, method, path, &[("authorization", &basic(key))], "").await
}

#[tokio::test]
async fn keys_are_base32_without_a_checksum_and_go_where_their_environment_is() {
    let (bitting, eu, us) = start().await;
    for (environment, prefix, upstream) in [("eu", "hbr.eu.", &eu), ("us", "hbr.us.", &us)] {
        let key = bitting.key(&["--environment", environment]).key;
        let body = key.strip_prefix(prefix).unwrap();
        assert!(body.len() == 40 && body.bytes().all(|b| b"abcdefghijklmnopqrstuvwxyz234567".contains(&b)));
        assert_eq!(ask(&bitting, "GET", "/harbour/ships/elbe", &key).await.status, 200);
        assert!(!upstream.last().holds(&key) && !upstream.last().holds(&basic(&key)));
    }
    assert_eq!((eu.requests().len(), us.requests().len()), (1, 1));
}

#[tokio::test]
async fn the_key_is_taken_from_basic_a_cookie_a_subprotocol_or_a_bearer_header() {
    let (bitting, eu, _us) = start().await;
    let key = bitting.key(&[]).key;
    let cookie = format!("theme=dark; harbour_key={key}; lang=de");
    let protocols = format!("chat, key.{key}");
    for (name, value, left) in [
        ("authorization", basic(&key), ""),
        ("authorization", format!("Bearer {key}"), ""),
        ("cookie", cookie, "theme=dark; lang=de"),
        ("sec-websocket-protocol", protocols, "chat"),
    ] {
        assert_eq!(get(bitting.gateway, "/harbour/ships/elbe", &[(name, &value)]).await.status, 200, "{name}");
        assert_eq!(eu.last().header(name), left, "{name}");
        assert!(!eu.last().holds(&key));
    }
}

#[tokio::test]
async fn refusals_are_xml_with_statuses_of_their_own() {
    let (bitting, eu, _us) = start().await;
    let (clerk, revoked) = (bitting.key(&[]), bitting.key(&[]));
    bitting.revoke(&revoked);
    let unknown = format!("hbr.eu.{}", "a".repeat(40));
    for (method, path, key, status, code) in [
        ("GET", "/harbour/ships/elbe", "", 401, "WhoGoesThere"),
        ("GET", "/harbour/ships/elbe", &unknown, 401, "WhoGoesThere"),
        ("GET", "/harbour/ships/elbe", &revoked.key, 410, "PapersTaken"),
        ("PUT", "/harbour/ships/elbe/course", &clerk.key, 402, "NotTheCaptain"),
        ("GET", "/harbour/elsewhere", &clerk.key, 404, "OpenSea"),
        ("GET", "/harbour/ships/../x", &clerk.key, 400, "Unreadable"),
    ] {
        let reply = ask(&bitting, method, path, key).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (status, "application/xml"), "{path}");
        assert!(reply.body.contains(&format!("<Code>{code}</Code>")), "{}", reply.body);
        assert!(reply.body.contains(&format!("<RequestId>{}</RequestId>", reply.header("x-request-id"))));
        assert_eq!(reply.header("x-harbour-error"), "yes");
        let challenge = if status == 401 { "Basic realm=\"Harbour\", charset=\"UTF-8\"" } else { "" };
        assert_eq!(reply.header("www-authenticate"), challenge);
    }
    assert!(ask(&bitting, "PUT", "/harbour/ships/elbe/course", &clerk.key).await.body.contains("you lack ships:move"));
    assert!(eu.requests().is_empty());
}

#[tokio::test]
async fn roles_with_permissions_open_what_they_include() {
    let (bitting, eu, _us) = start().await;
    let captain = bitting.key(&["--role", "captain"]).key;
    assert_eq!(ask(&bitting, "PUT", "/harbour/ships/elbe/course", &captain).await.status, 200);
    assert_eq!(ask(&bitting, "GET", "/harbour/ships/elbe", &captain).await.status, 200);
    assert_eq!(eu.last().header("x-harbour-rank"), "captain");
    assert_eq!((eu.last().header("x-harbour-shipper"), eu.last().header("bitting-permissions")), ("default", ""));
}

#[tokio::test]
async fn an_optional_route_takes_nobody_or_a_good_key_but_no_bad_one() {
    let (bitting, eu, _us) = start().await;
    let key = bitting.key(&[]).key;
    assert_eq!(get(bitting.gateway, "/harbour/tides", &[]).await.status, 200);
    assert_eq!(eu.last().header("x-harbour-shipper"), "");
    assert_eq!(ask(&bitting, "GET", "/harbour/tides/hamburg", &key).await.status, 200);
    assert_eq!(eu.last().header("x-harbour-shipper"), "default");
    assert_eq!(ask(&bitting, "GET", "/harbour/tides", "hbr.eu.broken").await.status, 401);
}

#[tokio::test]
async fn a_token_that_is_not_ours_passes_untouched_and_without_an_identity() {
    let (bitting, eu, _us) = start().await;
    let token = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
    let forged = [("authorization", token), ("x-harbour-shipper", "evil"), ("x_harbour_rank", "captain")];
    assert_eq!(get(bitting.gateway, "/harbour/ships/elbe", &forged).await.status, 200);
    let seen = eu.last();
    assert_eq!((seen.header("authorization"), seen.header("x-harbour-shipper")), (token, ""));
    assert!(!seen.holds("evil") && !seen.holds("captain"));
    // A damaged key of ours is no foreign token.
    assert_eq!(get(bitting.gateway, "/harbour/ships/elbe", &[("authorization", "Bearer hbr.us.x")]).await.status, 401);
}

#[tokio::test]
async fn the_path_prefix_picks_the_api_and_health_is_answered_by_bitting() {
    let (bitting, eu, _us) = start().await;
    assert_eq!(get(bitting.gateway, "/harbour/ping", &[]).await.json()["status"], "alive");
    let elsewhere = get(bitting.gateway, "/elsewhere", &[]).await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.json()["code"].as_str()), (421, Some("unknown_host")));
    assert!(eu.requests().is_empty());
}

#[tokio::test]
async fn encoded_slashes_and_capitals_pass_where_the_configuration_says_so() {
    let (bitting, eu, _us) = start().await;
    let key = bitting.key(&[]).key;
    for path in ["/harbour/documents/2026%2Fbill-of-lading", "/harbour/ships/MSCU1234567"] {
        assert_eq!(ask(&bitting, "GET", path, &key).await.status, 200, "{path}");
        assert_eq!(eu.last().target, path);
    }
    assert_eq!(ask(&bitting, "GET", "/harbour/ships/a%2Fb", &key).await.status, 400);
}
