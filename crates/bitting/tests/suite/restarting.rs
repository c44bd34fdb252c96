//! Restarts behind a socket that somebody else keeps open, as systemd does: connections wait, and none is refused.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;

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

#[tokio::test]
async fn a_socket_that_no_listener_has_is_an_error_that_says_what_to_write() {
    let (upstream, socket) = (Upstream::start().await, TcpListener::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let output = run_with_socket(["serve"], Stdio::from(OwnedFd::from(socket)), &traces(&upstream));
    assert_eq!(output.code, 3, "{}", output.stderr);
    assert!(output.stderr.contains(&format!("write a [[listen]] with address = \"{address}\"")), "{}", output.stderr);
}
