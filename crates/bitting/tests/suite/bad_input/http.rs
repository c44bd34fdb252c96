//! Malformed, smuggling, oversized and broken-off HTTP.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway::start;
use crate::harness::{get, raw};

#[tokio::test]
async fn malformed_heads_are_refused_and_the_server_goes_on() {
    let (bitting, upstream, bearer) = start("").await;
    for (what, head) in [
        ("line folding", "GET /x HTTP/1.1\r\nHost: x\r\nX-A: one\r\n two\r\n\r\n"),
        ("a bare CR in a value", "GET /x HTTP/1.1\r\nHost: x\r\nX-A: one\rtwo\r\n\r\n"),
        ("NUL in a value", "GET /x HTTP/1.1\r\nHost: x\r\nX-A: o\0ne\r\n\r\n"),
        ("a control character in a value", "GET /x HTTP/1.1\r\nHost: x\r\nX-A: o\x01ne\r\n\r\n"),
        ("a space before the colon", "GET /x HTTP/1.1\r\nHost : x\r\n\r\n"),
        ("no colon", "GET /x HTTP/1.1\r\nHost x\r\n\r\n"),
        ("an empty name", "GET /x HTTP/1.1\r\n: x\r\nHost: x\r\n\r\n"),
        ("NUL in the target", "GET /\0x HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a space in the target", "GET /x y HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a version that does not exist", "GET /x HTTP/3.7\r\nHost: x\r\n\r\n"),
        ("HTTP/0.9", "GET /x\r\n\r\n"),
        ("nothing but line ends", "\r\n\r\n\r\n\r\nX\r\n\r\n"),
    ] {
        let answer = raw(bitting.gateway, head).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 505");
        assert!(refused, "{what}: {answer}");
    }
    assert!(upstream.requests().is_empty());
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
}

#[tokio::test]
async fn lengths_that_contradict_each_other_smuggle_nothing() {
    let (bitting, upstream, bearer) = start("").await;
    let inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for lengths in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
    ] {
        let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n{lengths}\r\n\r\n");
        let answer = raw(bitting.gateway, head + "0\r\n\r\n" + inner).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{lengths}: {answer}");
    }
    let old =
        format!("POST /x HTTP/1.0\r\nHost: x\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}");
    assert!(raw(bitting.gateway, old).await.starts_with("HTTP/1.1 400"));
    assert!(upstream.requests().is_empty());
}

/// RFC 9112, section 6.1: a server may go by `Transfer-Encoding` alone if it drops `Content-Length` and closes the
/// connection. Then nothing can stand behind the message.
#[tokio::test]
async fn with_both_lengths_the_chunks_count_the_other_is_dropped_and_nothing_after_them_is_read() {
    let (bitting, upstream, bearer) = start("").await;
    let inner = format!("GET /smuggled HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
    for lengths in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: chunked\r\nContent-Length: 400",
    ] {
        let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n{lengths}\r\n\r\n");
        let answer = raw(bitting.gateway, head + "5\r\nhello\r\n0\r\n\r\n" + &inner).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lengths}: {answer}");
        assert!(answer.contains("connection: close"), "{lengths}: {answer}");
        let seen = upstream.last();
        assert_eq!((seen.body.as_slice(), seen.header("content-length")), (&b"hello"[..], ""), "{lengths}");
    }
    assert!(upstream.requests().iter().all(|request| request.target == "/x"));
}

#[tokio::test]
async fn chunks_that_are_none_end_the_request() {
    let (bitting, upstream, bearer) = start("").await;
    for chunks in
        ["x\r\nhello\r\n0\r\n\r\n", "5\r\nhelloworld\r\n0\r\n\r\n", "ffffffffffffffffff\r\nhello\r\n", "-5\r\nhello\r\n"]
    {
        let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let answer = raw(bitting.gateway, head + chunks).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{chunks:?}: {answer}");
    }
    assert!(upstream.requests().iter().all(|request| request.body.is_empty() || request.body == b"hello"));
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
}

#[tokio::test]
async fn heads_that_are_too_large_are_told_so() {
    let (bitting, upstream, bearer) = start("").await;
    let ask = async |more: String| {
        raw(bitting.gateway, format!("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n\r\n")).await
    };
    assert!(ask(format!("Authorization: Bearer {}", "k".repeat(10_000_000))).await.starts_with("HTTP/1.1 431"));
    assert!(ask("X-A: b\r\n".repeat(10_000)).await.starts_with("HTTP/1.1 431"));
    let long = raw(bitting.gateway, format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "p".repeat(1_000_000))).await;
    assert!(long.starts_with("HTTP/1.1 414") || long.starts_with("HTTP/1.1 431"), "{}", &long[..long.len().min(200)]);
    // Just below the limit it is an ordinary request with a bad key.
    assert!(ask(format!("Authorization: Bearer {}", "k".repeat(60_000))).await.starts_with("HTTP/1.1 401"));
    assert!(upstream.requests().is_empty());
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
}

#[tokio::test]
async fn a_body_that_stops_half_way_never_looks_complete_to_the_upstream() {
    let (bitting, upstream, bearer) = start("").await;
    for lengths in ["Content-Length: 100\r\n\r\nhalf of it", "Transfer-Encoding: chunked\r\n\r\n64\r\nhalf of it"] {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n{lengths}");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
    // The upstream saw the beginnings, but nothing that it could take for a whole body.
    assert!(upstream.requests().iter().all(|request| request.body.is_empty()));
}

#[tokio::test]
async fn bytes_that_are_no_text_in_headers_and_query_are_only_a_bad_key() {
    let (bitting, upstream, _bearer) = start("[api.credential]\nfrom = [\"bearer\", \"header:x-key\", \"cookie:k\"]\n").await;
    for header in
        [&b"Authorization: Bearer \xff\xfe\x80"[..], b"X-Key: shop_\xc3\x28", b"Cookie: k=\xff; \xfe=\xfd", b"X-Key: \xe2\x82"]
    {
        let request = [b"GET /x?\xc3\xa9=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", header, b"\r\n\r\n"].concat();
        let answer = raw(bitting.gateway, request).await;
        assert!(answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let host = raw(bitting.gateway, b"GET /x HTTP/1.1\r\nHost: \xff\xfe\r\nConnection: close\r\n\r\n").await;
    assert!(host.starts_with("HTTP/1.1 400"), "{host}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_thousand_query_parameters_are_searched_and_forwarded() {
    let (bitting, upstream, _bearer) = start("[api.credential]\nfrom = [\"query:key\"]\n").await;
    let key = bitting.key(&[]).key;
    let many = (0..1_000).map(|number| format!("p{number}={number}")).collect::<Vec<_>>().join("&");
    let reply = get(bitting.gateway, &format!("/x?{many}&key={key}"), &[]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(upstream.last().target, format!("/x?{many}"));
}
