//! Which host a request is for, however it says so.

use super::config;
use crate::harness::{Bitting, Upstream, raw};

/// Two APIs behind one gateway: `shop.example` and, below `/v2` of the same host, `billing`.
async fn two() -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    let open = "[api.default]\naccess = \"public\"\n";
    let shop = config(&upstream, open).replace("name = \"shop\"", "name = \"shop\"\nhosts = [\"shop.example\"]");
    let billing = shop.replace("\"shop\"", "\"billing\"\npath = \"/v2\"").replace("shop_", "bill_");
    (Bitting::with_config(&format!("{shop}{billing}")), upstream)
}

/// The first line and the code of the answer to a request of these lines.
async fn ask(bitting: &Bitting, lines: &str) -> String {
    let answer = raw(bitting.gateway, format!("{lines}\r\n\r\n")).await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let code = answer.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    format!("{status} {code}").trim_end().to_owned()
}

#[tokio::test]
async fn case_port_and_trailing_dot_of_a_host_do_not_matter_and_the_request_line_beats_it() {
    let (bitting, upstream) = two().await;
    for (lines, host) in [
        ("GET /x HTTP/1.1\r\nHost: shop.example", "shop.example"),
        ("GET /x HTTP/1.1\r\nHost: SHOP.Example.:8443", "SHOP.Example.:8443"),
        ("GET http://shop.example/x HTTP/1.1\r\nHost: SHOP.EXAMPLE.", "shop.example"),
        ("GET http://Shop.Example:80/x HTTP/1.1\r\nHost: shop.example", "Shop.Example:80"),
        ("GET HTTP://shop.example/x HTTP/1.1\r\nHost: shop.example", "shop.example"),
        ("GET http://shop.example/x HTTP/1.0", "shop.example"),
    ] {
        assert_eq!(ask(&bitting, &format!("{lines}\r\nConnection: close")).await, "200", "{lines}");
        let seen = upstream.last();
        assert_eq!((seen.header("host"), seen.header("x-forwarded-host"), &*seen.target), (host, host, "/x"), "{lines}");
        assert_eq!(seen.headers.get_all("host").iter().count(), 1);
    }
}

#[tokio::test]
async fn a_host_that_is_not_certain_is_a_400_and_ends_the_connection() {
    let (bitting, upstream) = two().await;
    for lines in [
        "GET http://shop.example/x HTTP/1.1\r\nHost: other.example",
        "GET http://shop.example:80/x HTTP/1.1\r\nHost: shop.example:81",
        "GET http://shop.example/x HTTP/1.1",
        "GET http://user@shop.example/x HTTP/1.1\r\nHost: shop.example",
        "GET http://user:word@shop.example/x HTTP/1.1\r\nHost: user:word@shop.example",
        "GET /x HTTP/1.1",
        "GET /x HTTP/1.1\r\nHost:",
        "GET /x HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example",
        "GET /x HTTP/1.1\r\nHost: shop.example\r\nHost: other.example",
        "GET /x HTTP/1.1\r\nHost: user@shop.example",
        "GET /x HTTP/1.1\r\nHost: shop.example/x",
        "GET /x HTTP/1.1\r\nHost: shop.example, other.example",
        "GET /x HTTP/1.1\r\nHost: shop.example other.example",
        "GET /x HTTP/1.1\r\nHost: shop.example:+80",
        "GET /x HTTP/1.1\r\nHost: shop.example:65536",
        "GET /x HTTP/1.1\r\nHost: shop.example:80:80",
        "GET /x HTTP/1.1\r\nHost: shop..example",
        "GET /x HTTP/1.1\r\nHost: [shop.example]",
        "GET /x HTTP/1.1\r\nHost: shop.example%00",
        "GET /x HTTP/1.1\r\nHost: sh\u{f6}p.example",
    ] {
        // The answer is read to its end, which the second request would put off.
        let again = "\r\n\r\nGET /y HTTP/1.1\r\nHost: shop.example";
        assert_eq!(ask(&bitting, &format!("{lines}{again}")).await, "400 invalid_request", "{lines}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_host_of_nobody_is_misdirected_and_a_path_below_a_prefix_is_its_own_apis() {
    let (bitting, upstream) = two().await;
    let of = |line: &str, host: &str| format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close");
    for host in ["other.example", "shop.example.evil", "xshop.example", "127.0.0.1", "[::1]:80"] {
        assert_eq!(ask(&bitting, &of("GET /x", host)).await, "421 unknown_host", "{host}");
    }
    assert_eq!(ask(&bitting, "GET /x HTTP/1.0").await, "421 unknown_host");
    assert!(upstream.requests().is_empty());
    assert_eq!(ask(&bitting, &of("GET /v2/x", "Shop.example:1")).await, "200");
    assert_eq!(upstream.last().target, "/v2/x");
    let log = std::fs::read_to_string(bitting.stop().path("serve.out")).unwrap();
    assert!(log.contains("\"api\":\"billing\""), "{log}");
}

#[tokio::test]
async fn methods_that_no_api_has_are_refused() {
    let (bitting, upstream) = two().await;
    for (lines, answer) in [
        ("TRACE /x HTTP/1.1\r\nHost: shop.example", "400 invalid_request"),
        ("CONNECT shop.example:80 HTTP/1.1\r\nHost: shop.example:80", "400 invalid_request"),
        ("OPTIONS * HTTP/1.1\r\nHost: shop.example", "400 invalid_path"),
        ("get /x HTTP/1.1\r\nHost: shop.example", "400 invalid_request"),
    ] {
        assert_eq!(ask(&bitting, &format!("{lines}\r\nConnection: close")).await, answer, "{lines}");
    }
    assert!(upstream.requests().is_empty());
}
