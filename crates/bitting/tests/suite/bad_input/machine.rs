//! A machine that does not play along: disks, ports, two servers at once.

use std::path::Path;
use std::process::Command;

use crate::gateway::config;
use crate::harness::{Bitting, Traces, Upstream, get, run};

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

const LEAST: &str = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\n[api.key]\nprefix = \"shop_\"\n\
                     [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n";

/// Runs `serve` with a configuration that must keep it from starting.
fn fails_to_serve(traces: &Traces, options: &str) -> (i32, String) {
    std::fs::write(traces.path("bitting.toml"), LEAST).unwrap();
    let output = run(words(&format!("serve {options}")), traces);
    assert_eq!(output.stdout, "");
    (output.code, output.stderr)
}

#[test]
fn a_store_that_is_a_directory_is_named_with_a_remedy() {
    let traces = Traces::new();
    std::fs::create_dir(traces.path("keys.db")).unwrap();
    let (code, said) = fails_to_serve(&traces, "--set store.path=keys.db");
    assert!(code == 6 && said.contains("keys.db is a directory") && said.contains("name a file"), "{said}");
}

#[test]
fn a_store_that_is_another_programs_file_is_refused() {
    let traces = Traces::new();
    std::fs::write(traces.path("keys.db"), "not a database at all, but long enough to be looked at".repeat(50)).unwrap();
    let (code, said) = fails_to_serve(&traces, "--set store.path=keys.db");
    assert!(code == 6 && said.contains("not an SQLite database"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named_with_a_remedy() {
    let traces = Traces::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _holder = std::net::TcpListener::bind(taken).unwrap();
    let (code, said) = fails_to_serve(&traces, &format!("--set listen.0.address={taken}"));
    assert!(
        code == 1 && said.contains(&format!("cannot listen on {taken}")) && said.contains("another program has it"),
        "{said}"
    );
}

#[tokio::test]
async fn a_second_server_on_one_store_is_refused_and_the_first_goes_on() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, ""));
    let key = bitting.key(&[]).key;
    let (code, said) = fails_to_serve(&Traces::new(), &format!("--set store.path={}", bitting.store().display()));
    assert!(code == 6 && said.contains("another process owns the store"), "{said}");
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &format!("Bearer {key}"))]).await.status, 200);
}

#[test]
fn a_store_on_a_read_only_disk_is_named() {
    let disk = Disk::mount("1m");
    disk.remount("ro");
    let (code, said) = fails_to_serve(&disk.traces, "--set store.path=disk/bitting.db");
    assert!(code == 6 && said.contains("disk/bitting.db") && said.to_lowercase().contains("read-only"), "{said}");
}

#[tokio::test]
async fn on_a_full_disk_changes_are_refused_requests_go_on_and_nothing_acknowledged_is_lost() {
    let upstream = Upstream::start().await;
    let disk = Disk::mount("1m");
    let file = disk.traces.path("bitting.toml");
    std::fs::write(&file, config(&upstream, "")).unwrap();
    let store = format!("store.path={}", disk.traces.path("disk/bitting.db").display());
    let bitting = Bitting::serve_with_store(&file, &store, disk.traces.clone());
    let mut keys = vec![bitting.key(&[])];
    let said = loop {
        let output = bitting.command(&["keys", "create", "--name", "filler", "--description", &"x".repeat(2_000), "--json"]);
        if output.code != 0 {
            break output;
        }
        let row: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        bitting.traces.issued(row["key"].as_str().unwrap());
        assert!(keys.len() < 10_000, "the disk does not fill up");
        keys.push(crate::harness::Issued {
            key: row["key"].as_str().unwrap().to_owned(),
            id: row["id"].as_str().unwrap().to_owned(),
            row,
        });
    };
    assert!(said.code == 6 && said.stderr.contains("full"), "{}", said.stderr);
    assert_eq!(said.stdout, "", "no key is shown that was not stored");
    let ask =
        async |key: &str| get(bitting.gateway, "/x", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16();
    for key in &keys {
        assert_eq!(ask(&key.key).await, 200);
    }
    // A small change may still fit; what counts is that its answer is true.
    let revoked = bitting.command(&["keys", "revoke", &keys[0].id]).code == 0;
    assert_eq!(ask(&keys[0].key).await, if revoked { 401 } else { 200 });
    disk.remount("size=16m");
    bitting.revoke(&keys[0]);
    assert_eq!(ask(&keys[0].key).await, 401);
    let traces = bitting.stop();
    let again = Bitting::serve_with_store(&file, &store, traces);
    for key in &keys[1..] {
        let bearer = format!("Bearer {}", key.key);
        assert_eq!(get(again.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
    }
}

/// A small file system of its own, below the traces.
struct Disk {
    traces: Traces,
}

impl Disk {
    fn mount(size: &str) -> Self {
        let traces = Traces::new();
        let path = traces.path("disk");
        std::fs::create_dir(&path).unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "none"], &path);
        Self { traces }
    }

    fn remount(&self, option: &str) {
        mount(&["-o", &format!("remount,{option}")], &self.traces.path("disk"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A server that is being killed may hold it for a moment; lazily then.
        let _ = Command::new("umount").arg("-l").arg(self.traces.path("disk")).status();
    }
}

fn mount(options: &[&str], path: &Path) {
    let done = Command::new("mount").args(options).arg(path).status().unwrap();
    assert!(done.success(), "a test disk needs root");
}

#[tokio::test]
async fn callers_who_open_connections_and_say_nothing_keep_nobody_from_revoking() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_few_files(&config(&upstream, ""), 256);
    let key = bitting.key(&[]);
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(tokio::net::TcpStream::connect(bitting.gateway).await.unwrap());
    }
    bitting.wait_for(|line| line.contains("as many connections are open as may be"));
    assert_eq!(get(bitting.service, "/healthz", &[]).await.status, 200);
    bitting.revoke(&key);
    drop(idle);
    let headers = [("authorization", &*format!("Bearer {}", key.key))];
    assert_eq!(get(bitting.gateway, "/x", &headers).await.status, 401);
}
