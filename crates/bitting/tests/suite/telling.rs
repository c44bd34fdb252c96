//! Whether a server is well, as scripts and service managers learn it.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use serde_json::json;

use crate::gateway;
use crate::harness::{Bitting, Upstream};

#[tokio::test]
async fn health_is_told_by_the_server_whatever_has_become_of_its_files() {
    let (bitting, upstream, _) = gateway::start("").await;
    let health = bitting.json(&["health"]);
    assert_eq!(health, json!({"status": "ready", "keys": 1, "apis": ["shop"], "version": env!("CARGO_PKG_VERSION")}));
    let output = bitting.command(&["health"]);
    assert!(output.code == 0 && output.stdout.starts_with("ready: bitting "), "{}", output.stdout);
    std::fs::write(bitting.traces.path("bitting.toml"), "somebody is at it").unwrap();
    assert_eq!(bitting.command(&["health"]).code, 0);
    drop(upstream);
}

#[tokio::test]
async fn the_service_manager_is_told_of_start_reload_and_stop() {
    let name = format!("bitting-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let told = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let upstream = Upstream::start().await;
    let mut bitting = Bitting::with_environment(&gateway::config(&upstream, ""), &[("NOTIFY_SOCKET", &format!("@{name}"))]);
    assert_eq!(told(), "READY=1");
    for broken in [false, true] {
        if broken {
            std::fs::write(bitting.traces.path("bitting.toml"), "nonsense").unwrap();
        }
        bitting.signal("HUP");
        let reloading = told();
        let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(since.parse::<u64>().unwrap() > 0, "{reloading}");
        assert_eq!(told(), "READY=1");
    }
    bitting.signal("TERM");
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(bitting.wait(), 0);
}
