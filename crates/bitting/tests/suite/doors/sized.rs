//! Bodies and heads that are too large.

use http::request::Builder;
use http::{Request, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::start_secured;
use crate::gateway::multiplexed::{connect, nothing};
use crate::gateway::{config, read_until};
use crate::harness::{Bitting, Traces, Upstream, post, raw};

async fn start() -> (Bitting, Upstream, String) {
    let upstream = Upstream::start().await;
    let text = config(&upstream, "[[api.route]]\nmatch = \"/large\"\nbody_limit = \"1MiB\"\n");
    let text = text.replace("upstream =", "body_limit = \"1000B\"\nupstream =");
    let bitting = Bitting::with_door(&text, "", Traces::new());
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    (bitting, upstream, bearer)
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_is_read() {
    let (bitting, upstream, bearer) = start().await;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 1001\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let said = read_until(&mut stream, "payload_too_large").await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_charged_to_no_limit() {
    let upstream = Upstream::start().await;
    let text =
        config(&upstream, "").replace("upstream =", "body_limit = \"1000B\"\nlimits = { hour = \"2/hour\" }\nupstream =");
    let bitting = Bitting::with_config(&text);
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    for (length, status) in [(1_001, 413), (5_000, 413), (1_001, 413), (1_000, 200), (1, 200), (1, 429)] {
        let reply = post(bitting.gateway, "/x", &[("authorization", &bearer)], &"x".repeat(length)).await;
        assert_eq!(reply.status, status, "{length}");
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[tokio::test]
async fn a_body_that_does_not_say_how_large_it_is_is_refused_when_it_is_too_large() {
    let (bitting, upstream, bearer) = start().await;
    let head = format!(
        "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    let piece = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let said = raw(bitting.gateway, head + &piece.repeat(3) + "0\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 413 ") && said.contains("payload_too_large"), "{said}");
    assert!(upstream.requests().iter().all(|request| request.body.is_empty()));
}

#[tokio::test]
async fn a_body_that_is_just_as_large_as_it_may_be_passes_and_a_route_may_have_a_limit_of_its_own() {
    let (bitting, upstream, bearer) = start().await;
    for (path, length, status) in [("/x", 1_000, 200), ("/large", 1 << 20, 200), ("/large", (1 << 20) + 1, 413)] {
        let reply = post(bitting.gateway, path, &[("authorization", &bearer)], &"x".repeat(length)).await;
        assert_eq!(reply.status, status, "{path} {length}");
    }
    assert_eq!(upstream.requests().len(), 2);
}

/// What a head of HTTP/2 with so many headers of so many bytes comes to, and the next request on its connection.
async fn told_of_a_head(count: usize, bytes: usize) -> (Option<StatusCode>, Option<StatusCode>) {
    let (bitting, upstream, bearer) = super::start("").await;
    let mut caller = connect(bitting.gateway).await;
    let plain = || Request::get("http://x/x").header("authorization", &bearer);
    let add = |request: Builder, number| request.header(format!("x-{number}"), "x".repeat(bytes));
    let large = (0..count).fold(plain(), add).body(nothing()).unwrap();
    let first = caller.send_request(large).await.map(|answer| answer.status()).ok();
    let passed = usize::from(first == Some(StatusCode::OK));
    assert_eq!(upstream.requests().len(), passed);
    let second = caller.send_request(plain().body(nothing()).unwrap()).await;
    (first, second.map(|answer| answer.status()).ok())
}

#[tokio::test]
async fn a_head_of_http_2_that_is_too_large_is_told_so_and_its_connection_goes_on() {
    let (good, too_large) = (Some(StatusCode::OK), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    // Each header counts for 32 bytes more than it has (RFC 9113, section 6.5.2); 64 KiB is the limit.
    assert_eq!(told_of_a_head(1, 65_000).await, (good, good));
    assert_eq!(told_of_a_head(60, 1_000).await, (good, good));
    for (count, bytes) in [(1, 65_600), (1, 100_000), (64, 1_000), (100, 1_000), (3_000, 1)] {
        assert_eq!(told_of_a_head(count, bytes).await, (too_large, good), "{count} of {bytes} bytes");
    }
}

#[tokio::test]
async fn a_head_of_http_2_that_goes_on_and_on_ends_its_connection() {
    for (count, bytes) in [(1, 300_000), (300, 1_000), (20_000, 1)] {
        assert_eq!(told_of_a_head(count, bytes).await, (None, None), "{count} of {bytes} bytes");
    }
}

#[tokio::test]
async fn curl_reads_that_its_head_is_too_large() {
    // It sends no more than 64 KiB itself.
    let (bitting, upstream, bearer) = start_secured("[listen.limits]\nhead_size = \"16KiB\"\n").await;
    let (url, authorization) = (format!("https://{}/x", bitting.gateway), format!("Authorization: {bearer}"));
    // Alone in the file: no key may be in what a test leaves behind.
    std::fs::write(bitting.traces.path("headers"), format!("X-Large: {}\n", "x".repeat(30_000))).unwrap();
    let arguments = ["--insecure", "--http2", "-H", "@headers", "-H", &authorization, &url];
    let said = super::curl(bitting.traces.folder(), &arguments).await;
    assert!(said.ends_with("\n2 431"), "{said}");
    assert!(upstream.requests().is_empty());
}
