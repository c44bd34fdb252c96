//! A deliberately bad upstream: what it does, and what callers see of it.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{before, refusal};
use crate::harness::raw_upstream::{RawUpstream, read_request, reset};
use crate::harness::{get, post, raw};

/// What a bad upstream does with the connection when it has said its piece.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Reset,
    /// Closes the half that it writes to, and goes on reading.
    HalfClose,
    /// Leaves it open and says nothing more.
    Stall,
}

use Then::{Close, HalfClose, Reset, Stall};

/// An upstream that has read a request, says its piece, and ends.
async fn saying(piece: impl Into<Vec<u8>>, then: Then) -> RawUpstream {
    let piece: Arc<[u8]> = piece.into().into();
    RawUpstream::playing(move |_, mut stream| {
        let piece = Arc::clone(&piece);
        async move {
            if read_request(&mut stream).await.is_empty() || stream.write_all(&piece).await.is_err() {
                return;
            }
            match then {
                Close => {}
                Reset => reset(stream),
                HalfClose => {
                    stream.shutdown().await.unwrap();
                    let _ = stream.read(&mut [0; 1]).await;
                }
                Stall => {
                    let _ = stream.read(&mut [0; 1]).await;
                }
            }
        }
    })
    .await
}

const SHORT: &str = "[api.timeouts]\nresponse_head = \"150ms\"\nresponse_idle = \"150ms\"\n";

fn many_headers(count: usize) -> Vec<u8> {
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for number in 0..count {
        head.extend(format!("x-{number}: 1\r\n").into_bytes());
    }
    head.extend(b"Content-Length: 2\r\n\r\nok");
    head
}

#[tokio::test]
async fn an_upstream_without_a_head_that_can_be_read_is_a_502_and_a_silent_one_a_504() {
    let unreachable = (502, "upstream_unreachable");
    let timeout = (504, "upstream_timeout");
    let endless_head = [b"HTTP/1.1 200 OK\r\nX-Long: ", &b"x".repeat(2_000_000)[..]].concat();
    for (what, piece, then, expected) in [
        ("closes before the head", Vec::new(), Close, unreachable),
        ("resets before the head", Vec::new(), Reset, unreachable),
        ("closes its half before the head", Vec::new(), HalfClose, unreachable),
        ("stalls before the head", Vec::new(), Stall, timeout),
        ("closes in the head", b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), Close, unreachable),
        ("resets in the head", b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), Reset, unreachable),
        ("stalls in the head", b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(), Stall, timeout),
        ("says only that it will", b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), Stall, timeout),
        ("says only that it will, and closes", b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(), Close, unreachable),
        ("speaks garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 what\r\n\r\n".to_vec(), Stall, unreachable),
        ("speaks HTTP/0.9", b"<html>hello</html>\r\n".to_vec(), Close, unreachable),
        ("speaks HTTP/2", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0".to_vec(), Stall, unreachable),
        (
            "says two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk".to_vec(),
            Close,
            unreachable,
        ),
        ("says a length below zero", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(), Close, unreachable),
        ("folds a header", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n b\r\nContent-Length: 0\r\n\r\n".to_vec(), Close, unreachable),
        ("sends 65,536 headers", many_headers(65_536), Stall, unreachable),
        ("sends a head without end", endless_head, Stall, unreachable),
    ] {
        let upstream = saying(piece, then).await;
        let bitting = before(&format!("\"{}\"", upstream.origin()), SHORT);
        let reply = get(bitting.gateway, "/x", &[]).await;
        assert_eq!(refusal(&reply), (expected.0, expected.1.to_owned()), "an upstream that {what}");
        assert_eq!(reply.header("content-type"), "application/problem+json", "an upstream that {what}");
    }
}

#[tokio::test]
async fn what_is_said_before_the_answer_is_no_answer() {
    let upstream = saying(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n\
         HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
        Stall,
    )
    .await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), SHORT);
    let reply = post(bitting.gateway, "/x", &[], "body").await;
    assert_eq!((reply.status.as_u16(), &*reply.body, reply.header("link")), (201, "ok", ""));
}

#[tokio::test]
async fn an_endless_row_of_promises_is_cut_by_the_time_for_the_head() {
    let upstream = RawUpstream::playing(|_, mut stream| async move {
        read_request(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), SHORT);
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (504, "upstream_timeout".to_owned()));
}

#[tokio::test]
async fn a_body_that_breaks_off_stalls_or_is_too_short_does_not_look_whole() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n";
    for (what, piece, then) in [
        ("closes in the body", length, Close),
        ("resets in the body", length, Reset),
        ("closes its half in the body", length, HalfClose),
        ("stalls in the body", length, Stall),
        ("closes between chunks", chunks, Close),
        ("resets between chunks", chunks, Reset),
        ("stalls between chunks", chunks, Stall),
        ("sends a chunk that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\nzz\r\n", Stall),
        ("says a longer chunk than it sends", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nonly this", Close),
    ] {
        let upstream = saying(piece, then).await;
        let bitting = before(&format!("\"{}\"", upstream.origin()), SHORT);
        let answer = raw(bitting.gateway, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "an upstream that {what}: {answer}");
        assert!(!answer.ends_with("0\r\n\r\n"), "an upstream that {what}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("content-length") || body.len() < 100, "an upstream that {what}: {answer}");
        // The connection of whoever asked is the only thing that ends.
        assert_eq!(get(bitting.service, "/healthz", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn what_comes_after_an_answer_is_nobodys() {
    let stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let upstream = saying(format!("{first}{stray}"), Stall).await;
        let bitting = before(&format!("\"{}\"", upstream.origin()), SHORT);
        for _ in 0..5 {
            let reply = get(bitting.gateway, "/x", &[]).await;
            assert!(reply.body == "ok" || reply.body.is_empty(), "{}", reply.body);
        }
        assert_eq!(upstream.connections(), 5);
    }
}

#[tokio::test]
async fn an_upstream_that_closes_each_connection_at_once_answers_all_the_same() {
    for then in [Close, HalfClose] {
        let upstream = saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", then).await;
        let bitting = before(&format!("\"{}\"", upstream.origin()), "");
        for _ in 0..50 {
            assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_answers_before_it_has_the_body_is_heard() {
    const LENGTH: usize = 300_000;
    let upstream = RawUpstream::playing(|_, mut stream| async move {
        let mut read = Vec::new();
        while stream.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!").await.unwrap();
                let rest = LENGTH - (read.len() - end - 4);
                stream.read_exact(&mut vec![0; rest]).await.unwrap();
                read.clear();
            }
        }
    })
    .await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), "");
    for _ in 0..3 {
        let reply = post(bitting.gateway, "/x", &[], &"x".repeat(LENGTH)).await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (413, "no!"));
    }
}
