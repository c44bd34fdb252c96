//! Callers who do not wait for the answer.

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{read_until, start_before_a_socket};

#[tokio::test]
async fn a_request_whose_caller_hangs_up_after_it_went_upstream_is_in_the_access_log() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    let request = format!("POST /orders?x=1 HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 0\r\n\r\n");
    caller.write_all(request.as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let seen = read_until(&mut upstream, "\r\n\r\n").await;
    drop(caller);
    // It stops when the connection has ended, and that it has ended is what the line says.
    let traces = bitting.stop();
    let log = std::fs::read_to_string(traces.path("serve.out")).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    let line: Value = serde_json::from_str(&log).unwrap();
    assert_eq!((&line["status"], &line["unanswered"]), (&499.into(), &true.into()));
    assert_eq!((&line["method"], &line["path"], &line["account"]), (&"POST".into(), &"/orders".into(), &"default".into()));
    assert!(seen.contains(line["request_id"].as_str().unwrap()), "{seen}");
}
