//! Where a request ends, and what may stand after its body.

use tokio::io::AsyncWriteExt as _;
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
