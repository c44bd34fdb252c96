//! Callers who take their time.

use std::time::{Duration, Instant};

use axum::response::IntoResponse as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{start, start_secured};
use crate::gateway::{config, read_until};
use crate::harness::raw_upstream::{RawUpstream, answer_all};
use crate::harness::{Bitting, Traces, Upstream, get, raw};

/// Reads until the server closes, and says how long that took.
async fn until_closed(stream: &mut TcpStream, since: Instant) -> (String, Duration) {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    (String::from_utf8_lossy(&answer).into_owned(), since.elapsed())
}

/// Sends a byte now and then until the server closes.
async fn trickle(mut stream: TcpStream, bytes: &'static [u8]) -> (String, Duration) {
    let since = Instant::now();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut answer) => {}
        () = async {
            let mut every = tokio::time::interval(Duration::from_millis(50));
            for byte in bytes.iter().cycle() {
                every.tick().await;
                if write.write_all(&[*byte]).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        } => {}
    }
    (String::from_utf8_lossy(&answer).into_owned(), since.elapsed())
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_ends_the_connection() {
    let (bitting, upstream, bearer) = start("[listen.limits]\nhead_time = \"400ms\"\nidle_time = \"20s\"\n").await;
    let stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let (said, took) = trickle(stream, b"GET /aaaaaaaaaaaaaaaaaaaaaaaaa").await;
    assert!(said.is_empty() && took < Duration::from_secs(5), "{said} {took:?}");
    // The same on a connection that has served somebody, whose time begins with the first byte.
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let request = format!("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    tokio::time::timeout(Duration::from_millis(600), stream.read_exact(&mut [0; 4096])).await.unwrap_err();
    let (said, took) = trickle(stream, b"G").await;
    assert!(said.is_empty() && took < Duration::from_secs(5), "{said} {took:?}");
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn whoever_says_nothing_is_closed_in_time_with_tls_and_without() {
    let limits = "[listen.limits]\nhead_time = \"300ms\"\n";
    for (bitting, _upstream, _bearer) in [start(limits).await, start_secured(limits).await] {
        for beginning in [&b""[..], b"P", b"PR", b"\x16\x03\x01"] {
            let since = Instant::now();
            let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
            stream.write_all(beginning).await.unwrap();
            let (said, took) = until_closed(&mut stream, since).await;
            assert!(took < Duration::from_secs(5) && !said.contains("HTTP/1.1 2"), "{beginning:?}: {said} {took:?}");
        }
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time_and_not_before() {
    let (bitting, _upstream, bearer) = start("[listen.limits]\nhead_time = \"200ms\"\nidle_time = \"900ms\"\n").await;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let request = format!("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (said, took) = until_closed(&mut stream, Instant::now()).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_body_that_stands_still_or_creeps_is_told_so() {
    let limits = "[listen.limits]\nbody_pause = \"400ms\"\nbody_rate = 1000\n";
    let (bitting, upstream, bearer) = start(limits).await;
    let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 100000\r\n\r\n");
    for piece in [&b""[..], b"x"] {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let (said, took) =
            if piece.is_empty() { until_closed(&mut stream, Instant::now()).await } else { trickle(stream, piece).await };
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("request_timeout"), "{said}");
        assert!(took < Duration::from_secs(8), "{took:?}");
    }
    assert!(upstream.requests().iter().all(|request| request.body.is_empty()));
}

#[tokio::test]
async fn a_body_that_goes_on_after_its_answer_has_the_time_of_a_body_and_not_that_of_a_head() {
    let upstream = RawUpstream::playing(|number, mut stream| async move {
        if number > 0 {
            // The first connection may be busy still.
            return answer_all(stream, "next").await;
        }
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("first") {
            stream.read_buf(&mut read).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly").await.unwrap();
        while !String::from_utf8_lossy(&read).ends_with("first12345678") {
            assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the rest of the body did not come");
        }
        answer_all(stream, "next").await;
    })
    .await;
    let text = crate::upstreams::config(&format!("\"{}\"", upstream.origin()), "");
    let limits = "[listen.limits]\nhead_time = \"300ms\"\nidle_time = \"600ms\"\n";
    let bitting = Bitting::with_door(&text, limits, Traces::new());
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\nfirst").await.unwrap();
    read_until(&mut caller, "early").await;
    for byte in b"12345678" {
        // Over all several times longer than a head may take, and nobody closes or says anything meanwhile.
        tokio::time::timeout(Duration::from_millis(150), caller.peek(&mut [0])).await.unwrap_err();
        caller.write_all(&[*byte]).await.unwrap();
    }
    caller.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_until(&mut caller, "next").await;
}

// The upstream answers while this thread waits for the line.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_nothing_of_an_answer_is_closed() {
    const LARGE: usize = 64 << 20;
    let upstream = Upstream::answering(|_| vec![b'x'; LARGE].into_response()).await;
    let limits = "[listen.limits]\nwrite_pause = \"400ms\"\n";
    let bitting = Bitting::with_door(&(config(&upstream, "") + "[log]\nlevel = \"debug\"\n"), limits, Traces::new());
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    stream.write_all(b"GET /public HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // Nothing is read for longer than that; then what is left in between is all that there is.
    let closed = "the caller was too slow at taking an answer";
    bitting.wait_for(|line| line.contains(closed));
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.len() < LARGE, "{}", answer.len());
}

#[tokio::test]
async fn whoever_is_one_too_many_waits_until_another_has_gone() {
    let (bitting, _upstream, bearer) = start("[listen.limits]\nconnections = 2\n").await;
    let request = format!("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        open.push(stream);
    }
    let mut waiting = TcpStream::connect(bitting.gateway).await.unwrap();
    waiting.write_all(request.as_bytes()).await.unwrap();
    // Said when it has had a place refused; and those who have one go on.
    bitting.wait_for(|line| line.contains("as many connections are open as may be"));
    tokio::time::timeout(Duration::from_millis(300), waiting.peek(&mut [0])).await.unwrap_err();
    open[0].write_all(request.as_bytes()).await.unwrap();
    read_until(&mut open[0], "\r\n\r\n").await;
    drop(open.pop());
    let answer = read_until(&mut waiting, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn thousands_of_half_heads_do_not_keep_others_waiting() {
    let (bitting, _upstream, bearer) = start("").await;
    let files: usize = 1_500;
    let mut open = Vec::new();
    for number in 0..files {
        let Ok(mut stream) = TcpStream::connect(bitting.gateway).await else { break };
        stream.write_all(format!("GET /slow/{number} HTTP/1.1\r\nHost: x\r\nX-A: ").as_bytes()).await.unwrap();
        open.push(stream);
    }
    let since = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert!(raw(bitting.gateway, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
}
