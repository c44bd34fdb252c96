//! Endpoints that take a message, and such that do anything else.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::fixture::{BODY, Endpoint, failure, local, read_request, send};

#[tokio::test]
async fn a_message_arrives_whole_signed_and_alone_on_its_connection() {
    let (told, mut requests) = mpsc::unbounded_channel();
    let endpoint = Endpoint::start(move |mut stream| {
        let told = told.clone();
        async move {
            told.send(read_request(&mut stream).await).unwrap();
            let answer = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nThank";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let exchange = send(&local(), &endpoint.url()).await;
    let response = exchange.outcome.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..]), (200, &b"Thank"[..]));
    assert_eq!(response.headers["server"], "x");
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /hook?x=1 HTTP/1.1\r\n") && request.ends_with(BODY), "{request}");
    for line in [
        &format!("host: {}", endpoint.address),
        "content-type: application/json",
        "webhook-id: evt_1",
        "webhook-timestamp: 1700000000",
        "webhook-signature: v1,",
        "connection: close",
        &format!("content-length: {}", BODY.len()),
    ] {
        assert!(request.contains(line), "{line} in {request}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Endpoint::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Go\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
        let endpoint = Endpoint::answering(answer).await;
        assert_eq!(send(&local(), &endpoint.url()).await.outcome.unwrap().status.as_u16(), status);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn no_answer_at_all_costs_no_more_than_its_time() {
    let started = Instant::now();
    let endpoint = Endpoint::answering("").await;
    assert_eq!(failure(&local(), &endpoint.url()).await, "it took longer than 1.5 s to answer");
    // One byte of the head at a time.
    let drip = Endpoint::start(|mut stream| async move {
        for byte in std::iter::repeat(b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy".iter()).flatten() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    })
    .await;
    assert_eq!(failure(&local(), &drip.url()).await, "it took longer than 1.5 s to answer");
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn the_status_says_whether_it_was_taken_whatever_becomes_of_the_body() {
    let large = "x".repeat(200_000);
    let endless = Endpoint::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(b"5\r\nabcde\r\n").await.is_ok() {}
    })
    .await;
    let cut = Endpoint::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").await.unwrap();
    })
    .await;
    for (endpoint, begins, length) in [
        (endless, "abcdeabcde", 1_024),
        // Longer than it is.
        (cut, "half", 4),
        // Longer than it is, and the connection stays open.
        (Endpoint::answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf").await, "half", 4),
        // Shorter than it is.
        (Endpoint::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nwhole").await, "wh", 2),
        (Endpoint::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n{large}")).await, "xxx", 1_024),
    ] {
        let started = Instant::now();
        let response = send(&local(), &endpoint.url()).await.outcome.unwrap();
        let body = String::from_utf8_lossy(&response.body).into_owned();
        assert!(response.status == 200 && body.starts_with(begins) && body.len() == length, "{body:?}");
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_in_words() {
    let reset = Endpoint::start(|stream| async move {
        // Closed with something unread and without a farewell, the connection is reset.
        stream.set_zero_linger().unwrap();
        drop(stream);
    })
    .await;
    let words = failure(&local(), &reset.url()).await;
    assert!(words.contains("connection"), "{words}");
    let closed = Endpoint::start(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    assert_eq!(failure(&local(), &closed.url()).await, "the connection was closed before there was an answer");
    let large_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    for (answer, words) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "what came back is no HTTP answer"),
        ("HTTP/1.1 twohundred\r\n\r\n", "what came back is no HTTP answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "what came back is no HTTP answer"),
        (&large_head, "the head of the answer is too large"),
    ] {
        let endpoint = Endpoint::answering(answer).await;
        assert_eq!(failure(&local(), &endpoint.url()).await, words, "{answer:.40}");
    }
    // Nobody listens any more.
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let words = failure(&local(), &format!("http://{address}/")).await;
    assert!(words.starts_with(&format!("could not connect to {address}: ")), "{words}");
}
