//! What goes upstream, and what does not.

use super::{config, start};
use crate::harness::{Bitting, Traces, Upstream, get, raw, request};

#[tokio::test]
async fn hop_by_hop_headers_stay_behind_with_all_that_connection_names() {
    let (bitting, upstream, bearer) = start("").await;
    let answer = raw(
        bitting.gateway,
        format!(
            "GET /x HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\nConnection: close, X-Secret, Bitting-Account, Host\r\n\
             X-Secret: 1\r\nKeep-Alive: timeout=5\r\nTE: deflate\r\nProxy-Authorization: Basic eDp5\r\n\
             Upgrade: websocket\r\nProxy-Connection: close\r\nX-Kept: yes\r\n\r\n"
        ),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = upstream.last();
    for name in ["x-secret", "keep-alive", "te", "proxy-authorization", "upgrade", "proxy-connection", "authorization"] {
        assert_eq!(seen.header(name), "", "{name}");
    }
    assert_eq!((seen.header("x-kept"), seen.header("host")), ("yes", "shop"));
    // Naming the identity in `Connection` does not take it away.
    assert_eq!(seen.header("bitting-account"), "default");
}

#[tokio::test]
async fn the_raw_path_and_query_are_forwarded_byte_for_byte() {
    let (bitting, upstream, bearer) = start("").await;
    for target in ["/a%20b/%C3%A9?q=%zz&r=a+b", "/x;y=z?", "/a:b@c!$&'()*+,=~", "/CaSe/%7Euser?x", "/?a=b?c=d/../e"] {
        assert_eq!(get(bitting.gateway, target, &[("authorization", &bearer)]).await.status, 200, "{target}");
        assert_eq!(upstream.last().target, target);
    }
}

#[tokio::test]
async fn methods_and_bodies_arrive_as_they_were_sent() {
    let (bitting, upstream, bearer) = start("").await;
    let body = "x".repeat(300_000);
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        request(bitting.gateway, method, "/x", &[("authorization", &bearer), ("content-type", "text/odd")], &body).await;
        let seen = upstream.last();
        assert_eq!((seen.method.as_str(), seen.body.len(), seen.header("content-type")), (method, 300_000, "text/odd"));
    }
    let chunked = format!(
        "POST /x HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
         5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    );
    assert!(raw(bitting.gateway, chunked).await.starts_with("HTTP/1.1 200"));
    assert_eq!(upstream.last().body, b"hello world");
}

#[tokio::test]
async fn headers_that_change_method_or_path_for_some_frameworks_are_dropped_in_every_spelling() {
    let (bitting, upstream, bearer) = start("").await;
    let names = [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
        "X_HTTP_Method_Override",
        "x-http_method",
        "X_Original_URL",
    ];
    let mut headers: Vec<(&str, &str)> = names.iter().map(|&name| (name, "DELETE")).collect();
    headers.extend([("authorization", &*bearer), ("x-original", "kept"), ("x_method", "kept")]);
    assert_eq!(get(bitting.gateway, "/x", &headers).await.status, 200);
    let seen = upstream.last();
    assert!(!seen.holds("DELETE"), "{:?}", seen.headers);
    assert_eq!((seen.header("x-original"), seen.header("x_method")), ("kept", "kept"));
}

#[tokio::test]
async fn the_upstream_learns_the_clients_address_and_not_what_the_client_says_of_it() {
    let (bitting, upstream, bearer) = start("").await;
    let forged = [
        ("authorization", &*bearer),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-port", "evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-server", "evil"),
        ("x-forwarded-ssl", "evil"),
        ("x-real-ip", "203.0.113.9"),
        ("X_Forwarded_For", "203.0.113.9"),
        ("x_forwarded-proto", "evil"),
        ("X_Real_IP", "203.0.113.9"),
    ];
    assert_eq!(get(bitting.gateway, "/x", &forged).await.status, 200);
    let seen = upstream.last();
    assert_eq!((seen.header("x-forwarded-for"), seen.header("forwarded")), ("127.0.0.1", ""));
    assert_eq!(seen.header("x-forwarded-proto"), "http");
    assert_eq!(seen.header("x-forwarded-host"), bitting.gateway.to_string());
    assert!(!seen.holds("203.0.113.9") && !seen.holds("evil"), "{:?}", seen.headers);
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_in_the_header_that_it_writes_and_what_it_passes_on_is_dropped() {
    let upstream = Upstream::start().await;
    let says = [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=198.51.100.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/shop"),
        ("X_Forwarded_For", "passed on"),
        ("X_Forwarded_Proto", "passed on"),
        ("X_Real_IP", "passed on"),
        ("X.Forwarded.For", "passed on"),
        ("X~Forwarded-Host", "passed on"),
    ];
    for (believed, x_forwarded_for, scheme, prefix) in [
        ("x-forwarded-for", ["203.0.113.9, 127.0.0.1"], "https", "/shop"),
        ("forwarded", ["198.51.100.7, 127.0.0.1"], "http", ""),
    ] {
        let traces = Traces::new();
        std::fs::write(traces.path("bitting.toml"), config(&upstream, "")).unwrap();
        let proxies =
            ["listen.0.trusted_proxies=[\"127.0.0.1\"]".to_owned(), format!("listen.0.forwarded_header=\"{believed}\"")];
        let bitting = Bitting::serve(&traces.path("bitting.toml"), &proxies, traces.clone());
        assert_eq!(get(bitting.gateway, "/public", &says).await.status, 200);
        let seen = upstream.last();
        assert_eq!(seen.headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), x_forwarded_for);
        assert_eq!((seen.header("forwarded"), seen.header("x-forwarded-proto")), ("", scheme));
        assert_eq!(seen.header("x-forwarded-prefix"), prefix);
        assert!(!seen.holds("passed on"), "{:?}", seen.headers);
    }
}

#[tokio::test]
async fn a_request_id_goes_up_and_comes_back_and_is_never_the_callers() {
    let (bitting, upstream, bearer) = start("").await;
    let reply =
        get(bitting.gateway, "/x", &[("authorization", &bearer), ("x-request-id", "my-own"), ("X_Request_Id", "my-own")]).await;
    let id = reply.header("x-request-id");
    assert!(id.starts_with("req_") && id.len() == 36, "{id}");
    assert_eq!(upstream.last().header("x-request-id"), id);
    assert!(!upstream.last().holds("my-own"));
    let refused = get(bitting.gateway, "/x", &[("x-request-id", "my-own")]).await;
    assert!(refused.header("x-request-id").starts_with("req_") && refused.header("x-request-id") != id);
}

#[tokio::test]
async fn connections_are_used_again_on_both_sides() {
    let (bitting, upstream, bearer) = start("").await;
    let one = format!("GET /x HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\n\r\n");
    let last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = raw(bitting.gateway, one.repeat(4) + &last).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 5);
    assert_eq!(upstream.requests().len(), 5);
    assert!(upstream.connections() <= 2, "{} connections for five requests", upstream.connections());
}
