//! Connections that end when a request is on its way, and requests that are sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::{before, metric, refusal};
use crate::harness::raw_upstream::{RawUpstream, answer_all, read_request, reset};
use crate::harness::{Bitting, Upstream, get, request};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that answers the first request of its first connection, and breaks the connection when the second has arrived: what happens
/// when an idle connection is closed just as it is used again. It counts the requests that it has read.
async fn closing_when_used_again(with_reset: bool) -> (RawUpstream, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let upstream = RawUpstream::playing(move |number, mut stream| {
        let count = Arc::clone(&counted);
        async move {
            for answered in 0.. {
                if read_request(&mut stream).await.is_empty() {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                if number == 0 && answered == 1 {
                    return if with_reset { reset(stream) } else { drop(stream) };
                }
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    (upstream, count)
}

#[tokio::test]
async fn a_connection_that_is_closed_as_it_is_used_again_is_no_error_where_the_request_may_be_repeated() {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        for with_reset in [false, true] {
            let (upstream, count) = closing_when_used_again(with_reset).await;
            let bitting = before(&format!("\"{}\"", upstream.origin()), "");
            assert_eq!(get(bitting.gateway, "/first", &[]).await.body, "ok");
            assert_eq!(request(bitting.gateway, method, "/second", &[], "").await.status, 200, "{method}");
            assert_eq!((count.load(Ordering::SeqCst), upstream.connections()), (3, 2), "{method}");
        }
    }
}

#[tokio::test]
async fn a_request_that_may_have_done_something_is_not_sent_again() {
    for (method, body) in [("POST", ""), ("PATCH", ""), ("POST", "body"), ("PUT", "body"), ("DELETE", "body")] {
        let (upstream, count) = closing_when_used_again(false).await;
        let bitting = before(&format!("{{ servers = \"{}\", failures = 1 }}", upstream.origin()), "");
        assert_eq!(get(bitting.gateway, "/first", &[]).await.body, "ok");
        let reply = request(bitting.gateway, method, "/second", &[], body).await;
        assert_eq!(refusal(&reply), (502, "upstream_unreachable".to_owned()), "{method}");
        assert_eq!(count.load(Ordering::SeqCst), 2, "{method}");
        // And the server is none the worse for it: such a connection is nobody's failure.
        assert_eq!(metric(&bitting, "bitting_upstream_down", &upstream.origin()).await, "0", "{method}");
        assert_eq!(request(bitting.gateway, method, "/third", &[], body).await.status, 200, "{method}");
    }
}

/// One that breaks every connection when it has a request.
async fn breaking() -> (RawUpstream, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let upstream = RawUpstream::playing(move |_, mut stream| {
        let count = Arc::clone(&counted);
        async move {
            if !read_request(&mut stream).await.is_empty() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    (upstream, count)
}

#[tokio::test]
async fn a_request_is_sent_again_once_and_no_more() {
    let (upstream, count) = breaking().await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), "");
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_is_sent_again_to_another_server_if_there_is_one() {
    let (bad, count) = breaking().await;
    let good = Upstream::start().await;
    let servers = format!("{{ servers = [\"{}\", \"{}\"], failures = 1000 }}", bad.origin(), good.origin());
    let bitting = before(&servers, "");
    for _ in 0..6 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.status, 200);
    }
    // Every second request began with the bad one, and no bad one was asked twice for the same.
    assert_eq!((count.load(Ordering::SeqCst), good.requests().len()), (3, 6));
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_charged_once() {
    let (upstream, count) = closing_when_used_again(false).await;
    let text = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\n[api.key]\nprefix = \"shop_\"\n[api.limits]\nhour = \"10/hour\"\n",
        upstream.origin()
    );
    let bitting = Bitting::with_config(&text);
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    let mut left = Vec::new();
    for _ in 0..3 {
        let reply = get(bitting.gateway, "/x", &[("authorization", &bearer)]).await;
        assert_eq!(reply.body, "ok");
        left.push(reply.header("x-ratelimit-remaining").to_owned());
    }
    assert_eq!((count.load(Ordering::SeqCst), left), (4, ["9", "8", "7"].map(str::to_owned).into()));
}

#[tokio::test]
async fn connections_are_used_again_and_not_kept_for_longer_than_they_may_be_idle() {
    let upstream = RawUpstream::playing(|_, stream| answer_all(stream, "ok")).await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), "");
    for _ in 0..20 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    }
    // One may be asked for before the answer by the other is through.
    assert!(upstream.connections() < 5, "{}", upstream.connections());
    let upstream = RawUpstream::playing(|_, stream| answer_all(stream, "ok")).await;
    let bitting = before(&format!("{{ servers = \"{}\", idle = \"100ms\" }}", upstream.origin()), "");
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    tokio::time::timeout(Duration::from_secs(15), upstream.one_ended()).await.unwrap();
}
