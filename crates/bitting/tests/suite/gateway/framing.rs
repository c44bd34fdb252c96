//! Where a request ends, and what may stand after its body.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{read_until, start, start_before_a_socket};
use crate::harness::raw;

#[tokio::test]
async fn identity_and_credentials_after_the_last_chunk_do_not_reach_the_upstream() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let request = format!(
        "POST /x HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\
         Trailer: Bitting-Account, X-Key\r\nTrailer: X-Forwarded-For\r\n\r\n\
         5\r\nhello\r\n0\r\nBitting-Account: acct_other\r\nX-Key: {bearer}\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    // Everything up to the end of the message: trailers stand between the last chunk and the empty line.
    let seen = read_until(&mut upstream, "\r\n0\r\n").await;
    let (_, body) = seen.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "5\r\nhello\r\n0\r\n\r\n", "{seen}");
    assert!(!seen.contains("\r\ntrailer:") && !seen.contains("acct_other") && !seen.contains("203.0.113.9"), "{seen}");
    upstream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    let answer = read_until(&mut caller, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_arrives_whatever_the_method() {
    let (bitting, upstream, bearer) = start("").await;
    for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PROPFIND"] {
        let request = format!(
            "{method} /x HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        );
        let answer = raw(bitting.gateway, request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{method}: {answer}");
        let seen = upstream.last();
        assert_eq!((seen.method.as_str(), &*seen.body), (method, &b"hello world"[..]));
        assert_eq!((seen.header("transfer-encoding"), seen.header("content-length")), ("chunked", ""), "{method}");
    }
}

#[tokio::test]
async fn a_request_without_a_body_does_not_get_one() {
    let (bitting, upstream, bearer) = start("").await;
    for (method, length) in [("GET", ""), ("HEAD", ""), ("DELETE", ""), ("POST", "Content-Length: 0\r\n")] {
        let request =
            format!("{method} /x HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\n{length}Connection: close\r\n\r\n");
        let answer = raw(bitting.gateway, request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{method}: {answer}");
        let seen = upstream.last();
        assert_eq!((seen.body.len(), seen.header("transfer-encoding")), (0, ""), "{method}");
    }
}

/// What a caller gets, to the end of its connection, for a request whose answer the test writes; and the request as it arrived.
async fn answered(request: &str, answer: &str) -> (String, String) {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let request = request.replace("HTTP/1.1\r\n", &format!("HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\n"));
    let request = request.replace("HTTP/1.0\r\n", &format!("HTTP/1.0\r\nAuthorization: {bearer}\r\n"));
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(request.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let seen = read_until(&mut upstream, "\r\n\r\n").await;
    upstream.write_all(answer.as_bytes()).await.unwrap();
    drop(upstream);
    let mut got = String::new();
    caller.read_to_string(&mut got).await.unwrap();
    (got, seen)
}

#[tokio::test]
async fn fields_after_the_body_of_an_answer_reach_whoever_said_that_they_take_them() {
    let answer = "HTTP/1.1 200 OK\r\nTrailer: X-Sum, X-Request-Id\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n0\r\nX-Sum: abc\r\nX-Other: not announced\r\n\r\n";
    let wanting = "GET /x HTTP/1.1\r\nTE: deflate, trailers\r\nConnection: TE, close\r\n\r\n";
    let (got, seen) = answered(wanting, answer).await;
    assert!(seen.contains("te: trailers\r\n") && seen.contains("connection: TE\r\n") && !seen.contains("deflate"), "{seen}");
    assert!(got.ends_with("5\r\nhello\r\n0\r\nx-sum: abc\r\n\r\n"), "{got}");
    let (got, seen) = answered("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", answer).await;
    assert!(!seen.contains("te: "), "{seen}");
    assert!(got.ends_with("5\r\nhello\r\n0\r\n\r\n"), "{got}");
}

#[tokio::test]
async fn an_answer_without_a_body_has_none() {
    for (request, answer, lengths) in [
        ("HEAD /x HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", Some("1234")),
        ("HEAD /x HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("HEAD /x HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n\r\n", None),
        ("GET /x HTTP/1.1\r\n", "HTTP/1.1 204 No Content\r\n\r\n", None),
        ("GET /x HTTP/1.1\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", None),
        // It may be said here, and need not (RFC 9110, section 8.6); hyper does not.
        ("GET /x HTTP/1.1\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 1234\r\n\r\n", None),
        ("GET /x HTTP/1.1\r\n", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", None),
        ("POST /x HTTP/1.1\r\n", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", Some("0")),
    ] {
        let (got, _) = answered(&format!("{request}Connection: close\r\n\r\n"), answer).await;
        assert!(got.ends_with("\r\n\r\n") && got.matches("\r\n\r\n").count() == 1, "{request}{answer}{got}");
        assert_eq!(got.lines().find_map(|line| line.strip_prefix("content-length: ")), lengths, "{request}{answer}{got}");
        assert!(answer.contains("chunked") || !got.contains("transfer-encoding"), "{request}{answer}{got}");
    }
}

#[tokio::test]
async fn a_length_stays_a_length_and_a_compressed_body_stays_as_it_is() {
    let zipped = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\n\u{1f}abcd\0";
    let asking = "GET /x HTTP/1.1\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n\r\n";
    let (got, seen) = answered(asking, zipped).await;
    assert!(seen.contains("accept-encoding: gzip, br\r\n"), "{seen}");
    assert!(got.contains("content-length: 6\r\n") && got.contains("content-encoding: gzip\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\n\u{1f}abcd\0") && !got.contains("transfer-encoding"), "{got}");
}

#[tokio::test]
async fn what_an_upstream_says_before_its_answer_is_not_passed_on() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n\
                  HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (got, _) = answered("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", answer).await;
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n") && got.ends_with("ok") && !got.contains("preload"), "{got}");
}

#[tokio::test]
async fn a_caller_of_http_1_0_gets_no_chunks_and_the_end_of_the_connection() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let (got, seen) = answered("GET /x HTTP/1.0\r\n\r\n", chunked).await;
    assert!(seen.starts_with("GET /x HTTP/1.1\r\n"), "{seen}");
    assert!(got.starts_with("HTTP/1.0 200 OK\r\n") && got.ends_with("\r\n\r\nhello world"), "{got}");
    assert!(!got.contains("transfer-encoding"), "{got}");
}
