//! The record of who changed what: nothing is done that is not in it, and nothing in it can be changed unnoticed.

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::cli::{bitting, json, offline};
use crate::gateway::start;
use crate::harness::{Output, Traces, get, request};

/// A store with five changes, and what `audit head` said then.
fn recorded() -> (Traces, String) {
    let traces = offline();
    json(&traces, &["accounts", "create", "acme"]);
    let made = json(&traces, &["keys", "create", "--name", "one", "--account", "acme"]);
    for name in ["two", "three", "four"] {
        json(&traces, &["keys", "update", made["id"].as_str().unwrap(), "--name", name]);
    }
    let head = bitting(&traces, &["audit", "head"]).stdout.trim().to_owned();
    assert!(head.starts_with("5:"), "{head}");
    (traces, head)
}

/// A copy of the store, with which somebody has done something.
fn tampered(traces: &Traces, number: usize, tamper: impl FnOnce(&Connection)) -> String {
    let copy = traces.path(&format!("copy-{number}.db"));
    assert_eq!(bitting(traces, &["backup", copy.to_str().unwrap()]).code, 0);
    tamper(&Connection::open(&copy).unwrap());
    format!("store.path={}", copy.display())
}

fn verify(traces: &Traces, store: &str, more: &[&str]) -> Output {
    bitting(traces, &[&["audit", "verify", "--set", store], more].concat())
}

/// Gives rows from a number up to another the hashes that they would have if they had been written so, and says the last.
fn hash_anew(store: &Connection, from: i64, until: i64) -> Vec<u8> {
    let before = "SELECT hash FROM audit WHERE sequence = ?1";
    let mut hash: Vec<u8> = store.query_row(before, [from - 1], |row| row.get(0)).unwrap_or_else(|_| vec![0; 32]);
    for number in from..=until {
        let sql = "SELECT at, api, actor, request_id, action, subject, before, after, address FROM audit WHERE sequence = ?1";
        hash = store
            .query_row(sql, [number], |row| {
                let mut sha = Sha256::new();
                sha.update([1]);
                sha.update(&hash);
                sha.update(number.to_be_bytes());
                sha.update(row.get::<_, i64>(0)?.to_be_bytes());
                for column in 1..9 {
                    let text: Option<String> = row.get(column)?;
                    sha.update(text.as_ref().map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
                    sha.update(text.unwrap_or_default());
                }
                Ok(sha.finalize().to_vec())
            })
            .unwrap();
        store.execute("UPDATE audit SET hash = ?2 WHERE sequence = ?1", (number, &hash)).unwrap();
    }
    hash
}

#[test]
fn each_row_that_was_altered_removed_added_or_moved_is_found_and_named() {
    let (traces, head) = recorded();
    let whole = bitting(&traces, &["audit", "verify", "--head", &head]);
    assert_eq!((whole.code, whole.stdout.starts_with("5 changes, each as it was written")), (0, true), "{}", whole.stderr);
    let swap = "UPDATE audit SET sequence = -sequence WHERE sequence IN (2, 3); \
                UPDATE audit SET sequence = 5 + sequence WHERE sequence < 0";
    let insert = |number: &str| {
        format!(
            "UPDATE audit SET sequence = sequence + 100 WHERE sequence >= {number}; \
             UPDATE audit SET sequence = sequence - 99 WHERE sequence > 100; \
             INSERT INTO audit SELECT {number}, at, api, actor, request_id, action, subject, before, after, address, hash \
             FROM audit WHERE sequence = 1"
        )
    };
    let columns = [
        ("at", "at + 1"),
        ("api", "'bank'"),
        ("actor", "'cli:mallory'"),
        ("request_id", "'1'"),
        ("action", "'key.created'"),
        ("subject", "'key_01m7r8z3q9v5w2x4y6a8b0c1d2'"),
        ("before", "'null'"),
        ("after", "replace(after, 'acme', 'evil')"),
        ("address", "'192.0.2.1'"),
        ("hash", "zeroblob(32)"),
    ];
    let mut cases: Vec<(String, &str)> = columns
        .map(|(column, value)| (format!("UPDATE audit SET {column} = {value} WHERE sequence = 4"), "the row of commit 4 "))
        .to_vec();
    cases.extend([
        ("DELETE FROM audit WHERE sequence = 1".to_owned(), "after commit 0 comes commit 2"),
        ("DELETE FROM audit WHERE sequence = 3".to_owned(), "after commit 2 comes commit 4"),
        ("DELETE FROM audit WHERE sequence = 5".to_owned(), "the log ends with commit 4, and 5 was made"),
        ("DELETE FROM audit".to_owned(), "the log ends with commit 0, and 5 was made"),
        (swap.to_owned(), "the row of commit 2 "),
        (insert("3"), "the row of commit 3 "),
        (insert("6"), "the row with the number 6 was added"),
        (
            insert("1").replace("SELECT 1,", "SELECT -1,").replace("WHERE sequence = 1", "LIMIT 1"),
            "the row with the number -1 was added",
        ),
    ]);
    for (number, (sql, fault)) in cases.into_iter().enumerate() {
        let store = tampered(&traces, number, |store| store.execute_batch(&sql).unwrap());
        let found = verify(&traces, &store, &[]);
        assert_eq!(found.code, 5, "{sql}: {}{}", found.stdout, found.stderr);
        assert!(found.stderr.contains(fault), "{sql}: {}", found.stderr);
    }
}

#[test]
fn a_row_that_was_hashed_anew_is_found_by_the_next_one_and_a_whole_record_by_the_head_that_was_kept() {
    let (traces, head) = recorded();
    let alter = |store: &Connection, number: i64| {
        store.execute("UPDATE audit SET actor = 'cli:mallory' WHERE sequence = ?1", [number]).unwrap();
    };
    let one = tampered(&traces, 1, |store| {
        alter(store, 3);
        hash_anew(store, 3, 3);
    });
    let found = verify(&traces, &one, &[]);
    assert!(found.code == 5 && found.stderr.contains("the row of commit 4 "), "{}", found.stderr);
    assert!(found.stderr.contains("or the row before it was altered"), "{}", found.stderr);
    let last = tampered(&traces, 2, |store| {
        alter(store, 5);
        hash_anew(store, 5, 5);
    });
    let found = verify(&traces, &last, &[]);
    assert!(found.code == 5 && found.stderr.contains("the row of commit 5 "), "{}", found.stderr);
    let rewritten = tampered(&traces, 3, |store| {
        alter(store, 3);
        let head = hash_anew(store, 3, 5);
        store.execute("UPDATE progress SET audit_head = ?1", [head]).unwrap();
    });
    let alone = verify(&traces, &rewritten, &[]);
    assert!(alone.code == 0 && alone.stderr.contains("Keep `bitting audit head` elsewhere"), "{}", alone.stderr);
    let held_against = verify(&traces, &rewritten, &["--head", &head]);
    assert!(held_against.code == 5, "{}", held_against.stdout);
    assert!(held_against.stderr.contains("another one than the head that was kept: at commit 5"), "{}", held_against.stderr);
    let as_json = verify(&traces, &rewritten, &["--head", &head, "--json"]);
    let told: Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!((as_json.code, &told["fault"]["other_log"]), (5, &serde_json::json!(5)));
}

#[test]
fn the_record_is_exported_as_json_lines_with_every_change_and_no_key() {
    let (traces, _) = recorded();
    let exported = bitting(&traces, &["audit", "export"]).stdout;
    let rows: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(u64, &str)> =
        rows.iter().map(|row| (row["sequence"].as_u64().unwrap(), row["action"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "account.created"), (2, "key.created"), (3, "key.updated"), (4, "key.updated"), (5, "key.updated")]);
    assert_eq!((&rows[2]["before"]["name"], &rows[2]["after"]["name"]), (&Value::from("one"), &Value::from("two")));
    traces.answered(&exported);
}

/// A store in which no audit row can be written any more.
fn deny_audit(store: &Path) {
    let sql = "CREATE TRIGGER denied BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'there is no room'); END";
    Connection::open(store).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_change_whose_audit_row_cannot_be_written_does_not_happen() {
    let (bitting, _upstream, _) = start("").await;
    let key = bitting.key(&["--account", "default"]);
    let token = bitting.key(&["--api", "bitting", "--permission", "keys:*", "--permission", "accounts:*"]);
    let bearer = format!("Bearer {}", token.key);
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let works = async || get(bitting.gateway, "/x", &[("authorization", &format!("Bearer {}", key.key))]).await.status;
    assert_eq!(works().await, 200);
    let before = bitting.json(&["keys", "list"]);
    let head = bitting.json(&["audit", "head"]);
    deny_audit(&bitting.store());
    for words in [
        &["keys", "revoke", &key.id][..],
        &["keys", "update", &key.id, "--disable"],
        &["keys", "rotate", &key.id],
        &["keys", "create", "--name", "another"],
        &["accounts", "update", "default", "--suspend"],
        &["members", "invite", "mara@example.com"],
    ] {
        let refused = bitting.command(words);
        assert_eq!(refused.code, 6, "{words:?}: {}{}", refused.stdout, refused.stderr);
    }
    let path = format!("/v1/apis/{}/api-keys/{}", key.row["api"].as_str().unwrap(), key.id);
    let refused = request(bitting.service, "DELETE", &path, &headers, "").await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(works().await, 200);
    assert_eq!(bitting.json(&["keys", "list"]), before);
    assert_eq!(bitting.json(&["audit", "head"]), head);
    Connection::open(bitting.store()).unwrap().execute_batch("DROP TRIGGER denied").unwrap();
    bitting.revoke(&key);
    assert_eq!(works().await, 401);
    assert_eq!(bitting.command(&["audit", "verify"]).code, 0);
}
