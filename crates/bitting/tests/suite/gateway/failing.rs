//! Upstreams that are down, slow, or break off.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::harness::{Bitting, get, raw};

/// An upstream that answers each connection with given bytes and closes it.
async fn answering(bytes: &'static str) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
        }
    });
    origin
}

fn before(origin: &str) -> Bitting {
    let config = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{origin}\"\n[api.key]\nprefix = \"shop_\"\n\
         [api.default]\naccess = \"public\"\n"
    );
    Bitting::with_config(&config)
}

#[tokio::test]
async fn an_upstream_that_answers_nonsense_or_nothing_is_a_502_in_the_dialect() {
    for bytes in ["", "what?", "HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let bitting = before(&answering(bytes).await);
        let reply = get(bitting.gateway, "/x", &[]).await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (502, Some("upstream_unreachable")), "{bytes:?}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
}

/// An upstream that sends a part of its answer, and breaks off when it is told to.
async fn breaking_off(bytes: &'static str) -> (String, oneshot::Sender<()>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        told.await.unwrap();
    });
    (origin, tell)
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_complete() {
    for (bytes, part, end) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", "only this", "only this"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello", "hello\r\n"),
    ] {
        let (origin, break_off) = breaking_off(bytes).await;
        let bitting = before(&origin);
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(part) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "it ended before its part was there");
        }
        break_off.send(()).unwrap();
        // Whether it ends or is reset, nothing more comes that would make it whole.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(end), "{answer}");
        assert_eq!(get(bitting.service, "/healthz", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_whose_length_is_said_twice_or_in_another_coding_is_no_trap() {
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let answer = raw(before(&answering(twice).await).gateway, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(!answer.contains("content-length") && answer.ends_with("5\r\nhello\r\n0\r\n\r\n"), "{answer}");
    for bytes in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ] {
        let bitting = before(&answering(bytes).await);
        assert_eq!(get(bitting.gateway, "/x", &[]).await.status, 502, "{bytes}");
    }
}

#[tokio::test]
async fn after_an_upstream_that_fails_the_server_goes_on() {
    let bitting = before(&answering("").await);
    assert_eq!(get(bitting.gateway, "/x", &[]).await.status, 502);
    // The server goes on.
    assert_eq!(get(bitting.service, "/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn an_upstream_of_http_1_0_is_spoken_for_in_http_1_1() {
    let bitting = before(&answering("HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\nuntil the end").await);
    let answer = raw(bitting.gateway, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("x-old: yes"), "{answer}");
    assert!(answer.contains("until the end") && answer.ends_with("0\r\n\r\n"), "{answer}");
    let answer = raw(bitting.gateway, "GET /x HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("until the end"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_in_the_meantime_is_not_an_error() {
    let bitting = before(&answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await);
    for _ in 0..20 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    }
}
