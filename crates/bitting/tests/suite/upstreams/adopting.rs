//! Upstreams across a reload.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use super::{before, config, metric};
use crate::harness::raw_upstream::{RawUpstream, answer_all, read_request};
use crate::harness::{Bitting, get};

fn reload(bitting: &Bitting, upstream: &str, more: &str) {
    std::fs::write(bitting.traces.path("bitting.toml"), config(upstream, more)).unwrap();
    bitting.json(&["reload"]);
}

#[tokio::test]
async fn an_upstream_whose_settings_stay_keeps_its_connections() {
    let upstream = RawUpstream::playing(|_, stream| answer_all(stream, "ok")).await;
    let settings = format!("{{ servers = \"{}\", idle = \"10m\" }}", upstream.origin());
    let bitting = before(&settings, "");
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    for number in 1..=5 {
        reload(&bitting, &settings, &format!("[api.timeouts]\nresponse_head = \"{number}s\"\n"));
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    }
    assert_eq!(upstream.connections(), 1);
    // Other settings are another upstream, though it is the same server.
    reload(&bitting, &format!("\"{}\"", upstream.origin()), "");
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    assert_eq!(upstream.connections(), 2);
    assert_eq!(metric(&bitting, "bitting_upstream_up", &upstream.origin()).await, "1");
}

#[tokio::test]
async fn a_request_that_an_old_upstream_has_finishes_there() {
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let arrived = Arc::new(Semaphore::new(0));
    let tell = Arc::clone(&arrived);
    let old = RawUpstream::playing(move |_, mut stream| {
        let (gate, arrived) = (Arc::clone(&waits), Arc::clone(&tell));
        async move {
            read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe ").await.unwrap();
            arrived.add_permits(1);
            gate.acquire().await.unwrap().forget();
            stream.write_all(b"old1").await.unwrap();
        }
    })
    .await;
    let new = RawUpstream::playing(|_, stream| answer_all(stream, "the new")).await;
    let bitting = before(&format!("\"{}\"", old.origin()), "");
    let gateway = bitting.gateway;
    let slow = tokio::spawn(async move { get(gateway, "/x", &[]).await.body });
    arrived.acquire().await.unwrap().forget();
    reload(&bitting, &format!("\"{}\"", new.origin()), "");
    assert_eq!(get(gateway, "/x", &[]).await.body, "the new");
    gate.add_permits(1);
    assert_eq!(slow.await.unwrap(), "the old1");
    assert_eq!(old.connections(), 1);
}
