//! SIGKILL at any moment: everything that was acknowledged is there afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::gateway::config;
use crate::harness::{Bitting, Traces, Upstream, get};

/// Kills happen after this many acknowledgements more each time, and at a different point of the next change.
const ROUNDS: u32 = 50;

#[tokio::test]
async fn after_fifty_kills_every_acknowledged_change_is_there() {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    let file = traces.path("bitting.toml");
    std::fs::write(&file, config(&upstream, "")).unwrap();
    let mut keys: BTreeMap<String, (String, bool)> = BTreeMap::new();
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    let mut chance = 0x2545_F491_4F6C_DD1Du64;
    for round in 0..ROUNDS {
        let mut bitting = Bitting::serve(&file, &[], traces.clone());
        check(&bitting, &keys, &accounts).await;
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        // The killer strikes while the commands below are at it, after a number of acknowledged changes.
        let (mut left, pid) = (chance % 7, bitting.pid());
        for number in 0.. {
            if left == 0 {
                accounts.extend(kill_during(pid, &traces, chance));
                break;
            }
            left -= 1;
            // Every third change is a revocation of a key that was made before.
            let alive = keys.iter().find(|(_, (_, revoked))| !revoked).map(|(id, _)| id.clone());
            if let Some(id) = alive.filter(|_| number % 3 == 2) {
                bitting.json(&["keys", "revoke", &id]);
                keys.get_mut(&id).unwrap().1 = true;
            } else {
                let issued = bitting.key(&[]);
                keys.insert(issued.id, (issued.key, false));
            }
        }
        assert_eq!(bitting.wait(), 137, "round {round}");
    }
    let bitting = Bitting::serve(&file, &[], traces);
    check(&bitting, &keys, &accounts).await;
    assert!(accounts.len() > 100, "{} accounts", accounts.len());
    assert!(keys.len() > 40 && keys.values().any(|(_, revoked)| *revoked), "{} keys", keys.len());
}

async fn check(bitting: &Bitting, keys: &BTreeMap<String, (String, bool)>, accounts: &BTreeSet<String>) {
    for (id, (key, revoked)) in keys {
        let bearer = format!("Bearer {key}");
        let status = get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status.as_u16();
        assert_eq!(status, if *revoked { 401 } else { 200 }, "{id}");
    }
    let list = bitting.json(&["accounts", "list", "--limit", "10000"]);
    let there: BTreeSet<&str> = list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    for account in accounts {
        assert!(there.contains(&**account), "{account} was acknowledged and is gone");
    }
}

/// Sends a burst of changes at once and kills the server somewhere in it: before, among or after their commits. Returns the
/// accounts that were acknowledged, which are those whose answer came.
fn kill_during(pid: u32, traces: &Traces, chance: u64) -> Vec<String> {
    let ids: Vec<String> = (0..20).map(|number| format!("burst-{chance}-{number}")).collect();
    let mut burst: Vec<UnixStream> = ids.iter().map(|_| traces.control_socket()).collect();
    for (id, stream) in ids.iter().zip(&mut burst) {
        stream.write_all(new_account(id).as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    // How many answers to wait for decides where the kill falls.
    let answers_before = (chance >> 32) as usize % 20;
    let mut acknowledged = Vec::new();
    for (number, (id, stream)) in ids.into_iter().zip(burst).enumerate() {
        if number == answers_before {
            assert!(std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
        }
        if says_done(stream) {
            acknowledged.push(id);
        }
    }
    acknowledged
}

/// What the command line sends for a new account.
fn new_account(id: &str) -> String {
    let account = json!({"change": "create_account", "api": "shop", "id": id, "name": ""});
    json!({"commit": {"change": account, "user": "burst"}}).to_string()
}

/// Reads an answer, which is cut short or missing if the server was killed first.
fn says_done(mut stream: UnixStream) -> bool {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    serde_json::from_slice(&answer).is_ok_and(|answer: Value| answer["done"].is_object())
}

#[tokio::test]
async fn a_burst_of_changes_that_was_acknowledged_in_part_is_there_in_that_part() {
    let upstream = Upstream::start().await;
    let mut bitting = Bitting::with_config(&config(&upstream, ""));
    let mut acknowledged = Vec::new();
    let streams: Vec<UnixStream> = (0..200)
        .map(|number| {
            let mut stream = bitting.traces.control_socket();
            stream.write_all(new_account(&format!("a-{number}")).as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream
        })
        .collect();
    for (number, stream) in streams.into_iter().enumerate() {
        if number == 120 {
            bitting.signal("KILL");
        }
        if says_done(stream) {
            acknowledged.push(format!("a-{number}"));
        }
    }
    assert_eq!(bitting.wait(), 137);
    assert!(acknowledged.len() >= 120);
    let file = bitting.traces.path("bitting.toml");
    let again = Bitting::serve(&file, &[], bitting.traces.clone());
    let list = again.json(&["accounts", "list", "--limit", "1000"]);
    let there: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    for account in acknowledged {
        assert!(there.contains(&account.as_str()), "{account} was acknowledged and is gone");
    }
}
