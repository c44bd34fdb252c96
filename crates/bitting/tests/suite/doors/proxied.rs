//! The PROXY protocol.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{curl, start, start_secured};
use crate::harness::raw;

const DOOR: &str = "proxy_protocol = true\ntrusted_proxies = [\"127.0.0.1\", \"198.51.100.0/24\"]\n";

/// Version 2 with a command, a family and what follows.
fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, block].concat()
}

fn of_ipv4(source: [u8; 4]) -> Vec<u8> {
    [&source[..], &[192, 0, 2, 1], &[0x30, 0x39], &[0x01, 0xbb]].concat()
}

fn of_ipv6(source: [u16; 8]) -> Vec<u8> {
    let address: Vec<u8> = source.iter().flat_map(|group| group.to_be_bytes()).collect();
    [&address[..], &[0; 16], &[0x30, 0x39], &[0x01, 0xbb]].concat()
}

async fn ask(to: SocketAddr, header: &[u8], bearer: &str, more: &str) -> String {
    let request = format!("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n{more}\r\n");
    raw(to, [header, request.as_bytes()].concat()).await
}

#[tokio::test]
async fn whoever_a_proxy_brings_is_the_client_in_both_versions() {
    let (bitting, upstream, bearer) = start(DOOR).await;
    let with_extras = [of_ipv4([203, 0, 113, 7]), vec![0x04, 0, 3, 1, 2, 3]].concat();
    for (header, client) in [
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 12345 443\r\n".to_vec(), "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 12345 443\r\n".to_vec(), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), "127.0.0.1"),
        (version_2(0x21, 0x11, &of_ipv4([203, 0, 113, 7])), "203.0.113.7"),
        (version_2(0x21, 0x11, &with_extras), "203.0.113.7"),
        (version_2(0x21, 0x21, &of_ipv6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])), "2001:db8::7"),
        (version_2(0x21, 0x21, &of_ipv6([0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7107])), "203.0.113.7"),
        (version_2(0x20, 0x00, &[]), "127.0.0.1"),
        (version_2(0x20, 0x11, &of_ipv4([203, 0, 113, 7])), "127.0.0.1"),
    ] {
        let said = ask(bitting.gateway, &header, &bearer, "").await;
        assert!(said.starts_with("HTTP/1.1 200"), "{}: {said}", String::from_utf8_lossy(&header));
        assert_eq!(upstream.last().header("x-forwarded-for"), client, "{}", String::from_utf8_lossy(&header));
    }
}

#[tokio::test]
async fn the_header_of_a_proxy_behind_the_proxy_counts_if_it_is_trusted_too() {
    let (bitting, upstream, bearer) = start(DOOR).await;
    let said = "X-Forwarded-For: 203.0.113.9\r\n";
    for (source, believed) in [("198.51.100.4", true), ("203.0.113.7", false)] {
        let header = format!("PROXY TCP4 {source} 192.0.2.1 12345 443\r\n");
        assert!(ask(bitting.gateway, header.as_bytes(), &bearer, said).await.starts_with("HTTP/1.1 200"));
        let told = upstream.last().header("x-forwarded-for").to_owned();
        assert_eq!(told.contains("203.0.113.9"), believed, "{source}: {told}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_begin_with_a_header_is_closed_with_a_line_in_the_log() {
    let (bitting, upstream, bearer) = start(DOOR).await;
    for (what, header) in [
        ("nothing", Vec::new()),
        ("a port that is none", b"PROXY TCP4 203.0.113.7 192.0.2.1 123456 443\r\n".to_vec()),
        ("an address that is none", b"PROXY TCP4 203.0.113 192.0.2.1 12345 443\r\n".to_vec()),
        ("the other family", b"PROXY TCP4 2001:db8::7 2001:db8::1 12345 443\r\n".to_vec()),
        ("small letters", b"proxy TCP4 203.0.113.7 192.0.2.1 12345 443\r\n".to_vec()),
        ("an endless line", [&b"PROXY UNKNOWN "[..], &[b'x'; 200], b"\r\n"].concat()),
        ("a version that does not exist", version_2(0x31, 0x11, &of_ipv4([203, 0, 113, 7]))),
        ("a command that does not exist", version_2(0x22, 0x11, &of_ipv4([203, 0, 113, 7]))),
        ("too short a block", version_2(0x21, 0x11, &[203, 0, 113, 7])),
        ("too long a block", version_2(0x21, 0x11, &vec![0; 60_000])),
    ] {
        let said = ask(bitting.gateway, &header, &bearer, "").await;
        assert_eq!(said, "", "{what}");
        bitting.wait_for(|line| line.contains("each begins with a PROXY header"));
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn whoever_is_no_trusted_proxy_cannot_say_where_it_comes_from() {
    let (bitting, upstream, bearer) = start("proxy_protocol = true\ntrusted_proxies = [\"10.0.0.0/8\"]\n").await;
    assert_eq!(ask(bitting.gateway, b"PROXY TCP4 10.0.0.1 192.0.2.1 12345 443\r\n", &bearer, "").await, "");
    bitting.wait_for(|line| line.contains("its peer is none of `trusted_proxies`"));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn curl_brings_the_header_before_http_and_before_tls() {
    let (bitting, _upstream, bearer) = start(DOOR).await;
    let authorization = format!("Authorization: {bearer}");
    let url = format!("http://{}/x", bitting.gateway);
    let said = curl(bitting.traces.folder(), &["--haproxy-protocol", "-H", &authorization, &url]).await;
    assert!(said.ends_with("\n1.1 200"), "{said}");
    let (bitting, upstream, bearer) = start_secured(DOOR).await;
    let authorization = format!("Authorization: {bearer}");
    let url = format!("https://{}/x", bitting.gateway);
    let said = curl(bitting.traces.folder(), &["--haproxy-protocol", "--insecure", "-H", &authorization, &url]).await;
    assert!(said.ends_with("\n2 200"), "{said}");
    assert_eq!(upstream.last().header("x-forwarded-proto"), "https");
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_others_have_theirs() {
    let (bitting, _upstream, bearer) = start(&format!("{DOOR}[listen.limits]\nconnections_per_address = 2\n")).await;
    let from = |last: u8| version_2(0x21, 0x11, &of_ipv4([203, 0, 113, last]));
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        stream.write_all(&from(7)).await.unwrap();
        stream.write_all(format!("GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        open.push(stream);
    }
    assert_eq!(ask(bitting.gateway, &from(7), &bearer, "").await, "");
    assert!(ask(bitting.gateway, &from(8), &bearer, "").await.starts_with("HTTP/1.1 200"));
}
