//! `Expect: 100-continue`: a caller is asked for the body when the upstream wants it, and not before.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{read_until, start_before_a_socket};
use crate::harness::{Bitting, Client};

/// A caller that waits to be asked, and the upstream's end of its request.
async fn waiting() -> (Bitting, TcpStream, TcpStream) {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = format!(
        "PUT /up HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let seen = read_until(&mut upstream, "\r\n\r\n").await;
    assert!(seen.contains("expect: 100-continue\r\n") && seen.ends_with("\r\n\r\n"), "{seen}");
    (bitting, caller, upstream)
}

#[tokio::test]
async fn a_caller_is_asked_for_the_body_when_the_upstream_asks() {
    let (_bitting, mut caller, mut upstream) = waiting().await;
    upstream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    assert_eq!(read_until(&mut caller, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    caller.write_all(b"hello").await.unwrap();
    assert_eq!(read_until(&mut upstream, "hello").await, "hello");
    upstream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let answer = read_until(&mut caller, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201") && !answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_refuses_by_the_head_alone_spares_the_caller_the_body() {
    let (_bitting, mut caller, mut upstream) = waiting().await;
    upstream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), caller.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn an_upstream_that_never_asks_gets_the_body_after_a_while() {
    let (_bitting, mut caller, mut upstream) = waiting().await;
    assert_eq!(read_until(&mut caller, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    caller.write_all(b"hello").await.unwrap();
    read_until(&mut upstream, "hello").await;
    upstream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let answer = read_until(&mut caller, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test]
async fn curl_sends_a_refused_upload_of_three_mebibytes_not_at_all() {
    let (bitting, upstream, bearer) = super::start("").await;
    let code = "cd \"$CURL_HOME\"
head -c 3145728 /dev/zero > upload
curl -v -o out -H 'Expect: 100-continue' -H \"Authorization: $BEARER\" -T upload \"$URL/up\" 2> log
grep -c 'HTTP/1.1 100 Continue' log; tail -c 4 out >/dev/null
curl -v -o out -w '%{http_code} %{size_upload}\\n' -H 'Expect: 100-continue' -H 'Authorization: Bearer wrong' -T upload \"$URL/up\" 2> log
grep -c 'HTTP/1.1 100 Continue' log; true";
    let printed = Client::Curl.run(code, &[("URL", &bitting.origin()), ("BEARER", &bearer)]).await;
    let lines: Vec<&str> = printed.split_whitespace().collect();
    assert_eq!(lines, ["200", "1", "401", "0", "0"], "{printed}");
    assert_eq!(upstream.last().body.len(), 3 << 20);
    assert_eq!(upstream.requests().len(), 1);
}
