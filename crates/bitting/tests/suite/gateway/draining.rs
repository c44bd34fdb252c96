//! SIGTERM: what has begun may finish, what has not is not begun.

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Bitting, get};

/// A gateway, a caller whose request has reached the upstream, and the upstream's end of it.
async fn in_progress(more: &str) -> (Bitting, TcpStream, TcpStream) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let bitting = Bitting::with_config(&format!(
        "{more}[[api]]\nname = \"shop\"\nupstream = \"{origin}\"\n[api.key]\nprefix = \"shop_\"\n\
         [api.default]\naccess = \"public\"\n"
    ));
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let mut buffer = [0; 4096];
    assert!(upstream.read(&mut buffer).await.unwrap() > 0);
    (bitting, caller, upstream)
}

#[tokio::test]
async fn a_request_in_progress_finishes_after_sigterm_and_the_exit_code_is_zero() {
    let (mut bitting, mut caller, mut upstream) = in_progress("").await;
    bitting.signal("TERM");
    bitting.wait_for(|line| line.contains("no longer listening") && line.contains(&bitting.gateway.to_string()));
    // Nobody new is let in.
    assert!(refuses(bitting.gateway).await);
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await.unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("done"), "{answer}");
    assert_eq!(bitting.wait(), 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_the_exit_code_is_still_zero() {
    let (mut bitting, _caller, _upstream) = in_progress("[server]\ndrain = \"300ms\"\n").await;
    bitting.signal("TERM");
    assert_eq!(bitting.wait(), 0);
    let log = bitting.log();
    let line = log.lines().find(|line| line.contains("requests that were still in progress were cut")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["requests"], &line["connections"], &line["apis"]), (&1.into(), &1.into(), &"shop".into()), "{line}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for signal in ["TERM", "INT"] {
        let (mut bitting, _caller, _upstream) = in_progress("[server]\ndrain = \"1h\"\n").await;
        bitting.signal("TERM");
        bitting.wait_for(|line| line.contains("no longer listening"));
        bitting.signal(signal);
        assert_eq!(bitting.wait(), 0);
        assert!(bitting.log().contains("requests that were still in progress were cut"));
    }
}

#[tokio::test]
async fn in_the_delay_before_it_stops_it_serves_and_says_that_it_will() {
    let (mut bitting, mut caller, mut upstream) = in_progress("[server]\ndrain_delay = \"1h\"\n").await;
    let mut early = TcpStream::connect(bitting.gateway).await.unwrap();
    bitting.signal("TERM");
    bitting.wait_for(|line| line.contains("about to stop"));
    let ready = get(bitting.service, "/readyz", &[]).await;
    assert_eq!((ready.status.as_u16(), &ready.json()["status"]), (503, &"stopping".into()));
    let health = bitting.command(&["health"]);
    assert!(health.code == 1 && health.stdout.starts_with("stopping"), "{}", health.stdout);
    // A load balancer that has not noticed yet is served, and asked to come by another connection.
    for stream in [&mut early, &mut TcpStream::connect(bitting.gateway).await.unwrap()] {
        stream.write_all(b"GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.to_lowercase().contains("connection: close"), "{answer}");
    }
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await.unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    bitting.signal("TERM");
    assert_eq!(bitting.wait(), 0);
}

#[tokio::test]
async fn whoever_has_just_connected_when_it_stops_is_still_answered() {
    let (mut bitting, _caller, _upstream) = in_progress("[server]\ndrain = \"2s\"\n").await;
    let mut fresh = TcpStream::connect(bitting.gateway).await.unwrap();
    bitting.signal("TERM");
    bitting.wait_for(|line| line.contains("no longer listening"));
    fresh.write_all(b"GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    fresh.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(bitting.wait(), 0);
}

#[tokio::test]
async fn streams_of_http2_in_progress_finish_after_sigterm_and_the_connection_ends() {
    let (mut bitting, caller, _upstream) = in_progress("").await;
    drop(caller);
    let socket = TcpStream::connect(bitting.gateway).await.unwrap();
    let (mut requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://x/a%2fb").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(requests.send_request(request).await.unwrap().status(), 400);
    bitting.signal("TERM");
    // GOAWAY: it ends without an error, though the client would have kept it.
    connection.await.unwrap().unwrap();
    assert_eq!(bitting.wait(), 0);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_server_up() {
    let (mut bitting, caller, upstream) = in_progress("").await;
    drop((caller, upstream));
    let _idle = TcpStream::connect(bitting.gateway).await.unwrap();
    bitting.signal("INT");
    assert_eq!(bitting.wait(), 0);
}

/// Whether a new connection is refused, or closed before it is answered.
async fn refuses(address: std::net::SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return true };
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer.is_empty()
}
