//! Which of several servers a request goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

use super::{before, metric, refusal};
use crate::harness::raw_upstream::{RawUpstream, read_request};
use crate::harness::{Bitting, Upstream, get, post};

/// A server that answers with its name, but first waits with requests for `/slow` until it may go on.
async fn named(name: &'static str, gate: &Arc<Semaphore>) -> RawUpstream {
    let gate = Arc::clone(gate);
    RawUpstream::playing(move |_, mut stream| {
        let gate = Arc::clone(&gate);
        async move {
            loop {
                let head = read_request(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                if head.starts_with("GET /slow") {
                    gate.acquire().await.unwrap().forget();
                }
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await
}

/// A server that closes each connection as long as it is sick.
async fn sick(is_sick: &Arc<AtomicBool>) -> RawUpstream {
    let is_sick = Arc::clone(is_sick);
    RawUpstream::playing(move |_, mut stream| {
        let is_sick = Arc::clone(&is_sick);
        async move {
            while !is_sick.load(Ordering::SeqCst) {
                if read_request(&mut stream).await.is_empty() || is_sick.load(Ordering::SeqCst) {
                    return;
                }
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell";
                stream.write_all(answer).await.unwrap();
            }
        }
    })
    .await
}

fn both(one: &str, other: &str, settings: &str) -> String {
    format!("{{ servers = [\"{one}\", \"{other}\"], {settings} }}")
}

async fn ask(bitting: &Bitting) -> String {
    get(bitting.gateway, "/x", &[]).await.body
}

#[tokio::test]
async fn requests_go_round_and_to_the_server_that_has_least_to_do() {
    let gate = Arc::new(Semaphore::new(0));
    let (one, other) = (named("one", &gate).await, named("other", &gate).await);
    let bitting = before(&both(&one.origin(), &other.origin(), "failures = 1"), "");
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(ask(&bitting).await);
    }
    seen.sort();
    assert_eq!(seen, ["one", "one", "one", "other", "other", "other"]);
    // One of them is kept busy by a request of which nothing comes yet.
    let (gateway, service) = (bitting.gateway, bitting.service);
    let slow = tokio::spawn(async move { get(gateway, "/slow", &[]).await.body });
    let busy = loop {
        let metrics = get(service, "/metrics", &[]).await.body;
        let busy = metrics.lines().find(|line| line.starts_with("bitting_upstream_in_flight") && line.ends_with(" 1"));
        if let Some(busy) = busy {
            break if busy.contains(&one.origin()) { "one" } else { "other" };
        }
        tokio::task::yield_now().await;
    };
    for _ in 0..6 {
        assert_ne!(ask(&bitting).await, busy);
    }
    gate.add_permits(100);
    assert_eq!(slow.await.unwrap(), busy);
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_passed_over_whatever_the_request_and_left_out() {
    let good = Upstream::start().await;
    let nobody = format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let bitting = before(&both(&nobody, &good.origin(), "failures = 2, pause = \"60s\""), "");
    for number in 0..10 {
        let reply = if number % 2 == 0 {
            get(bitting.gateway, "/x", &[]).await
        } else {
            post(bitting.gateway, "/x", &[], "body").await
        };
        assert_eq!(reply.status, 200);
    }
    let told = bitting.wait_for(|line| line.contains("an upstream is left out"));
    assert!(told.contains(&nobody) && told.contains("Connection refused"), "{told}");
    assert_eq!(metric(&bitting, "bitting_upstream_down", &nobody).await, "1");
    assert_eq!(metric(&bitting, "bitting_upstream_up", &nobody).await, "0");
    assert_eq!(metric(&bitting, "bitting_upstream_attempts_failed_total", &nobody).await, "2");
    assert_eq!(metric(&bitting, "bitting_upstream_up", &good.origin()).await, "1");
    assert_eq!(good.requests().len(), 10);
    assert_eq!(good.last().body, b"body");
}

#[tokio::test]
async fn a_server_that_is_well_again_is_found_to_be_by_one_request() {
    let is_sick = Arc::new(AtomicBool::new(true));
    let (server, good) = (sick(&is_sick).await, Upstream::start().await);
    let bitting =
        before(&both(&server.origin(), &good.origin(), "failures = 1, pause = \"20ms\", longest_pause = \"20ms\""), "");
    while metric(&bitting, "bitting_upstream_down", &server.origin()).await != "1" {
        assert_ne!(ask(&bitting).await, "");
    }
    is_sick.store(false, Ordering::SeqCst);
    while ask(&bitting).await != "well" {}
    let told = bitting.wait_for(|line| line.contains("an upstream is in use again"));
    assert!(told.contains(&server.origin()), "{told}");
    assert_eq!(metric(&bitting, "bitting_upstream_down", &server.origin()).await, "0");
    assert_eq!(metric(&bitting, "bitting_upstream_up", &server.origin()).await, "1");
}

#[tokio::test]
async fn where_all_are_left_out_they_are_tried_all_the_same() {
    let is_sick = Arc::new(AtomicBool::new(true));
    let (one, other) = (sick(&is_sick).await, sick(&is_sick).await);
    let bitting = before(&both(&one.origin(), &other.origin(), "failures = 1, pause = \"60s\""), "");
    for _ in 0..4 {
        assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
    }
    assert_eq!(metric(&bitting, "bitting_upstream_down", &one.origin()).await, "1");
    assert_eq!(metric(&bitting, "bitting_upstream_down", &other.origin()).await, "1");
    is_sick.store(false, Ordering::SeqCst);
    assert_eq!(ask(&bitting).await, "well");
}

#[tokio::test]
async fn an_upstream_is_told_the_host_that_the_configuration_says() {
    for (host, told) in [("preserve", None), ("upstream", Some("")), ("shop.internal:81", Some("shop.internal:81"))] {
        let upstream = Upstream::start().await;
        let bitting = before(&format!("{{ servers = \"{}\", host = \"{host}\" }}", upstream.origin()), "");
        assert_eq!(get(bitting.gateway, "/x", &[]).await.status, 200);
        let own = upstream.origin().replace("http://", "");
        let asked = bitting.gateway.to_string();
        let expected = told.map_or(&*asked, |told| if told.is_empty() { &own } else { told });
        assert_eq!(upstream.last().header("host"), expected, "{host}");
        assert_eq!(upstream.last().header("x-forwarded-host"), asked, "{host}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_is_given_that_of_the_server() {
    let upstream = Upstream::start().await;
    let bitting = before(&format!("\"{}\"", upstream.origin()), "");
    let mut stream = tokio::net::TcpStream::connect(bitting.gateway).await.unwrap();
    stream.write_all(b"GET /x HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    assert_eq!(format!("http://{}", upstream.last().header("host")), upstream.origin());
}
