//! How many connections there may be to a server, and who waits for one.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc};

use super::{before, refusal};
use crate::harness::raw_upstream::{RawUpstream, answer_all, read_request};
use crate::harness::{Bitting, get};

/// Bitting before a server that says when it has a request, and answers when it may.
async fn slow(settings: &str) -> (Bitting, RawUpstream, mpsc::Receiver<()>, Arc<Semaphore>) {
    let (tell, told) = mpsc::channel(100);
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let upstream = RawUpstream::playing(move |_, mut stream| {
        let (tell, gate) = (tell.clone(), Arc::clone(&waits));
        async move {
            loop {
                if read_request(&mut stream).await.is_empty() {
                    return;
                }
                tell.send(()).await.unwrap();
                gate.acquire().await.unwrap().forget();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let bitting = before(&format!("{{ servers = \"{}\", {settings} }}", upstream.origin()), "");
    (bitting, upstream, told, gate)
}

#[tokio::test]
async fn a_request_beyond_the_most_connections_waits_until_one_is_free() {
    let (bitting, upstream, mut told, gate) = slow("connections = 1, waiting = 10, wait = \"60s\"").await;
    let gateway = bitting.gateway;
    let ask = move || tokio::spawn(async move { get(gateway, "/x", &[]).await.body });
    let first = ask();
    told.recv().await.unwrap();
    let others: Vec<_> = (0..5).map(|_| ask()).collect();
    gate.add_permits(6);
    assert_eq!(first.await.unwrap(), "ok");
    for other in others {
        assert_eq!(other.await.unwrap(), "ok");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn whoever_waits_too_long_or_would_be_one_too_many_is_refused() {
    let (bitting, upstream, mut told, gate) = slow("connections = 1, waiting = 1, wait = \"200ms\"").await;
    let gateway = bitting.gateway;
    let first = tokio::spawn(async move { get(gateway, "/x", &[]).await.body });
    told.recv().await.unwrap();
    let unreachable = (502, "upstream_unreachable".to_owned());
    let second = tokio::spawn(async move { refusal(&get(gateway, "/x", &[]).await) });
    assert_eq!(second.await.unwrap(), unreachable);
    let line = bitting.wait_for(|line| line.contains("the upstream failed"));
    assert!(line.contains("no connection became free within 200ms"), "{line}");
    // Of two that come together one finds the queue full, whichever it is.
    let (one, other) = tokio::join!(get(gateway, "/x", &[]), get(gateway, "/x", &[]));
    assert_eq!((refusal(&one), refusal(&other)), (unreachable.clone(), unreachable));
    bitting.wait_for(|line| line.contains("all connections are taken and 1 requests wait for one"));
    gate.add_permits(1);
    assert_eq!(first.await.unwrap(), "ok");
    assert_eq!(upstream.connections(), 1);
    // And nobody is counted who has gone.
    gate.add_permits(1);
    assert_eq!(get(gateway, "/x", &[]).await.body, "ok");
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_the_connection_to_others() {
    let (bitting, _upstream, mut told, gate) = slow("connections = 1, waiting = 1, wait = \"60s\"").await;
    let gateway = bitting.gateway;
    let first = tokio::spawn(async move { get(gateway, "/x", &[]).await.body });
    told.recv().await.unwrap();
    first.abort();
    let second = tokio::spawn(async move { get(gateway, "/x", &[]).await.body });
    told.recv().await.unwrap();
    gate.add_permits(2);
    assert_eq!(second.await.unwrap(), "ok");
}

#[tokio::test]
async fn the_rest_of_an_answer_holds_its_connection() {
    let (bitting, upstream) = {
        let upstream = RawUpstream::playing(|_, stream| answer_all(stream, &LARGE)).await;
        (before(&format!("{{ servers = \"{}\", connections = 2 }}", upstream.origin()), ""), upstream)
    };
    let gateway = bitting.gateway;
    let all: Vec<_> = (0..8).map(|_| tokio::spawn(async move { get(gateway, "/x", &[]).await.body.len() })).collect();
    for one in all {
        assert_eq!(one.await.unwrap(), LARGE.len());
    }
    assert!(upstream.connections() <= 2, "{}", upstream.connections());
}

static LARGE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "x".repeat(1 << 20));
