//! Callers who say how much of an answer they take, and take nothing.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::bytes::{End, Peer, frame, settings};
use super::{Bitting, DATA, PING, Traces, WINDOW_UPDATE, whole};
use crate::harness::raw_upstream::{RawUpstream, read_request};

const CANCEL: u32 = 8;

/// The window that a request begins with.
const INITIAL_WINDOW: u16 = 4;

/// An upstream that answers with so many bytes, and one API before it.
async fn before_answer_of(length: usize, write_pause: &str) -> (Bitting, RawUpstream) {
    let upstream = RawUpstream::playing(move |_, mut stream| async move {
        while !read_request(&mut stream).await.is_empty() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(&vec![b'x'; length]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let text = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\nkey = {{ prefix = \"shop_\" }}\n[api.default]\naccess = \"public\"\n",
        upstream.origin()
    );
    let limits = format!("[listen.limits]\nwrite_pause = \"{write_pause}\"\n");
    (Bitting::with_door(&text, &limits, Traces::new()), upstream)
}

fn open_window(stream: u32, bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

#[tokio::test]
async fn a_request_whose_caller_takes_nothing_of_the_answer_is_cut_and_so_is_its_connection_to_the_upstream() {
    for window in [0, 1, 20_000] {
        let (bitting, upstream) = before_answer_of(16 << 20, "400ms").await;
        let mut peer = Peer::connect(bitting.gateway).await;
        peer.send(&[settings(INITIAL_WINDOW, window), whole(1)].concat()).await;
        assert_eq!(peer.until_end_of(true).await, End::Reset(1, CANCEL), "with a window of {window}");
        tokio::time::timeout(Duration::from_secs(20), upstream.one_ended()).await.unwrap();
        // The connection goes on.
        peer.send(&frame(PING, 0, 0, &[7; 8])).await;
        assert!(peer.until_pong().await, "with a window of {window}");
    }
}

#[tokio::test]
async fn a_request_whose_caller_takes_a_little_now_and_then_is_answered_to_its_end() {
    const LENGTH: usize = 100_000;
    let (bitting, _upstream) = before_answer_of(LENGTH, "2s").await;
    let mut peer = Peer::connect(bitting.gateway).await;
    peer.send(&[settings(INITIAL_WINDOW, 0), open_window(0, 1 << 20), whole(1)].concat()).await;
    let mut taken = 0;
    let mut every = tokio::time::interval(Duration::from_millis(400));
    // Longer than a pause in all.
    for _ in 0..LENGTH.div_ceil(10_000) {
        every.tick().await;
        peer.send(&open_window(1, 10_000)).await;
        let until = LENGTH.min(taken + 10_000);
        while taken < until {
            let (kind, _, _, payload) = peer.next().await.unwrap();
            taken += if kind == DATA { payload.len() } else { 0 };
            assert_ne!(kind, super::RST_STREAM);
        }
    }
    assert_eq!(taken, LENGTH);
}
