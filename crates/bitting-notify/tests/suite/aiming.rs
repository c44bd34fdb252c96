//! Where nothing may be sent, whoever says what about a name.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bitting_core::webhook::WebhookUrl;
use bitting_notify::{Failure, Resolve, Roots, SystemResolver, Turn};

use super::fixture::{Endpoint, failure, says, send, sender};

const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_public_however_it_is_written() {
    let endpoint = Endpoint::answering(TAKEN).await;
    let port = endpoint.address.port();
    let public_only = sender(&[], Arc::new(SystemResolver::default()), Roots::default());
    for host in [
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "0.0.0.0.",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[ff02::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "ⓛocalhost",
        "metadata.google.internal",
    ] {
        // What is no URL at all cannot even be kept; everything else is refused when it would be sent.
        if let Ok(url) = format!("http://{host}:{port}/").parse::<WebhookUrl>() {
            let exchange = public_only.send(&super::fixture::message(), &url).await;
            assert!(matches!(exchange.outcome, Err(Failure::Refused(_))), "{host}: {exchange:?}");
        }
    }
    assert_eq!(endpoint.connections(), 0);
}

#[tokio::test]
async fn a_name_is_as_good_as_the_address_that_it_has_when_something_is_sent() {
    let endpoint = Endpoint::answering(TAKEN).await;
    let to = format!("http://hooks.example.com:{}/", endpoint.address.port());
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["10.0.0.1", "192.168.0.1"],
        &["169.254.169.254"],
        &["0.0.0.0"],
    ] {
        let public_only = sender(&[], says(&[addresses]), Roots::default());
        let words = failure(&public_only, &to).await;
        assert!(words.starts_with("hooks.example.com leads to ") && words.contains("[webhooks]"), "{addresses:?}: {words}");
    }
    let words = failure(&sender(&[], says(&[&[]]), Roots::default()), &to).await;
    assert_eq!(words, "the address of hooks.example.com could not be found: the name has no address");
    assert_eq!(endpoint.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_is_refused_then() {
    let endpoint = Endpoint::answering(TAKEN).await;
    let to = format!("http://rebinding.example.com:{}/", endpoint.address.port());
    // At first it leads to what may be sent to, and then to this machine's other loopback address, where the same endpoint is not
    // allowed.
    let rebound = sender(&["127.0.0.1"], says(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]]), Roots::default());
    assert_eq!(send(&rebound, &to).await.outcome.unwrap().status, 204);
    let words = failure(&rebound, &to).await;
    assert!(words.starts_with("rebinding.example.com leads to 127.0.0.2 is a loopback address"), "{words}");
    assert_eq!(send(&rebound, &to).await.outcome.unwrap().status, 204);
    assert_eq!(endpoint.connections(), 2);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_tried() {
    let endpoint = Endpoint::answering(TAKEN).await;
    let to = format!("http://mixed.example.com:{}/", endpoint.address.port());
    let mixed = sender(&["127.0.0.1"], says(&[&["10.0.0.1", "127.0.0.2", "127.0.0.1"]]), Roots::default());
    assert_eq!(send(&mixed, &to).await.outcome.unwrap().status, 204);
    assert_eq!(endpoint.connections(), 1);
}

/// Says that it is a private address, and lets everybody wait before they may ask.
struct Busy;

#[async_trait]
impl Resolve for Busy {
    async fn turn(&self) -> Turn {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Turn::default()
    }

    async fn resolve(&self, _name: &str, _turn: Turn) -> io::Result<Vec<IpAddr>> {
        Ok(vec!["10.0.0.1".parse().unwrap()])
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_until_a_name_may_be_asked_for_takes_nothing_of_an_endpoints_time() {
    let exchange = send(&sender(&[], Arc::new(Busy), Roots::default()), "http://hooks.example.com/").await;
    assert!(matches!(exchange.outcome, Err(Failure::LeadsAstray { .. })), "{:?}", exchange.outcome);
    assert!(exchange.duration < Duration::from_secs(1));
}
