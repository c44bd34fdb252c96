//! Requests that are refused while their body is still on the way: the refusal is read, whoever sends.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{read_until, start};
use crate::harness::Client;

#[tokio::test]
async fn a_hundred_posts_of_a_mebibyte_by_requests_all_read_their_401() {
    let (bitting, upstream, _) = start("").await;
    let code = "import os, requests
for session in [requests, requests.Session()]:
    for size in [1 << 20, 1 << 10]:
        for _ in range(50):
            answer = session.post(os.environ['URL'], data=b'x' * size, headers={'Authorization': 'Bearer shop_wrong'})
            assert answer.status_code == 401 and answer.json()['code'], answer.text
print('all')";
    let url = format!("{}/upload", bitting.origin());
    assert_eq!(Client::Python.run(code, &[("URL", &url)]).await, "all\n");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_hundred_posts_of_a_mebibyte_by_node_all_read_their_401() {
    let (bitting, upstream, _) = start("").await;
    let code = "import http from 'node:http';
const url = process.env.URL, headers = { authorization: 'Bearer shop_wrong' };
for (const size of [1 << 20, 1 << 10]) {
  const body = Buffer.alloc(size, 'x');
  for (let n = 0; n < 50; n++) {
    const answer = await fetch(url, { method: 'POST', headers, body });
    if (answer.status !== 401 || !(await answer.json()).code) throw new Error(`fetch: ${answer.status}`);
  }
  for (const agent of [new http.Agent({ keepAlive: true, maxSockets: 1 }), new http.Agent()]) {
    for (let n = 0; n < 50; n++) {
      const status = await new Promise((resolve, reject) => {
        const request = http.request(url, { method: 'POST', headers, agent }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode)).on('error', reject);
        });
        request.on('error', reject).end(body);
      });
      if (status !== 401) throw new Error(`http: ${status}`);
    }
    agent.destroy();
  }
}
console.log('all');";
    let url = format!("{}/upload", bitting.origin());
    assert_eq!(Client::Node.run(code, &[("URL", &url)]).await, "all\n");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn after_a_short_body_the_connection_goes_on_and_after_a_long_one_it_is_over() {
    let (bitting, _upstream, bearer) = start("").await;
    let next = format!("GET /next HTTP/1.1\r\nHost: shop\r\nAuthorization: {bearer}\r\n\r\n");
    let short = format!("Content-Length: 60000\r\n\r\n{}", "x".repeat(60_000));
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n2000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x2000));
    for body in [short, chunked] {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(format!("POST /x HTTP/1.1\r\nHost: shop\r\n{body}").as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "missing_key").await;
        assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("connection: close"), "{answer}");
        stream.write_all(next.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for body in ["Content-Length: 70000\r\n\r\n".to_owned(), format!("Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}")] {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(format!("POST /x HTTP/1.1\r\nHost: shop\r\n{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn whoever_is_answered_before_a_long_body_was_read_is_told_that_the_connection_is_over() {
    let cors = "[[api.route]]\nmatch = \"/small\"\nbody_limit = \"1kB\"\n[api.cors]\norigins = [\"https://app.example\"]\n";
    let (bitting, upstream, bearer) = start(cors).await;
    let preflight = "OPTIONS /x HTTP/1.1\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST".to_owned();
    let too_large = format!("POST /small HTTP/1.1\r\nAuthorization: {bearer}");
    for (head, status) in [(preflight, "204"), (too_large, "413")] {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(format!("{head}\r\nHost: shop\r\nContent-Length: 70000\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("connection: close\r\n"), "{answer}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn whoever_goes_on_sending_after_the_refusal_is_not_reset() {
    const LENGTH: usize = 2 << 20;
    let (bitting, ..) = start("").await;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    stream.write_all(format!("POST /x HTTP/1.1\r\nHost: shop\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "missing_key").await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"), "{answer}");
    // A reset would take the answer from a caller who reads only when everything is sent.
    stream.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_come_holds_its_refusal_up_for_a_second_at_most() {
    let (bitting, ..) = start("").await;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    let began = std::time::Instant::now();
    let answer = read_until(&mut stream, "missing_key").await;
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(began.elapsed().as_millis() < 2_000, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_caller_who_waits_to_be_asked_for_the_body_is_refused_without_being_asked() {
    let (bitting, upstream, _) = start("").await;
    let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
    let head = "POST /x HTTP/1.1\r\nHost: shop\r\nExpect: 100-Continue\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(upstream.requests().is_empty());
}
