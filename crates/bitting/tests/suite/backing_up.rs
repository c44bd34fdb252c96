//! Backups of a store, and what restoring one brings back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::gateway::config;
use crate::harness::{Bitting, Issued, Output, Traces, Upstream, get, run};

async fn folder() -> (Traces, Upstream) {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    let text = config(&upstream, "").replacen("[api.key]", "permissions = [\"read\", \"write\"]\n[api.key]", 1);
    std::fs::write(traces.path("bitting.toml"), text).unwrap();
    (traces, upstream)
}

fn serve(traces: &Traces) -> Bitting {
    Bitting::serve(&traces.path("bitting.toml"), &[], traces.clone())
}

fn bitting(traces: &Traces, words: &[&str]) -> Output {
    run(words.iter().map(|&word| word.to_owned()), traces)
}

fn done(traces: &Traces, words: &[&str]) -> Output {
    let output = bitting(traces, words);
    assert_eq!(output.code, 0, "{words:?}: {}", output.stderr);
    output
}

fn new_key(traces: &Traces, options: &[&str]) -> Issued {
    let output = done(traces, &[&["keys", "create", "--name", "test", "--json"], options].concat());
    let row: Value = serde_json::from_str(&output.stdout).unwrap();
    let issued = Issued { key: row["key"].as_str().unwrap().to_owned(), id: row["id"].as_str().unwrap().to_owned(), row };
    traces.issued(&issued.key);
    issued
}

/// What was put aside by restorations.
fn put_aside(traces: &Traces) -> Vec<PathBuf> {
    let files = traces.folder().read_dir().unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.to_string_lossy().contains(".before-restore-")).collect()
}

async fn statuses(traces: &Traces, keys: &[&Issued]) -> Vec<u16> {
    let server = serve(traces);
    let mut statuses = Vec::new();
    for key in keys {
        let bearer = format!("Bearer {}", key.key);
        statuses.push(get(server.gateway, "/x", &[("authorization", &bearer)]).await.status.as_u16());
    }
    server.stop();
    statuses
}

#[tokio::test]
async fn a_backup_while_serving_is_whole_and_for_its_owner_alone() {
    let (traces, _upstream) = folder().await;
    let server = serve(&traces);
    let key = server.key(&[]);
    let written = server.json(&["backup", "copy.db"]);
    let path = traces.path("copy.db");
    assert_eq!(written["file"].as_str().unwrap(), path.to_str().unwrap());
    let metadata = path.metadata().unwrap();
    assert_eq!((written["bytes"].as_u64().unwrap(), metadata.permissions().mode() & 0o777), (metadata.len(), 0o600));
    let twice = server.command(&["backup", "copy.db"]);
    assert!(twice.code == 6 && twice.stderr.contains("it stays as it is"), "{}", twice.stderr);
    let later = server.key(&[]);
    let refused = server.command(&["restore", "copy.db", "--yes"]);
    assert!(refused.code == 6 && refused.stderr.contains("stop the server first"), "{}", refused.stderr);
    server.stop();
    done(&traces, &["restore", "copy.db"]);
    assert_eq!(statuses(&traces, &[&key, &later]).await, [200, 401]);
    assert_eq!(put_aside(&traces).len(), 1);
    assert_eq!(traces.path("bitting.db").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn lb3_a_backup_and_an_export_hold_the_hash_alone() {
    let upstream = Upstream::start().await;
    let server = Bitting::example("launchboard", &upstream);
    let issued = server.key(&[]);
    server.json(&["backup", "copy.db"]);
    let backup = std::fs::read(server.traces.path("copy.db")).unwrap();
    let digest = Sha256::digest(&issued.key);
    let holds = |what: &[u8]| backup.windows(what.len()).any(|window| window == what);
    assert!(holds(&digest) && !holds(&issued.key.as_bytes()[issued.key.len() - 12..]));
    for words in [&["keys", "export", "--hashes"][..], &["audit", "export"]] {
        let export = server.command(words).stdout;
        assert!(export.contains(&issued.id) && !export.contains(&issued.key[issued.key.len() - 12..]), "{words:?}");
    }
}

#[tokio::test]
async fn a_restoration_names_every_revocation_and_restriction_that_it_would_undo_and_is_refused() {
    let (traces, _upstream) = folder().await;
    done(&traces, &["accounts", "create", "acme"]);
    let keys: Vec<Issued> = (0..6).map(|_| new_key(&traces, &["--permission", "read", "--permission", "write"])).collect();
    let of_acme = new_key(&traces, &["--account", "acme"]);
    done(&traces, &["backup", "copy.db"]);
    done(&traces, &["keys", "revoke", &keys[0].id]);
    done(&traces, &["keys", "update", &keys[1].id, "--disable"]);
    done(&traces, &["keys", "update", &keys[2].id, "--permission", "read"]);
    done(&traces, &["keys", "update", &keys[3].id, "--allow-address", "192.0.2.0/24", "--expires", "30d"]);
    let successor = done(&traces, &["keys", "rotate", &keys[4].id, "--json"]);
    traces.issued(serde_json::from_str::<Value>(&successor.stdout).unwrap()["key"].as_str().unwrap());
    done(&traces, &["keys", "update", &keys[5].id, "--name", "only the name"]);
    done(&traces, &["accounts", "update", "acme", "--suspend"]);
    let refused = bitting(&traces, &["restore", "copy.db"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    for (subject, what) in [
        (keys[0].id.as_str(), "revoked at "),
        (&keys[1].id, "disabled"),
        (&keys[2].id, "without write"),
        (&keys[3].id, "ends at "),
        (&keys[3].id, "only from 192.0.2.0/24"),
        (&keys[4].id, "revoked at "),
        ("acme", "suspended"),
    ] {
        let found = refused.stderr.lines().any(|line| line.contains(subject) && line.contains(what));
        assert!(found, "{subject} {what} is missing in\n{}", refused.stderr);
    }
    assert!(refused.stderr.contains("6 revocations and restrictions") && !refused.stderr.contains(&keys[5].id));
    assert!(put_aside(&traces).is_empty());
    assert_eq!(statuses(&traces, &[&keys[0], &of_acme]).await, [401, 401], "nothing was restored");
    done(&traces, &["restore", "copy.db", "--yes"]);
    assert_eq!(statuses(&traces, &[&keys[0], &keys[4], &of_acme]).await, [200, 200, 200]);
    let aside = put_aside(&traces).remove(0);
    std::fs::rename(&aside, traces.path("aside.db")).unwrap();
    let kept = format!("store.path={}", traces.path("aside.db").display());
    let shown = done(&traces, &["keys", "show", &keys[0].id, "--set", &kept, "--json"]);
    assert!(shown.stdout.contains("\"status\": \"revoked\""), "what was there is kept: {}", shown.stdout);
}

#[tokio::test]
async fn an_audit_export_makes_revocations_and_restrictions_again() {
    let (traces, _upstream) = folder().await;
    done(&traces, &["accounts", "create", "acme"]);
    let [revoked, narrowed, on_and_off, rotated] = [0; 4].map(|_| new_key(&traces, &["--permission", "write"]));
    let of_acme = new_key(&traces, &["--account", "acme"]);
    done(&traces, &["keys", "update", &on_and_off.id, "--disable"]);
    done(&traces, &["keys", "update", &on_and_off.id, "--enable"]);
    done(&traces, &["backup", "copy.db"]);
    done(&traces, &["keys", "revoke", &revoked.id]);
    done(&traces, &["keys", "update", &narrowed.id, "--permission", "read", "--disable"]);
    done(&traces, &["accounts", "update", "acme", "--suspend"]);
    let successor = done(&traces, &["keys", "rotate", &rotated.id, "--json"]);
    traces.issued(serde_json::from_str::<Value>(&successor.stdout).unwrap()["key"].as_str().unwrap());
    let export = done(&traces, &["audit", "export", "--api", "shop"]).stdout;
    std::fs::write(traces.path("audit.jsonl"), &export).unwrap();
    let restored = done(&traces, &["restore", "copy.db", "--replay", "audit.jsonl", "--json"]);
    let restored: Value = serde_json::from_str(&restored.stdout).unwrap();
    assert_eq!((restored["replayed"].as_array().unwrap().len(), &restored["undone"]), (4, &json!([])));
    let all = [&revoked, &narrowed, &on_and_off, &rotated, &of_acme];
    assert_eq!(statuses(&traces, &all).await, [401, 401, 200, 401, 401]);
    let shown = done(&traces, &["keys", "show", &narrowed.id, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap()["permissions"], json!(["read"]));
}

#[tokio::test]
async fn what_an_audit_export_holds_from_before_the_backup_is_not_made_again() {
    let (traces, _upstream) = folder().await;
    let key = new_key(&traces, &[]);
    done(&traces, &["keys", "update", &key.id, "--disable"]);
    let export = done(&traces, &["audit", "export"]).stdout;
    std::fs::write(traces.path("audit.jsonl"), &export).unwrap();
    done(&traces, &["keys", "update", &key.id, "--enable"]);
    done(&traces, &["backup", "copy.db"]);
    let restored = done(&traces, &["restore", "copy.db", "--replay", "audit.jsonl", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&restored.stdout).unwrap()["replayed"], json!([]));
    assert_eq!(statuses(&traces, &[&key]).await, [200]);
}

#[tokio::test]
async fn what_an_audit_export_does_not_hold_is_still_named() {
    let (traces, _upstream) = folder().await;
    let (told, untold) = (new_key(&traces, &[]), new_key(&traces, &[]));
    done(&traces, &["backup", "copy.db"]);
    done(&traces, &["keys", "revoke", &told.id]);
    let export = done(&traces, &["audit", "export"]).stdout;
    std::fs::write(traces.path("audit.jsonl"), &export).unwrap();
    done(&traces, &["keys", "revoke", &untold.id]);
    let refused = bitting(&traces, &["restore", "copy.db", "--replay", "audit.jsonl"]);
    assert!(refused.code == 5 && refused.stderr.contains(&untold.id), "{}", refused.stderr);
    done(&traces, &["restore", "copy.db", "--replay", "audit.jsonl", "--yes"]);
    assert_eq!(statuses(&traces, &[&told, &untold]).await, [401, 200]);
    std::fs::write(traces.path("audit.jsonl"), "{}\n").unwrap();
    let unreadable = bitting(&traces, &["restore", "copy.db", "--replay", "audit.jsonl"]);
    assert!(unreadable.code == 5 && unreadable.stderr.contains("line 1 is no row of an audit export"));
}

#[tokio::test]
async fn where_there_is_no_store_the_audit_export_alone_says_what_was_revoked() {
    let (traces, _upstream) = folder().await;
    let (revoked, good) = (new_key(&traces, &[]), new_key(&traces, &[]));
    done(&traces, &["backup", "copy.db"]);
    done(&traces, &["keys", "revoke", &revoked.id]);
    let export = done(&traces, &["audit", "export"]).stdout;
    let (elsewhere, _upstream) = folder().await;
    std::fs::copy(traces.path("copy.db"), elsewhere.path("copy.db")).unwrap();
    let refused = bitting(&elsewhere, &["restore", "copy.db"]);
    assert!(refused.code == 5 && refused.stderr.contains("is not known"), "{}", refused.stderr);
    assert!(!elsewhere.path("bitting.db").exists());
    std::fs::write(elsewhere.path("audit.jsonl"), &export).unwrap();
    done(&elsewhere, &["restore", "copy.db", "--replay", "audit.jsonl"]);
    assert_eq!(statuses(&elsewhere, &[&revoked, &good]).await, [401, 200]);
    let left: Vec<String> =
        elsewhere.folder().read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains(".bitting-")), "{left:?}");
}

#[tokio::test]
async fn a_store_that_is_damaged_can_be_replaced_and_is_kept_as_it_is() {
    let (traces, _upstream) = folder().await;
    let key = new_key(&traces, &[]);
    done(&traces, &["backup", "copy.db"]);
    // All that was written may still stand in the log.
    let _ = std::fs::remove_file(traces.path("bitting.db-wal"));
    std::fs::write(traces.path("bitting.db"), "these are no pages".repeat(1_000)).unwrap();
    let refused = bitting(&traces, &["restore", "copy.db"]);
    assert!(refused.code == 5 && refused.stderr.contains("cannot be read"), "{}", refused.stderr);
    done(&traces, &["restore", "copy.db", "--yes"]);
    assert_eq!(statuses(&traces, &[&key]).await, [200]);
    assert!(std::fs::read_to_string(put_aside(&traces).remove(0)).unwrap().starts_with("these are no pages"));
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored() {
    let (traces, _upstream) = folder().await;
    new_key(&traces, &[]);
    done(&traces, &["backup", "copy.db"]);
    let mut cut = std::fs::read(traces.path("copy.db")).unwrap();
    let half = cut.len() / 2;
    cut.truncate(half);
    std::fs::write(traces.path("cut.db"), cut).unwrap();
    std::fs::write(traces.path("empty.db"), "").unwrap();
    std::fs::write(traces.path("text.db"), "hello".repeat(1_000)).unwrap();
    for (file, said) in [
        ("no.db", "there is no such file"),
        ("empty.db", "no backup"),
        ("text.db", "not an SQLite database"),
        ("cut.db", "damaged"),
    ] {
        let output = bitting(&traces, &["restore", file, "--yes"]);
        assert!(output.code == 6 && output.stderr.contains(said), "{file}: {} {}", output.code, output.stderr);
    }
    assert!(put_aside(&traces).is_empty());
    let nothing = Traces::new();
    std::fs::copy(traces.path("bitting.toml"), nothing.path("bitting.toml")).unwrap();
    assert_eq!(bitting(&nothing, &["backup", "copy.db"]).code, 4);
    assert!(!nothing.path("copy.db").exists() && !nothing.path("bitting.db").exists());
}

#[tokio::test]
async fn what_was_used_of_a_limit_stays_used_when_a_backup_from_before_is_restored() {
    let (traces, upstream) = folder().await;
    let text = config(&upstream, "[api.limits]\nmonth = \"100/month\"\n");
    std::fs::write(traces.path("bitting.toml"), text).unwrap();
    let server = serve(&traces);
    let key = server.key(&[]);
    let bearer = format!("Bearer {}", key.key);
    let left = async |server: &Bitting| -> u32 {
        let reply = get(server.gateway, "/x", &[("authorization", &bearer)]).await;
        reply.header("x-ratelimit-remaining").parse().unwrap()
    };
    assert_eq!(left(&server).await, 99);
    server.json(&["backup", "copy.db"]);
    for _ in 0..30 {
        left(&server).await;
    }
    server.stop();
    done(&traces, &["restore", "copy.db"]);
    assert_eq!(left(&serve(&traces)).await, 68);
}
