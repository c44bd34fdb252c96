//! How long a body may take, and how long an upstream that has it.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::{read_until, start_before_a_socket};
use crate::harness::{Bitting, get};

const SHORT: &str = "[api.timeouts]\nresponse_head = \"200ms\"\n";

/// A gateway and an upload of ten bytes of which the upstream has the first five, and the upstream's end of it.
async fn half_way() -> (Bitting, TcpListener, String, TcpStream, TcpStream) {
    let (bitting, socket, bearer) = start_before_a_socket(SHORT).await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = format!("POST /up HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 10\r\n\r\nfirst");
    caller.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    read_until(&mut upstream, "first").await;
    (bitting, socket, bearer, caller, upstream)
}

/// Waits for longer than `response_head`: until a request that came later has run into it.
async fn outlast_the_timeout(bitting: &Bitting, socket: &TcpListener, bearer: &str) {
    let authorization = [("authorization", bearer)];
    let (late, _silent) = tokio::join!(get(bitting.gateway, "/slow", &authorization), socket.accept());
    assert_eq!((late.status.as_u16(), late.json()["code"].as_str()), (504, Some("upstream_timeout")));
}

#[tokio::test]
async fn an_upload_that_pauses_for_longer_than_an_upstream_may_take_to_answer_is_not_cut() {
    let (bitting, socket, bearer, mut caller, mut upstream) = half_way().await;
    outlast_the_timeout(&bitting, &socket, &bearer).await;
    caller.write_all(b"aga").await.unwrap();
    read_until(&mut upstream, "aga").await;
    outlast_the_timeout(&bitting, &socket, &bearer).await;
    caller.write_all(b"in").await.unwrap();
    read_until(&mut upstream, "in").await;
    upstream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    let answer = read_until(&mut caller, "ok").await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_has_the_whole_body_and_does_not_answer_is_a_504() {
    let (bitting, socket, bearer, mut caller, mut upstream) = half_way().await;
    outlast_the_timeout(&bitting, &socket, &bearer).await;
    caller.write_all(b"again").await.unwrap();
    read_until(&mut upstream, "again").await;
    let answer = read_until(&mut caller, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_does_not_read_the_body_is_a_504() {
    let (bitting, socket, bearer) = start_before_a_socket(SHORT).await;
    let caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let (mut answers, mut requests) = caller.into_split();
    let head = format!("POST /up HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nTransfer-Encoding: chunked\r\n\r\n");
    requests.write_all(head.as_bytes()).await.unwrap();
    let endless = tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while requests.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    let (_unread, _) = socket.accept().await.unwrap();
    let answer = read_until(&mut answers, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    // And the caller is let go, though hyper still has what the upstream did not take.
    tokio::time::timeout(Duration::from_secs(20), endless).await.expect("the caller is still held").unwrap();
}
