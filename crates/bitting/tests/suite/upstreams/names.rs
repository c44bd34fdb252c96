//! Servers that have names, and names that lead elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{before, metric, refusal};
use crate::harness::dns::{NameServer, Says};
use crate::harness::raw_upstream::{RawUpstream, answer_all};
use crate::harness::{Bitting, get, run};

const NAME: &str = "shop.test";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn addresses(texts: &[&str]) -> Says {
    Says::Addresses(texts.iter().map(|text| address(text)).collect(), 1)
}

/// Two servers at the same port of two addresses of this machine.
async fn two() -> (RawUpstream, RawUpstream, u16) {
    loop {
        let one = RawUpstream::playing(|_, stream| answer_all(stream, "one")).await;
        let port = one.address.port();
        let at = SocketAddr::new(address("127.0.0.2"), port);
        // Somebody else may have the port there.
        if tokio::net::TcpListener::bind(at).await.is_ok() {
            let other = RawUpstream::playing_at(at, |_, stream| answer_all(stream, "other")).await;
            return (one, other, port);
        }
    }
}

fn by_name(server: &NameServer, port: u16) -> Bitting {
    before(&format!("{{ servers = \"http://{NAME}:{port}\", resolver = \"{}\" }}", server.address), "")
}

/// Asks until the answer is as it should be.
async fn until(bitting: &Bitting, body: &str) {
    while get(bitting.gateway, "/x", &[]).await.body != body {}
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_followed_and_connections_to_where_it_led_are_not_used_any_more() {
    let server = NameServer::start().await;
    let (one, other, port) = two().await;
    server.say(NAME, addresses(&["127.0.0.1"]));
    let bitting = by_name(&server, port);
    for _ in 0..5 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "one");
    }
    server.say(NAME, addresses(&["127.0.0.2"]));
    until(&bitting, "other").await;
    // They are closed at once, long before they would have been idle for too long.
    let before = one.connections();
    for _ in 0..before {
        tokio::time::timeout(Duration::from_secs(10), one.one_ended()).await.unwrap();
    }
    for _ in 0..20 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "other");
    }
    assert!(one.connections() == before && other.connections() > 0);
    let line = bitting.wait_for(|line| line.contains("the name of an upstream leads elsewhere"));
    assert!(line.contains("127.0.0.2") && line.contains(NAME), "{line}");
}

#[tokio::test]
async fn all_addresses_of_a_name_are_used_and_a_dead_one_is_passed_over() {
    let server = NameServer::start().await;
    let (one, other, port) = two().await;
    // Nobody listens at the third, nor at the fourth.
    server.say(NAME, addresses(&["127.0.0.3", "127.0.0.1", "127.0.0.2", "::1"]));
    let bitting = by_name(&server, port);
    for _ in 0..20 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.status, 200);
    }
    assert!(one.connections() > 0 && other.connections() > 0);
    assert_eq!(metric(&bitting, "bitting_upstream_up", &format!("http://{NAME}:{port}")).await, "2");
    assert_eq!(metric(&bitting, "bitting_upstream_down", &format!("http://{NAME}:{port}")).await, "2");
}

#[tokio::test]
async fn a_name_server_that_fails_changes_nothing_and_one_that_denies_the_name_does() {
    let server = NameServer::start().await;
    let (_one, _other, port) = two().await;
    server.say(NAME, addresses(&["127.0.0.1"]));
    let bitting = by_name(&server, port);
    until(&bitting, "one").await;
    server.say(NAME, Says::Failure);
    let why = format!("\"cause\":\"the name server ({}) does not answer for it: Server Failure\",\"kept\":1", server.address);
    while !bitting.log().contains(&why) {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "one");
    }
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "one");
    server.say(NAME, Says::NoSuchName);
    let gone = loop {
        let reply = get(bitting.gateway, "/x", &[]).await;
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!(refusal(&gone), (502, "upstream_unreachable".to_owned()));
    server.say(NAME, addresses(&["127.0.0.2"]));
    until(&bitting, "other").await;
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_a_502_until_somebody_does_and_the_log_says_which_and_why() {
    let server = NameServer::start().await;
    let (_one, _other, port) = two().await;
    let bitting = by_name(&server, port);
    let refused = get(bitting.gateway, "/x", &[]).await;
    assert_eq!(refusal(&refused), (502, "upstream_unreachable".to_owned()));
    assert!(!refused.body.contains(NAME), "{}", refused.body);
    let line = bitting.wait_for(|line| line.contains("does not resolve"));
    let why = format!("there is no such name, says the name server ({})", server.address);
    assert!(line.contains(NAME) && line.contains(&why) && line.contains("correct the name in `upstream`"), "{line}");
    let line = bitting.wait_for(|line| line.contains("the upstream failed"));
    assert!(line.contains(NAME) && line.contains(&why), "{line}");
    server.say(NAME, addresses(&["127.0.0.1"]));
    until(&bitting, "one").await;
    // And checking a configuration asks nobody.
    let file = bitting.traces.path("bitting.toml").display().to_string();
    let checked = run(["check".to_owned(), file], &bitting.traces);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
}

/// A name of this machine that stands in its file of hosts. `localhost` would be known without the file (RFC 6761), so it is taken only
/// where there is no other.
fn in_the_file_of_hosts() -> (IpAddr, String) {
    let file = std::fs::read_to_string("/etc/hosts").unwrap();
    let lines = file.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse::<IpAddr>().ok().filter(IpAddr::is_loopback)?;
        Some(words.map(move |name| (address, name.to_owned())))
    });
    // Those of IPv4 first: not every machine has the other.
    let named = lines.flatten().filter(|(_, name)| !name.starts_with("localhost"));
    named.min_by_key(|(address, _)| address.is_ipv6()).unwrap_or((address("127.0.0.1"), "localhost".to_owned()))
}

#[tokio::test]
async fn names_of_the_file_of_hosts_need_no_name_server() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, name) = in_the_file_of_hosts();
    let upstream = RawUpstream::playing_at(SocketAddr::new(address, 0), |_, stream| answer_all(stream, "one")).await;
    let servers = format!("http://{name}:{}", upstream.address.port());
    let resolver = nobody.local_addr().unwrap();
    let bitting = before(&format!("{{ servers = \"{servers}\", resolver = \"{resolver}\" }}"), "");
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "one");
}
