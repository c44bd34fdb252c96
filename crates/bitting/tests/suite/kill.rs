//! SIGKILL at any moment: everything that was acknowledged is there afterwards.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
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
    let mut chance = 0x2545_F491_4F6C_DD1Du64;
    for round in 0..ROUNDS {
        let mut bitting = Bitting::serve(&file, &[], traces.clone());
        check(&bitting, &keys).await;
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        // The killer strikes while the commands below are at it, after a number of acknowledged changes.
        let (mut left, pid) = (chance % 7, bitting.pid());
        for number in 0.. {
            if left == 0 {
                kill_during(pid, &traces, chance);
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
    check(&bitting, &keys).await;
    assert!(keys.len() > 40 && keys.values().any(|(_, revoked)| *revoked), "{} keys", keys.len());
}

async fn check(bitting: &Bitting, keys: &BTreeMap<String, (String, bool)>) {
    for (id, (key, revoked)) in keys {
        let bearer = format!("Bearer {key}");
        let status = get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status.as_u16();
        assert_eq!(status, if *revoked { 401 } else { 200 }, "{id}");
    }
}

/// Sends a burst of changes at once and kills the server somewhere in it: before, among or after their commits. None of
/// them counts as acknowledged unless its answer came.
fn kill_during(pid: u32, traces: &Traces, chance: u64) {
    let question = |number: u64| {
        let account = json!({"change": "create_account", "api": "shop", "id": format!("burst-{chance}-{number}"), "name": ""});
        json!({"ask": "commit", "change": account, "user": "burst"}).to_string()
    };
    let mut burst: Vec<UnixStream> = (0..20).map(|_| traces.control_socket()).collect();
    for (number, stream) in burst.iter_mut().enumerate() {
        stream.write_all(question(number as u64).as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    // How many answers to wait for decides where the kill falls.
    for stream in burst.iter_mut().take((chance >> 32) as usize % 20) {
        let mut answer = Vec::new();
        let _ = BufReader::new(stream).take(1).read_to_end(&mut answer);
    }
    assert!(std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn a_burst_of_changes_that_was_acknowledged_in_part_is_there_in_that_part() {
    let upstream = Upstream::start().await;
    let mut bitting = Bitting::with_config(&config(&upstream, ""));
    let mut acknowledged = Vec::new();
    let streams: Vec<UnixStream> = (0..200)
        .map(|number| {
            let mut stream = bitting.traces.control_socket();
            let account = json!({"change": "create_account", "api": "shop", "id": format!("a-{number}"), "name": ""});
            let question = json!({"ask": "commit", "change": account, "user": "burst"}).to_string();
            stream.write_all(question.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream
        })
        .collect();
    for (number, stream) in streams.into_iter().enumerate() {
        if number == 120 {
            bitting.signal("KILL");
        }
        let mut answer = String::new();
        let _ = BufReader::new(stream).read_line(&mut answer);
        if serde_json::from_str::<Value>(&answer).is_ok_and(|answer| answer["done"].is_object()) {
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
