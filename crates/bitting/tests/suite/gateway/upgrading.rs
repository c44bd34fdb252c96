//! Upgraded connections, byte for byte: which come about, what is said in their heads, and how they end.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{read_until, start_before_a_socket};
use crate::harness::{Bitting, get};

const ASK: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Version: 13\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

/// A caller that has asked, with more in its head, and the upstream's end with the head that arrived there.
async fn asked(bitting: &Bitting, socket: &TcpListener, more: &str) -> (TcpStream, TcpStream, String) {
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(format!("GET /chat HTTP/1.1\r\nHost: shop\r\n{ASK}{more}\r\n").as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let head = read_until(&mut upstream, "\r\n\r\n").await;
    (caller, upstream, head)
}

/// An upgraded connection, both ends of it.
async fn upgraded(bitting: &Bitting, socket: &TcpListener, bearer: &str) -> (TcpStream, TcpStream) {
    let (mut caller, mut upstream, _) = asked(bitting, socket, &format!("Authorization: {bearer}\r\n")).await;
    upstream.write_all(format!("{AGREE}\r\n").as_bytes()).await.unwrap();
    let answer = read_until(&mut caller, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    (caller, upstream)
}

async fn is_over(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.is_ok() && rest.is_empty()
}

#[tokio::test]
async fn bytes_go_both_ways_once_the_upstream_has_agreed() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let (mut caller, mut upstream, head) = asked(&bitting, &socket, &format!("Authorization: {bearer}\r\n")).await;
    for line in ["connection: Upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"] {
        assert_eq!(head.matches(line).count(), 1, "{line}{head}");
    }
    assert!(
        head.contains("sec-websocket-version: 13") && head.contains("bitting-key-id: key_") && !head.contains("shop_"),
        "{head}"
    );
    // Whatever the upstream says right after the head is the caller's too.
    upstream.write_all(format!("{AGREE}\r\nwelcome").as_bytes()).await.unwrap();
    let answer = read_until(&mut caller, "welcome").await;
    assert!(answer.contains("connection: Upgrade\r\n") && answer.contains("upgrade: websocket\r\n"), "{answer}");
    assert!(
        answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") && answer.contains("x-request-id"),
        "{answer}"
    );
    caller.write_all(b"\x81\x85hello").await.unwrap();
    let mut buffer = [0; 7];
    upstream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"\x81\x85hello");
    let large = vec![7; 3_000_000];
    let (sent, received) = tokio::join!(upstream.write_all(&large), async {
        let mut buffer = vec![0; large.len()];
        caller.read_exact(&mut buffer).await.map(|_| buffer)
    });
    sent.unwrap();
    assert_eq!(received.unwrap(), large);
}

#[tokio::test]
async fn each_side_may_end_what_it_says_and_go_on_listening() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    for _ in 0..2 {
        let (mut caller, mut upstream) = upgraded(&bitting, &socket, &bearer).await;
        upstream.write_all(b"last words").await.unwrap();
        upstream.shutdown().await.unwrap();
        let mut heard = String::new();
        caller.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "last words");
        caller.write_all(b"and an answer").await.unwrap();
        read_until(&mut upstream, "and an answer").await;
        caller.shutdown().await.unwrap();
        assert!(is_over(&mut upstream).await);
    }
    let (mut caller, mut upstream) = upgraded(&bitting, &socket, &bearer).await;
    caller.shutdown().await.unwrap();
    assert!(is_over(&mut upstream).await);
    upstream.write_all(b"still there").await.unwrap();
    read_until(&mut caller, "still there").await;
}

#[tokio::test]
async fn an_upgrade_that_the_upstream_does_not_want_is_an_ordinary_answer() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    for status in ["200 OK", "403 Forbidden", "426 Upgrade Required"] {
        let (mut caller, mut upstream, _) = asked(&bitting, &socket, &format!("Authorization: {bearer}\r\n")).await;
        // A connection of its own for each, so that the next caller's request finds the socket.
        let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nplain");
        upstream.write_all(answer.as_bytes()).await.unwrap();
        let answer = read_until(&mut caller, "plain").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")) && !answer.contains("upgrade:"), "{answer}");
        // What comes next is a request again, and is decided about.
        caller.write_all(b"GET /secret HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
        let answer = read_until(&mut caller, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
}

#[tokio::test]
async fn a_protocol_that_was_not_asked_for_is_a_failed_upstream() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let authorization = format!("Authorization: {bearer}\r\n");
    let offering = format!("{authorization}Sec-WebSocket-Protocol: a, b\r\n");
    for (more, answer) in [
        (&authorization, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n".to_owned()),
        (
            &authorization,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket, h2c\r\n\r\n".to_owned(),
        ),
        (&authorization, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_owned()),
        (&authorization, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n".to_owned()),
        (&authorization, format!("{AGREE}Sec-WebSocket-Protocol: a\r\n\r\n")),
        (&offering, format!("{AGREE}Sec-WebSocket-Protocol: c\r\n\r\n")),
    ] {
        let (mut caller, mut upstream, _) = asked(&bitting, &socket, more).await;
        upstream.write_all(answer.as_bytes()).await.unwrap();
        let got = read_until(&mut caller, "upstream_unreachable").await;
        assert!(got.starts_with("HTTP/1.1 502"), "{answer}{got}");
    }
}

#[tokio::test]
async fn nothing_but_what_the_route_allows_is_passed_on() {
    let quiet = "[[api.route]]\nmatch = \"/quiet\"\nupgrades = []\n[[api.route]]\nmatch = \"/tcp\"\nupgrades = [\"tcp\"]\n";
    let (bitting, socket, bearer) = start_before_a_socket(quiet).await;
    let upgrade = |protocol: &str| {
        format!("Connection: upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQ\r\n")
    };
    for (request, asks) in [
        (format!("GET /quiet HTTP/1.1\r\n{}", upgrade("websocket")), None),
        (format!("GET /chat HTTP/1.1\r\n{}", upgrade("h2c")), None),
        (format!("GET /chat HTTP/1.1\r\n{}", upgrade("tcp")), None),
        ("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n".to_owned(), None),
        (format!("GET /chat HTTP/1.0\r\n{}", upgrade("websocket")), None),
        (format!("POST /chat HTTP/1.1\r\nContent-Length: 0\r\n{}", upgrade("websocket")), Some("websocket")),
        (format!("POST /chat HTTP/1.1\r\nContent-Length: 1\r\n{}", upgrade("websocket")), None),
        (format!("GET /chat HTTP/1.1\r\n{}", upgrade("h2c, websocket")), Some("websocket")),
        (format!("POST /tcp HTTP/1.1\r\n{}", upgrade("tcp")), Some("tcp")),
    ] {
        let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
        caller.write_all(format!("{request}Host: shop\r\nAuthorization: {bearer}\r\n\r\nx").as_bytes()).await.unwrap();
        let (mut upstream, _) = socket.accept().await.unwrap();
        let head = read_until(&mut upstream, "\r\n\r\n").await;
        let seen = head.lines().find_map(|line| line.strip_prefix("upgrade: "));
        assert_eq!((seen, head.contains("HTTP2-Settings")), (asks, false), "{request}{head}");
        // Without an answer it would be sent again.
        upstream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
        read_until(&mut caller, " 403 ").await;
    }
}

#[tokio::test]
async fn a_refused_upgrade_never_reaches_the_upstream() {
    let (bitting, socket, _) = start_before_a_socket("").await;
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(format!("GET /chat HTTP/1.1\r\nHost: shop\r\n{ASK}\r\n").as_bytes()).await.unwrap();
    let answer = read_until(&mut caller, "missing_key").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(tokio::time::timeout(Duration::from_millis(50), socket.accept()).await.is_err());
}

#[tokio::test]
async fn a_key_comes_in_a_subprotocol_and_goes_no_further() {
    let (bitting, socket, bearer) =
        start_before_a_socket("[api.credential]\nfrom = [\"subprotocol:shop-key.\", \"query:key\"]\n").await;
    let key = bearer.trim_start_matches("Bearer ");
    let offer = format!("Sec-WebSocket-Protocol: chat.v2, shop-key.{key}\r\nSec-WebSocket-Protocol: chat.v1\r\n");
    let (mut caller, mut upstream, head) = asked(&bitting, &socket, &offer).await;
    let seen: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("sec-websocket-protocol: ")).collect();
    assert_eq!(seen, ["chat.v2", "chat.v1"]);
    assert!(!head.contains(key), "{head}");
    upstream.write_all(format!("{AGREE}Sec-WebSocket-Protocol: chat.v1\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_until(&mut caller, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101") && answer.contains("sec-websocket-protocol: chat.v1\r\n"), "{answer}");

    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(format!("GET /chat?room=1&key={key} HTTP/1.1\r\nHost: shop\r\n{ASK}\r\n").as_bytes()).await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let head = read_until(&mut upstream, "\r\n\r\n").await;
    assert!(head.starts_with("GET /chat?room=1 HTTP/1.1\r\n") && head.contains("upgrade: websocket"), "{head}");
}

#[tokio::test]
async fn a_connection_is_cut_within_a_second_of_its_key_being_revoked() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let other = bitting.key(&[]);
    let (mut caller, mut upstream) = upgraded(&bitting, &socket, &bearer).await;
    let (mut another, mut anothers) = upgraded(&bitting, &socket, &format!("Bearer {}", other.key)).await;
    bitting.revoke(&other);
    let began = std::time::Instant::now();
    assert!(is_over(&mut another).await && is_over(&mut anothers).await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // Nobody else's is.
    caller.write_all(b"still").await.unwrap();
    read_until(&mut upstream, "still").await;
}

#[tokio::test]
async fn where_streams_finish_a_revoked_key_ends_none() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let bitting = Bitting::with_config(&format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{origin}\"\non_revoke = \"finish\"\n[api.key]\nprefix = \"shop_\"\n"
    ));
    let key = bitting.key(&[]);
    let (mut caller, mut upstream) = upgraded(&bitting, &socket, &format!("Bearer {}", key.key)).await;
    bitting.revoke(&key);
    // A request with it is refused, so everybody knows by now.
    let bearer = format!("Bearer {}", key.key);
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 401);
    caller.write_all(b"goes on").await.unwrap();
    read_until(&mut upstream, "goes on").await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_ends() {
    let (bitting, socket, bearer) = start_before_a_socket("[api.timeouts]\nupgraded_idle = \"1500ms\"\n").await;
    let (mut caller, mut upstream) = upgraded(&bitting, &socket, &bearer).await;
    let began = std::time::Instant::now();
    for _ in 0..4 {
        // Over all longer than it may stand still, and each time much shorter. Real time is what this is about.
        tokio::time::sleep(Duration::from_millis(500)).await;
        upstream.write_all(b"beat").await.unwrap();
        read_until(&mut caller, "beat").await;
    }
    assert!(is_over(&mut caller).await && is_over(&mut upstream).await);
    assert!(began.elapsed() >= Duration::from_millis(3_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_line_in_the_log_is_written_at_the_end_and_says_how_long_it_took() {
    let (bitting, socket, bearer) = start_before_a_socket("").await;
    let (caller, upstream) = upgraded(&bitting, &socket, &bearer).await;
    let line = |bitting: &Bitting| {
        let log = bitting.log();
        log.lines()
            .find(|line| line.contains("\"path\":\"/chat\""))
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
    };
    // It comes after that of a request which came later.
    get(bitting.gateway, "/later", &[]).await;
    while !bitting.log().contains("\"path\":\"/later\"") {
        tokio::task::yield_now().await;
    }
    assert!(line(&bitting).is_none());
    drop((caller, upstream));
    let line = loop {
        match line(&bitting) {
            Some(line) => break line,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(line["status"], 101);
    assert!(line["key"].as_str().unwrap().starts_with("key_"), "{line}");
    assert!(line["ms"].as_f64().unwrap() > 0.0, "{line}");
}

#[tokio::test]
async fn after_sigterm_a_connection_may_finish_and_is_cut_when_time_is_over() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let mut bitting = Bitting::with_config(&format!(
        "[server]\ndrain = \"500ms\"\n[[api]]\nname = \"shop\"\nupstream = \"{origin}\"\n[api.key]\nprefix = \"shop_\"\n"
    ));
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    let (mut caller, mut upstream) = upgraded(&bitting, &socket, &bearer).await;
    bitting.signal("TERM");
    bitting.wait_for(|line| line.contains("no longer listening") && line.contains(&bitting.gateway.to_string()));
    caller.write_all(b"before the end").await.unwrap();
    read_until(&mut upstream, "before the end").await;
    assert!(is_over(&mut caller).await && is_over(&mut upstream).await);
    assert_eq!(bitting.wait(), 0);
    assert!(bitting.log().contains("upgraded connections that were still open were cut"));
}
