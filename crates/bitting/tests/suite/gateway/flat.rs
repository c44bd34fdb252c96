//! Bodies that are larger than what may be kept of them go through at the memory of a small one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::{multiplexed, read_until, start_before};
use crate::harness::Bitting;
use crate::harness::raw_upstream::RawUpstream;

/// Of a body, and how much the server may grow while it passes.
const LENGTH: usize = 256 << 20;
const MOST: usize = 16 << 20;

/// After how long in which nobody takes anything all that lies between is full.
const STALL: Duration = Duration::from_millis(300);

/// Told when a body is held up.
#[derive(Default)]
struct HeldUp {
    upload: Notify,
    answer: Notify,
}

static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];

/// Sends a body, and says when nobody takes any more of it. Whoever is to take it waits for that, so that there is something to be
/// gathered.
async fn send(stream: &mut TcpStream, is_held_up: &Notify) {
    let mut left = LENGTH;
    while left > 0 {
        match tokio::time::timeout(STALL, stream.write(&PIECE[..left.min(PIECE.len())])).await {
            Ok(count) => left -= count.unwrap(),
            Err(_) => is_held_up.notify_one(),
        }
    }
    // If nobody held it up, the whole of it was gathered.
    is_held_up.notify_one();
}

/// Takes uploads without keeping them, and answers everything else with a body of the same length.
async fn play(mut stream: TcpStream, held_up: Arc<HeldUp>) {
    let mut buffer = vec![0; 1 << 20];
    let Ok(mut read) = stream.read(&mut buffer).await else { return };
    if buffer.starts_with(b"GET") {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        return send(&mut stream, &held_up.answer).await;
    }
    held_up.upload.notified().await;
    while read < LENGTH {
        read += stream.read(&mut buffer).await.unwrap();
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole").await.unwrap();
}

async fn start() -> (Bitting, RawUpstream, String, Arc<HeldUp>) {
    let held_up = Arc::<HeldUp>::default();
    let told = Arc::clone(&held_up);
    let upstream = RawUpstream::playing(move |_, stream| play(stream, Arc::clone(&told))).await;
    let (bitting, bearer) = start_before(&upstream.origin(), "");
    (bitting, upstream, bearer, held_up)
}

/// The most memory that the server has had so far, in bytes.
fn peak(bitting: &Bitting) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bitting.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

fn assert_flat(bitting: &Bitting, before: usize) {
    let grown = peak(bitting) - before;
    assert!(grown < MOST, "the server grew by {} MiB", grown >> 20);
}

#[tokio::test]
async fn an_upload_larger_than_what_is_kept_of_it_passes_at_flat_memory() {
    let (bitting, _upstream, bearer, held_up) = start().await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let before = peak(&bitting);
    let head = format!("POST /up HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: {LENGTH}\r\n\r\n");
    caller.write_all(head.as_bytes()).await.unwrap();
    send(&mut caller, &held_up.upload).await;
    read_until(&mut caller, "whole").await;
    assert_flat(&bitting, before);
}

#[tokio::test]
async fn an_answer_larger_than_what_is_kept_of_it_passes_at_flat_memory() {
    let (bitting, _upstream, bearer, held_up) = start().await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let before = peak(&bitting);
    let head = format!("GET /down HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n");
    caller.write_all(head.as_bytes()).await.unwrap();
    held_up.answer.notified().await;
    let (mut buffer, mut read) = (vec![0; 1 << 20], 0);
    loop {
        match caller.read(&mut buffer).await.unwrap() {
            0 => break,
            count => read += count,
        }
    }
    assert!(read > LENGTH, "{read}");
    assert_flat(&bitting, before);
}

#[tokio::test]
async fn bodies_of_http_2_pass_at_flat_memory_too() {
    let (bitting, _upstream, bearer, held_up) = start().await;
    let mut caller = multiplexed::connect(bitting.gateway).await;
    let before = peak(&bitting);
    let request = |method: &str| Request::builder().method(method).uri("http://x/body").header("authorization", &bearer);

    let (mut sender, body) = Channel::<Bytes>::new(1);
    let answer = tokio::spawn(caller.send_request(request("POST").body(body.boxed_unsync()).unwrap()));
    let mut left = LENGTH / PIECE.len();
    while left > 0 {
        match tokio::time::timeout(STALL, sender.send_data(Bytes::from_static(&PIECE))).await {
            Ok(sent) => left -= sent.map(|()| 1).unwrap(),
            Err(_) => held_up.upload.notify_one(),
        }
    }
    held_up.upload.notify_one();
    drop(sender);
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "whole");
    assert_flat(&bitting, before);

    let answer = caller.send_request(request("GET").body(multiplexed::nothing()).unwrap()).await.unwrap();
    held_up.answer.notified().await;
    let (mut body, mut read) = (answer.into_body(), 0);
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(read, LENGTH);
    assert_flat(&bitting, before);
}
