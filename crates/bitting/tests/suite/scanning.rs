//! Looking for keys in files and histories.

mod history;
mod patterns;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::cli::{bitting, json, offline};
use crate::gateway::start;
use crate::harness::{Output, Traces};

/// A new key of the shop: its text and its id.
fn key(traces: &Traces, options: &[&str]) -> (String, String) {
    let made = json(traces, &[&["keys", "create", "--name", "x"], options].concat());
    (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

/// Files to be looked through. They lie apart from the traces, which are searched for keys.
fn files(all: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in all {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

/// Runs a scan, of whose words every one is searched for keys.
fn scan(traces: &Traces, words: &[&str]) -> Output {
    let output = bitting(traces, &[&["scan"], words].concat());
    traces.answered(&output.stdout);
    traces.answered(&output.stderr);
    output
}

/// What a scan says as JSON.
fn told(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_key_is_named_with_its_place_and_its_state_and_never_printed() {
    let traces = offline();
    json(&traces, &["accounts", "create", "acme"]);
    let keys: Vec<(String, String)> = (0..5).map(|_| key(&traces, &["--account", "acme", "--environment", "test"])).collect();
    let token = key(&traces, &["--api", "bitting", "--permission", "keys:*"]);
    json(&traces, &["keys", "update", &keys[1].1, "--disable"]);
    json(&traces, &["keys", "revoke", &keys[2].1]);
    json(&traces, &["keys", "rotate", &keys[3].1]);
    let foreign = offline();
    let (unknown, _) = key(&foreign, &[]);
    let text = format!(
        "# keys\r\nA={}\nB: \"{}\", C: '{}'\n{}é{}\n{unknown}\n{}\n",
        keys[0].0, keys[1].0, keys[2].0, keys[3].0, keys[4].0, token.0
    );
    let binary = [&[0u8, 255, 10][..], &[7].repeat(100_000), keys[0].0.as_bytes(), &[0; 9]].concat();
    let named = format!("{}.txt", keys[0].0);
    let damaged = keys[0].0.replace("shop_test_", "shop_live_");
    let all: [(&str, &[u8]); 4] =
        [("a/.env", text.as_bytes()), ("a/image.png", &binary), (&named, b"nothing"), ("near", damaged.as_bytes())];
    let folder = files(&all);
    std::os::unix::fs::symlink(folder.path().join("a/.env"), folder.path().join("link")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    let path = folder.path().to_str().unwrap();
    let found = scan(&traces, &[path, "--json"]);
    assert_eq!(found.code, 1, "{}", found.stderr);
    let lines = told(&found);
    let place = |line: &Value| {
        let path = line["path"].as_str().unwrap().strip_prefix(path).unwrap().to_owned();
        (path, line["line"].as_u64().unwrap(), line["column"].as_u64().unwrap(), line["state"].as_str().unwrap().to_owned())
    };
    let places: Vec<_> = lines.iter().filter(|line| line["type"] == "key").map(place).collect();
    let at = |path: &str, line, column, state: &str| (path.to_owned(), line, column, state.to_owned());
    let expected = [
        at("/a/.env", 2, 3, "live"),
        at("/a/.env", 3, 5, "disabled"),
        at("/a/.env", 3, 54, "revoked"),
        at("/a/.env", 4, 1, "revoked"),
        at("/a/.env", 4, 45, "live"),
        at("/a/.env", 5, 1, "unknown"),
        at("/a/.env", 6, 1, "live"),
        at("/a/image.png", 2, 100_001, "live"),
    ];
    assert_eq!(places, expected);
    let first = &lines[0];
    let whose = (&first["key"], &first["account"], &first["api"], &first["environment"]);
    assert_eq!(whose, (&json!(keys[0].1), &json!("acme"), &json!("shop"), &json!("test")));
    assert_eq!(first["prefix"], json!(&keys[0].0[..14]));
    assert_eq!((&lines[5]["apis"], &lines[6]["api"]), (&json!(["shop"]), &json!("bitting")));
    let summary = lines.last().unwrap();
    assert_eq!((&summary["found"]["live"], &summary["texts"], &summary["unread"]), (&json!(4), &json!(4), &json!(0)));
    let words = scan(&traces, &[path]);
    let line = format!("{path}/a/.env:2:3: live: {}…, {} of account acme (shop, test)", &keys[0].0[..14], keys[0].1);
    assert!(words.stdout.lines().any(|said| said == line), "{line}\n{}", words.stdout);
    assert!(words.stderr.contains("8 keys (4 live, 1 disabled, 2 revoked, 1 unknown)"), "{}", words.stderr);
    assert!(words.stderr.contains("bitting keys revoke"), "{}", words.stderr);
}

#[test]
fn what_opens_nothing_is_no_failure_and_what_cannot_be_read_is_told_and_counted() {
    let traces = offline();
    let (ended, id) = key(&traces, &[]);
    json(&traces, &["keys", "revoke", &id]);
    let folder = files(&[("x", ended.as_bytes())]);
    let path = folder.path().to_str().unwrap();
    assert_eq!(scan(&traces, &[path]).code, 0);
    // Its beginning belongs to no process.
    let partly = scan(&traces, &[path, "/proc/self/mem"]);
    assert!(partly.code == 7 && partly.stderr.contains("/proc/self/mem: not read: "), "{}", partly.stderr);
    assert!(partly.stderr.contains("1 thing could not be read"), "{}", partly.stderr);
    let lines = told(&scan(&traces, &[path, "/proc/self/mem", "--json"]));
    assert_eq!((&lines[1]["type"], &lines[1]["path"]), (&json!("unread"), &json!("/proc/self/mem")));
    let nowhere = scan(&traces, &[&format!("{path}/nowhere")]);
    assert!(nowhere.code == 4 && nowhere.stderr.contains("nowhere"), "{}", nowhere.stderr);
}

#[test]
fn without_a_store_keys_are_found_and_nobody_knows_whether_they_work() {
    let (traces, elsewhere) = (offline(), offline());
    let (key, _) = key(&elsewhere, &[]);
    let folder = files(&[("x", key.as_bytes())]);
    let found = scan(&traces, &[folder.path().to_str().unwrap()]);
    assert!(found.code == 1 && found.stdout.contains("x:1:1: unverified: "), "{}{}", found.stdout, found.stderr);
    assert!(found.stderr.contains("there is no store here to ask"), "{}", found.stderr);
    assert!(!traces.path("bitting.db").exists(), "a scan makes no store");
    let clean = files(&[("x", &key.as_bytes()[1..])]);
    assert_eq!(scan(&traces, &[clean.path().to_str().unwrap()]).code, 0);
}

#[tokio::test]
async fn a_running_server_is_asked_and_standard_input_can_be_looked_through() {
    let (bitting, _upstream, _) = start("").await;
    let key = bitting.key(&[]);
    let folder = files(&[("x", format!("{}\n", key.key).as_bytes())]);
    let path = folder.path().to_str().unwrap();
    let live = bitting.command(&["scan", path]);
    assert!(live.code == 1 && live.stdout.contains(&format!("live: {}…, {}", &key.key[..9], key.id)), "{}", live.stdout);
    bitting.revoke(&key);
    let over = bitting.command(&["scan", path]);
    assert!(over.code == 0 && over.stdout.contains("x:1:1: revoked: "), "{}{}", over.stdout, over.stderr);
    bitting.traces.answered(&(live.stdout + &live.stderr + &over.stdout));
    let mut child = Command::new(env!("CARGO_BIN_EXE_bitting"))
        .args(["scan", "-", "--config"])
        .arg(bitting.traces.path("bitting.toml"))
        .arg(format!("--set=store.path={}", bitting.store().display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("+{}", key.key).as_bytes()).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.starts_with("-:1:2: revoked: "), "{said}");
}

#[test]
fn keys_without_a_prefix_are_said_not_to_be_found_and_shared_prefixes_are_told_apart_by_the_store() {
    let traces = offline();
    let more = "[[api]]\nname = \"twin\"\npath = \"/twin\"\nupstream = \"http://127.0.0.1:9\"\n\
                [api.key]\nprefix = { live = [\"shop_live_\"], bare = \"\" }\n";
    std::fs::write(traces.path("more.toml"), more).unwrap();
    let both = ["--config", "bitting.toml", "--config", "more.toml"];
    let of_twin = bitting(&traces, &[&["keys", "create", "--name", "x", "--api", "twin"], &both[..]].concat());
    let folder = files(&[("x", of_twin.stdout.as_bytes())]);
    let found = scan(&traces, &[&[folder.path().to_str().unwrap()], &both[..]].concat());
    assert!(found.stderr.contains("warning: keys of twin (bare) have no prefix"), "{}", found.stderr);
    assert!(found.stdout.lines().count() == 1 && found.stdout.contains("(twin, live)"), "{}", found.stdout);
}

#[test]
fn a_scan_reports_each_key_that_works_once_and_ends_it_where_its_api_says_so() {
    let traces = offline();
    let ((one, id), (ended, over)) = (key(&traces, &[]), key(&traces, &[]));
    json(&traces, &["keys", "revoke", &over]);
    let folder = files(&[("a", format!("{one}\n{one}\n{ended}").as_bytes()), ("b", one.as_bytes())]);
    let path = folder.path().to_str().unwrap();
    let told_of = scan(&traces, &[path, "--report"]);
    assert_eq!((told_of.code, told_of.stdout.matches(", reported: alerted").count()), (1, 3), "{}", told_of.stdout);
    let exported = bitting(&traces, &["audit", "export"]).stdout;
    traces.answered(&exported);
    let leaks: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let leaks: Vec<&Value> = leaks.iter().filter(|row| row["action"] == "key.leaked").collect();
    let source = format!("bitting scan: {path}/a:1:1");
    assert_eq!((leaks.len(), &leaks[0]["subject"], &leaks[0]["after"]["leak"]["source"]), (1, &json!(id), &json!(source)));
    assert_eq!(json(&traces, &["keys", "show", &id])["status"], "active");
    let ends = ["--set", "api.shop.leaks.action=revoke"];
    let ended = scan(&traces, &[&[path, "--report"], &ends[..]].concat());
    assert_eq!((ended.code, ended.stdout.matches(", reported: revoked").count()), (1, 3), "{}", ended.stdout);
    assert!(ended.stderr.contains("they are ended now"), "{}", ended.stderr);
    assert_eq!(json(&traces, &["keys", "show", &id])["status"], "revoked");
    assert_eq!(scan(&traces, &[path, "--report"]).code, 0);
}
