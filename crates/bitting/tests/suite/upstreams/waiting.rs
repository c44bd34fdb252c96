//! How long is waited for whom.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{before, config, refusal};
use crate::harness::raw_upstream::{RawUpstream, read_request};
use crate::harness::{Bitting, Traces, get, raw};

/// A server that sends the head at once and each piece of the body some time after the one before.
async fn dripping(pieces: usize, every: Duration) -> RawUpstream {
    RawUpstream::playing(move |_, mut stream| async move {
        while !read_request(&mut stream).await.is_empty() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {pieces}\r\n\r\n");
            if stream.write_all(head.as_bytes()).await.is_err() {
                return;
            }
            for _ in 0..pieces {
                // Real time is what this is about.
                tokio::time::sleep(every).await;
                if stream.write_all(b"x").await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_body_may_take_as_long_as_it_likes_if_it_goes_on() {
    // Longer over all than it may stand still, and with room for a machine that is busy.
    let upstream = dripping(10, Duration::from_millis(250)).await;
    let bitting =
        before(&format!("\"{}\"", upstream.origin()), "[api.timeouts]\nresponse_head = \"2s\"\nresponse_idle = \"2s\"\n");
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "x".repeat(10));
}

#[tokio::test]
async fn a_body_that_stands_still_is_cut_and_said_so() {
    let upstream = dripping(2, Duration::from_mins(1)).await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), "[api.timeouts]\nresponse_idle = \"100ms\"\n");
    let answer = raw(bitting.gateway, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.contains("content-length: 2") && answer.ends_with("\r\n\r\n"), "{answer}");
    let line = bitting.wait_for(|line| line.contains("an upstream stopped in the middle of an answer"));
    assert!(line.contains(&upstream.address.to_string()), "{line}");
}

#[tokio::test]
async fn a_route_waits_as_long_as_it_says() {
    let upstream = RawUpstream::playing(|_, mut stream| async move {
        loop {
            let request = read_request(&mut stream).await;
            if !request.contains("/reports") {
                return std::future::pending().await;
            }
            // Longer than the API's other requests have. Real time is what this is about.
            tokio::time::sleep(Duration::from_millis(400)).await;
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.is_err() {
                return;
            }
        }
    })
    .await;
    let routes = "[api.timeouts]\nresponse_head = \"100ms\"\n\
                  [[api.route]]\nmatch = \"/reports\"\naccess = \"public\"\ntimeouts = { response_head = \"60s\" }\n";
    let bitting = before(&format!("\"{}\"", upstream.origin()), routes);
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (504, "upstream_timeout".to_owned()));
    assert_eq!(get(bitting.gateway, "/reports", &[]).await.body, "ok");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_no_longer_than_one_that_does_not_come() {
    let upstream = RawUpstream::playing(|_, mut stream| async move {
        read_request(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
            // Each byte in time, and all of them not.
            tokio::time::sleep(Duration::from_millis(50)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), "[api.timeouts]\nresponse_head = \"300ms\"\n");
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (504, "upstream_timeout".to_owned()));
}

#[tokio::test]
async fn a_caller_who_sends_no_more_of_a_body_is_to_blame_however_little_time_the_upstream_has() {
    let upstream = RawUpstream::playing(|_, mut stream| async move {
        let mut read = Vec::new();
        while stream.read_buf(&mut read).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let text = config(&format!("\"{}\"", upstream.origin()), "[api.timeouts]\nresponse_head = \"100ms\"\n");
    let bitting = Bitting::with_door(&text, "[listen.limits]\nbody_pause = \"700ms\"\n", Traces::new());
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst").await.unwrap();
    let mut answer = Vec::new();
    let _ = caller.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
    bitting.wait_for(|line| line.contains("the caller's body did not come whole") && line.contains("the body came too slowly"));
}

#[tokio::test]
async fn an_address_that_does_not_answer_takes_its_share_of_the_time_to_connect_and_no_more() {
    // Whoever asks for a connection there hears nothing: its queue is full.
    let full = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        held.push(stream);
    }
    let good = RawUpstream::playing(|_, stream| crate::harness::raw_upstream::answer_all(stream, "ok")).await;
    let servers = format!("[\"http://{address}\", \"{}\"]", good.origin());
    let bitting = before(&servers, "[api.timeouts]\nconnect = \"400ms\"\n");
    for _ in 0..4 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    }
    let bitting = before(&format!("\"http://{address}\""), "[api.timeouts]\nconnect = \"200ms\"\n");
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (504, "upstream_timeout".to_owned()));
}
