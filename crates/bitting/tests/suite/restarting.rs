//! Restarts behind a socket that somebody else keeps open, as systemd does: connections wait, and none is refused.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::gateway;
use crate::harness::{Bitting, Traces, Upstream, get, run_with_socket};

/// The folder of a server with a configuration.
fn traces(upstream: &Upstream) -> Traces {
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), gateway::config(upstream, "[server]\ndrain = \"10s\"\n")).unwrap();
    traces
}

#[tokio::test]
async fn a_socket_that_was_handed_over_is_used_and_what_came_before_the_start_is_answered() {
    let (upstream, socket) = (Upstream::start().await, TcpListener::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let early = tokio::spawn(async move { get(address, "/public", &[]).await.status.as_u16() });
    let bitting = Bitting::with_socket(&socket, traces(&upstream));
    assert_eq!(early.await.unwrap(), 200);
    assert_eq!(get(address, "/public", &[]).await.status, 200);
    // A reload finds it again.
    bitting.json(&["reload"]);
    assert_eq!(get(address, "/public", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_restarts_under_load_refuse_no_connection_and_lose_no_request() {
    let (upstream, socket) = (Upstream::start().await, TcpListener::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let mut bitting = Bitting::with_socket(&socket, traces(&upstream));
    let (over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // Half of them connect for each request, half keep their connections for as long as the server lets them.
    let callers: Vec<_> = (0..6)
        .map(|number| {
            let (over, count) = (Arc::clone(&over), Arc::clone(&count));
            let client = || Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
            let kept = client();
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let client = if number % 2 == 0 { kept.clone() } else { client() };
                    let answer = client.get(format!("http://{address}/public").parse().unwrap()).await.unwrap();
                    assert_eq!(answer.status(), 200);
                    answer.into_body().collect().await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let before = count.load(Ordering::Relaxed);
        let traces = bitting.stop();
        bitting = Bitting::with_socket(&socket, traces);
        while count.load(Ordering::Relaxed) < before + 50 {
            assert!(callers.iter().all(|caller| !caller.is_finished()), "a caller has lost a request");
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn a_socket_that_no_listener_has_is_an_error_that_says_what_to_write() {
    let (upstream, socket) = (Upstream::start().await, TcpListener::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let output = run_with_socket(["serve"], Stdio::from(OwnedFd::from(socket)), &traces(&upstream));
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert!(output.stderr.contains(&format!("write a [[listen]] with address = \"{address}\"")), "{}", output.stderr);
}
