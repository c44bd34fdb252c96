//! Upstreams that are down, slow, or break off.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

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

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_complete() {
    let bitting = before(&answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this").await);
    let answer = raw(bitting.gateway, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: 100") && answer.ends_with("only this"), "{answer}");
    let bitting = before(&answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await);
    let answer = raw(bitting.gateway, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("hello") && !answer.ends_with("0\r\n\r\n"), "{answer}");
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

#[tokio::test]
async fn an_upstream_whose_name_does_not_resolve_is_a_502() {
    // Longer than a name may be (RFC 1035, section 2.3.4), so that the resolver says so without asking anybody.
    let bitting = before(&format!("http://{}.invalid:80", "x".repeat(64)));
    let reply = get(bitting.gateway, "/x", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (502, Some("upstream_unreachable")));
}
