//! Bodies that are too large.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::start_secured;
use crate::gateway::config;
use crate::gateway::read_until;
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

#[tokio::test]
async fn a_head_of_http_2_that_is_too_large_reaches_nobody() {
    let (bitting, upstream, bearer) = start_secured("").await;
    let (url, authorization) = (format!("https://{}/x", bitting.gateway), format!("Authorization: {bearer}"));
    // Alone in the file: no key may be in what a test leaves behind.
    std::fs::write(bitting.traces.path("headers"), format!("X-Large: {}\n", "x".repeat(100_000))).unwrap();
    let arguments = ["--insecure", "--http2", "-H", "@headers", "-H", &authorization, &url];
    let said = super::curl(bitting.traces.folder(), &arguments).await;
    // h2 answers 431 to a head that is a little too large, and ends the connection of a caller who goes on and on.
    assert!(said.ends_with("\n2 431") || said.contains("Connection died") || said.contains("HTTP/2"), "{said}");
    assert!(upstream.requests().is_empty());
}
