//! What a caller that speaks HTTP/2 sees of bodies: what comes after them, streams that end early, and being asked for one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::channel::Channel;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{read_until, start, start_before_a_socket};
use crate::harness::Client;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// One connection of HTTP/2.
pub(crate) async fn connect(to: SocketAddr) -> http2::SendRequest<Body> {
    let socket = TcpStream::connect(to).await.unwrap();
    let (requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    requests
}

pub(crate) fn nothing() -> Body {
    Empty::new().boxed_unsync()
}

/// The body and the trailers that a caller gets for an answer that the test writes.
async fn answered(te: Option<&str>, answer: &str) -> (Bytes, Option<HeaderMap>) {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = connect(bitting.gateway).await;
    let mut request = Request::get("http://shop/x").header("authorization", bearer);
    if let Some(te) = te {
        request = request.header("te", te);
    }
    let response = tokio::spawn(caller.send_request(request.body(nothing()).unwrap()));
    let (mut upstream, _) = socket.accept().await.unwrap();
    let seen = read_until(&mut upstream, "\r\n\r\n").await;
    assert_eq!(seen.contains("te: trailers\r\n"), te.is_some(), "{seen}");
    upstream.write_all(answer.as_bytes()).await.unwrap();
    let body = response.await.unwrap().unwrap().into_body().collect().await.unwrap();
    let trailers = body.trailers().cloned();
    (body.to_bytes(), trailers)
}

#[tokio::test]
async fn fields_after_the_body_of_an_answer_pass_under_the_same_conditions_as_on_http_1_1() {
    let answer = "HTTP/1.1 200 OK\r\nTrailer: X-Sum, Connection, Content-Length, Set-Cookie, X-Again\r\n\
                  Trailer: x-later\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: abc\r\nX-Other: not announced\r\n\
                  Connection: close\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\nSet-Cookie: a=b\r\nX-Again: 1\r\n\
                  X-Again: 2\r\nX-Later: z\r\n\r\n";
    let (body, trailers) = answered(Some("trailers"), answer).await;
    assert_eq!(body, "hello");
    let trailers = trailers.unwrap();
    let mut got: Vec<_> = trailers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    got.sort_unstable();
    assert_eq!(got, [("x-again", "1"), ("x-again", "2"), ("x-later", "z"), ("x-sum", "abc")]);
    assert_eq!(answered(None, answer).await, ("hello".into(), None));
    let unannounced = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: abc\r\n\r\n";
    assert_eq!(answered(Some("trailers"), unannounced).await, ("hello".into(), None));
}

#[tokio::test]
async fn fields_after_the_body_of_a_request_do_not_reach_the_upstream() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = connect(bitting.gateway).await;
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let request = Request::post("http://shop/x").header("authorization", &bearer).header("trailer", "x-key, bitting-account");
    let response = tokio::spawn(caller.send_request(request.body(body.boxed_unsync()).unwrap()));
    sender.send_data("hello".into()).await.unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("bitting-account", HeaderValue::from_static("acct_other"));
    trailers.insert(HeaderName::from_static("x-key"), bearer.parse().unwrap());
    sender.send_trailers(trailers).await.unwrap();
    drop(sender);
    let (mut upstream, _) = socket.accept().await.unwrap();
    let seen = read_until(&mut upstream, "\r\n0\r\n").await;
    assert!(seen.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n") && !seen.contains("\r\ntrailer:"), "{seen}");
    upstream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert_eq!(response.await.unwrap().unwrap().status(), 204);
}

#[tokio::test]
async fn an_event_stream_breaks_off_within_a_second_of_its_key_being_revoked_and_its_connection_goes_on() {
    let (bitting, socket, _) = start_before_a_socket("").await;
    let (key, other) = (bitting.key(&[]), bitting.key(&[]));
    let mut caller = connect(bitting.gateway).await;
    let mut streams = Vec::new();
    for key in [&key, &other] {
        let request = Request::get("http://shop/feed").header("authorization", format!("Bearer {}", key.key));
        let response = tokio::spawn(caller.send_request(request.body(nothing()).unwrap()));
        let (mut upstream, _) = socket.accept().await.unwrap();
        read_until(&mut upstream, "\r\n\r\n").await;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        upstream.write_all(format!("{head}9\r\ndata: 1\n\n\r\n").as_bytes()).await.unwrap();
        let mut body = response.await.unwrap().unwrap().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
        streams.push((body, upstream));
    }
    let (mut others, mut still) = streams.pop().unwrap();
    let (mut body, mut upstream) = streams.pop().unwrap();
    bitting.revoke(&key);
    let began = Instant::now();
    let end = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(end.is_some_and(|frame| frame.is_err()), "it must not look complete");
    let _ = tokio::time::timeout(Duration::from_secs(5), upstream.read_to_end(&mut Vec::new())).await.unwrap();
    // Nobody else's is.
    still.write_all(b"9\r\ndata: 2\n\n\r\n").await.unwrap();
    assert_eq!(others.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 2\n\n");
}

#[tokio::test]
async fn a_caller_who_wants_to_be_asked_sends_without_it_and_the_upstream_waits_for_what_it_asks() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let mut caller = connect(bitting.gateway).await;
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let request = Request::put("http://shop/up").header("authorization", &bearer).header("expect", "100-continue");
    let response = tokio::spawn(caller.send_request(request.body(body.boxed_unsync()).unwrap()));
    let (mut upstream, _) = socket.accept().await.unwrap();
    // The head alone, although the body may be there already.
    sender.send_data("hello".into()).await.unwrap();
    let seen = read_until(&mut upstream, "\r\n\r\n").await;
    assert!(seen.contains("expect: 100-continue\r\n") && seen.ends_with("\r\n\r\n"), "{seen}");
    upstream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
    drop(sender);
    read_until(&mut upstream, "5\r\nhello\r\n0\r\n\r\n").await;
    upstream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    assert_eq!(response.await.unwrap().unwrap().status(), 201);
}

#[tokio::test]
async fn a_refusal_of_a_long_upload_is_read_by_curl() {
    let (bitting, upstream, bearer) = start("[[api.route]]\nmatch = \"/up\"\nbody_limit = \"2MiB\"\n").await;
    // A client that sees its stream reset takes no look at the answer before it.
    let code = "cd \"$CURL_HOME\"
head -c 3145728 /dev/zero > upload
for bearer in 'Bearer wrong' \"$BEARER\"; do for n in 1 2 3 4 5; do for expect in '' ' 100-continue'; do
curl --http2-prior-knowledge -o out -w '%{http_version} %{http_code}\\n' \\
  -H \"Expect:$expect\" -H \"Authorization: $bearer\" -T upload \"$URL/up\"
done; done; done";
    let printed = Client::Curl.run(code, &[("URL", &bitting.origin()), ("BEARER", &bearer)]).await;
    assert_eq!(printed, "2 401\n".repeat(10) + &"2 413\n".repeat(10));
    assert!(upstream.requests().is_empty());
}
