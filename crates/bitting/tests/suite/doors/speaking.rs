//! HTTP/2, and whoever speaks something else than the listener.

use super::{curl, start, start_secured};
use crate::harness::raw;

#[tokio::test]
async fn http_2_with_prior_knowledge_is_spoken_on_a_plain_listener() {
    let (bitting, upstream, bearer) = start("").await;
    let (url, authorization) = (format!("http://{}/things", bitting.gateway), format!("Authorization: {bearer}"));
    let body = "x".repeat(100_000);
    std::fs::write(bitting.traces.path("body"), &body).unwrap();
    let arguments = ["--http2-prior-knowledge", "-H", &authorization, "--data-binary", "@body", &url];
    let said = curl(bitting.traces.folder(), &arguments).await;
    assert!(said.ends_with("\n2 200"), "{said}");
    let seen = upstream.last();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/things"));
    assert!(seen.body == body.as_bytes(), "{} bytes", seen.body.len());
    assert_eq!(seen.header("host"), bitting.gateway.to_string());
    // An upgrade in the middle of HTTP/1.1 was taken out of HTTP/2 and is not offered.
    let said = curl(bitting.traces.folder(), &["--http2", "-H", &authorization, &url]).await;
    assert!(said.ends_with("\n1.1 200"), "{said}");
    assert_eq!(upstream.last().header("upgrade"), "");
}

#[tokio::test]
async fn where_http_2_is_switched_off_its_preface_is_told_so() {
    let (bitting, _upstream, _bearer) = start("http2 = false").await;
    let said = raw(bitting.gateway, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 505 ") && said.ends_with("This port speaks HTTP/1.1.\n"), "{said}");
}

#[tokio::test]
async fn whoever_speaks_tls_to_a_plain_listener_gets_an_alert_and_the_operator_learns_what_to_set() {
    let (bitting, _upstream, _bearer) = start("").await;
    let said = curl(bitting.traces.folder(), &["--insecure", &format!("https://{}/x", bitting.gateway)]).await;
    assert!(said.contains("alert handshake failure"), "{said}");
    bitting.wait_for(|line| {
        line.contains("a caller wants TLS on a listener without it") && line.contains("set `tls` in [[listen]]")
    });
}

#[tokio::test]
async fn plain_http_on_a_listener_with_tls_is_told_to_speak_https() {
    let (bitting, _upstream, _bearer) = start_secured("").await;
    for flag in ["--http1.1", "--http2-prior-knowledge"] {
        let said = curl(bitting.traces.folder(), &[flag, &format!("http://{}/x", bitting.gateway)]).await;
        if flag == "--http1.1" {
            assert!(said.starts_with("This port speaks HTTPS") && said.ends_with("\n1.1 400"), "{said}");
        }
    }
    let said = raw(bitting.gateway, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("https://"), "{said}");
}

#[tokio::test]
async fn whoever_speaks_neither_is_told_in_words() {
    let (bitting, upstream, _bearer) = start("").await;
    for (what, bytes) in [
        ("HTTP/0.9", "GET /\r\n"),
        ("HTTP/3", "GET / HTTP/3\r\nHost: x\r\n\r\n"),
        ("half a preface", "PR\r\n\r\n"),
        ("a QUIC packet", "\u{c3}\0\0\0\u{1}\u{8}abcdefgh\r\n\r\n"),
        ("nonsense", "hello\r\n\r\n"),
    ] {
        let said = raw(bitting.gateway, bytes).await;
        assert!(
            said.starts_with("HTTP/1.1 400 ") && said.contains("a version of HTTP that is not spoken here"),
            "{what}: {said}"
        );
    }
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(65_536));
    let said = raw(bitting.gateway, many).await;
    assert!(said.starts_with("HTTP/1.1 431 ") && said.contains("more headers, or more bytes"), "{said}");
    assert!(upstream.requests().is_empty());
}
