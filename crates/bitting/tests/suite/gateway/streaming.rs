//! Bodies go through as they come, in both directions.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use http_body_util::channel::{Channel, Sender};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{config, read_until, start, start_before_a_socket};
use crate::harness::{Bitting, Issued, Upstream, get};

#[tokio::test]
async fn server_sent_events_arrive_as_they_are_sent() {
    let open: Arc<Mutex<Option<Sender<Bytes, Infallible>>>> = Arc::default();
    let hand_over = Arc::clone(&open);
    let upstream = Upstream::answering(move |_| {
        let (sender, body) = Channel::<Bytes, Infallible>::new(1);
        *hand_over.lock().unwrap() = Some(sender);
        ([("content-type", "text/event-stream")], Body::new(body)).into_response()
    })
    .await;
    let bitting = Bitting::with_config(&config(&upstream, ""));
    let key = bitting.key(&[]).key;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    let mut sender = open.lock().unwrap().take().unwrap();
    for number in 0..5 {
        // The next event is only sent when this one has arrived.
        sender.send_data(format!("data: {number}\n\n").into()).await.unwrap();
        read_until(&mut stream, &format!("data: {number}\n\n")).await;
    }
}

#[tokio::test]
async fn a_request_body_reaches_the_upstream_while_it_is_still_being_sent() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = format!("POST /up HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 10\r\n\r\nfirst");
    caller.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let seen = read_until(&mut upstream, "first").await;
    assert!(seen.contains("content-length: 10") && !seen.contains("shop_"), "{seen}");
    caller.write_all(b"again").await.unwrap();
    read_until(&mut upstream, "again").await;
    upstream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    let answer = read_until(&mut caller, "ok").await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
}

#[tokio::test]
async fn a_large_answer_comes_through_whole() {
    let body: Vec<u8> = (0..8_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
    let expected = body.clone();
    let upstream = Upstream::answering(move |_| Response::new(Body::from(body.clone()))).await;
    let bitting = Bitting::with_config(&config(&upstream, ""));
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    stream.write_all(b"GET /public HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(&answer[answer.len() - expected.len()..], &expected[..]);
}

#[tokio::test]
async fn an_answer_to_head_has_the_length_and_no_body() {
    let (bitting, upstream, bearer) = start("").await;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = format!("HEAD /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("content-length: 11") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(upstream.last().method, "HEAD");
}

/// An answer of a media type that has begun, and both ends of it.
async fn begun(kind: &str) -> (Bitting, Issued, TcpStream, TcpStream) {
    let (bitting, socket, _) = start_before_a_socket("").await;
    let key = bitting.key(&[]);
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = format!("GET /feed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", key.key);
    caller.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    read_until(&mut upstream, "\r\n\r\n").await;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
    upstream.write_all(head.as_bytes()).await.unwrap();
    read_until(&mut caller, "data: 1\n\n").await;
    (bitting, key, caller, upstream)
}

#[tokio::test]
async fn an_event_stream_breaks_off_within_a_second_of_its_key_being_revoked() {
    let (bitting, key, mut caller, mut upstream) = begun("text/event-stream; charset=utf-8").await;
    bitting.revoke(&key);
    let began = std::time::Instant::now();
    let (mut rest, mut seen) = (String::new(), Vec::new());
    let _ = tokio::time::timeout(Duration::from_secs(5), caller.read_to_string(&mut rest)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!rest.contains("0\r\n"), "it must not look complete: {rest}");
    // Nor does the upstream go on for nobody.
    let _ = tokio::time::timeout(Duration::from_secs(5), upstream.read_to_end(&mut seen)).await.unwrap();
}

#[tokio::test]
async fn an_ordinary_answer_in_progress_finishes_though_its_key_is_revoked() {
    let (bitting, key, mut caller, mut upstream) = begun("application/json").await;
    bitting.revoke(&key);
    let bearer = format!("Bearer {}", key.key);
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 401);
    upstream.write_all(b"4\r\nmore\r\n0\r\n\r\n").await.unwrap();
    read_until(&mut caller, "more\r\n0\r\n\r\n").await;
}
