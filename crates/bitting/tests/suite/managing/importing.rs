//! Importing keys over HTTP.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Manager, start};
use crate::harness::{Bitting, Reply, Upstream, get};

const IMPORT: &str = "/v1/apis/product-api/api-keys:import";

const JSON_LINES: &str = "application/x-ndjson";

/// A key that another program has made, and that no file, log or answer may hold.
fn old_key(bitting: &Bitting, number: usize) -> String {
    let key = format!("legacy_{}", &sha256(&format!("seed {number}"))[..40]);
    bitting.traces.issued(&key);
    key
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Sends rows of a type to a path.
async fn send(operator: &Manager, path: &str, media_type: &str, body: &str) -> Reply {
    let headers = [("authorization", &*operator.bearer), ("content-type", media_type)];
    let reply = crate::harness::request(operator.at, "POST", path, &headers, body).await;
    operator.traces.answered(&reply.body);
    reply
}

async fn status(bitting: &Bitting, key: &str) -> u16 {
    get(bitting.gateway, "/v1/tasks", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16()
}

/// What an import answered: rows, how many were imported, and how many were there.
fn counts(reply: &Reply) -> [u64; 3] {
    assert_eq!(reply.status, 200, "{}", reply.body);
    ["rows", "imported", "there_already"].map(|name| reply.json()[name].as_u64().unwrap())
}

#[tokio::test]
async fn rows_of_either_form_are_admitted_as_they_are_after_a_dry_run_that_writes_nothing() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let keys: Vec<String> = (0..3).map(|number| old_key(&bitting, number)).collect();
    let lines = format!(
        "{{\"hash\": \"{}\", \"permissions\": [\"tasks:read\"], \"account\": \"acme\"}}\n\n{{\"hash\": \"{}\", \"enabled\": false}}\n",
        sha256(&keys[0]),
        sha256(&keys[1])
    );
    let dry = send(&operator, &format!("{IMPORT}?dry_run=true"), JSON_LINES, &lines).await;
    assert_eq!(counts(&dry), [2, 2, 0]);
    assert_eq!((&dry.json()["dry_run"], &dry.json()["import"]), (&json!(true), &Value::Null));
    assert_eq!(status(&bitting, &keys[0]).await, 401);
    let done = send(&operator, &format!("{IMPORT}?dry_run=false"), "Application/X-NDJSON; charset=utf-8", &lines).await;
    assert_eq!(counts(&done), [2, 2, 0]);
    assert_eq!(done.json()["dry_run"], false);
    assert!(done.json()["import"].as_str().unwrap().starts_with("imp_"));
    assert_eq!((status(&bitting, &keys[0]).await, status(&bitting, &keys[1]).await), (200, 401));
    let table = format!("hash,permissions\n{},tasks:read\n{},tasks:read\n", sha256(&keys[0]), sha256(&keys[2]));
    assert_eq!(counts(&send(&operator, IMPORT, "text/csv", &table).await), [2, 1, 1]);
    assert_eq!(status(&bitting, &keys[2]).await, 200);
}

#[tokio::test]
async fn the_same_import_again_changes_nothing_and_the_dry_run_says_so_before() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "audit:read"]);
    // More than one change holds.
    let line = |number| format!("{{\"hash\": \"{}\", \"name\": \"first\"}}\n", sha256(&old_key(&bitting, number)));
    let lines: String = (0..250).map(line).collect();
    assert_eq!(counts(&send(&operator, IMPORT, JSON_LINES, &lines).await), [250, 250, 0]);
    let renamed = lines.replace("first", "second");
    assert_eq!(counts(&send(&operator, &format!("{IMPORT}?dry_run=true"), JSON_LINES, &renamed).await), [250, 0, 250]);
    assert_eq!(counts(&send(&operator, IMPORT, JSON_LINES, &renamed).await), [250, 0, 250]);
    let listed = operator.get("?name=second").await.json();
    assert_eq!(listed["data"], json!([]));
    let log = operator.get("/v1/apis/product-api/audit-log?action=keys.imported").await.json();
    assert_eq!(log["data"].as_array().unwrap().len(), 3, "one entry for each part of the first import, and no more");
}

#[tokio::test]
async fn a_bad_row_is_named_by_its_line_and_field_and_nothing_is_written_or_quoted() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let (good, plain) = (old_key(&bitting, 1), old_key(&bitting, 2));
    let (good, bad) = (sha256(&good), sha256("bad"));
    let lines = [
        json!({"hash": good}).to_string(),
        json!({"hash": plain}).to_string(),
        json!({"hash": bad, "permissions": [plain, "a b"], "account": "a b", "id": plain}).to_string(),
        json!({"hash": sha256("5"), "role": plain, "environment": plain, "capabilities": [plain]}).to_string(),
        json!({"hash": sha256("6"), "permissions": [plain, plain]}).to_string(),
        json!({"hash": sha256("7"), plain.clone(): 1, "hsah": 2, "allowed_addresses": [plain]}).to_string(),
        format!("{{\"hash\": {plain}}}"),
        json!({"hash": good}).to_string(),
        json!({"hash": sha256("8"), "prefix": plain}).to_string(),
    ];
    for path in [IMPORT.to_owned(), format!("{IMPORT}?dry_run=true")] {
        let reply = send(&operator, &path, JSON_LINES, &lines.join("\n")).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (400, &json!("invalid_request")), "{}", reply.body);
        let errors = reply.json()["errors"].as_array().unwrap().clone();
        let named: Vec<&str> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        for expected in [
            "line 2: hash",
            "line 3: id",
            "line 3: permissions",
            "line 3: account",
            "line 4: environment",
            "line 4: role",
            "line 4: capabilities",
            "line 5: permissions",
            "line 6: field 2",
            "line 6: hsah",
            "line 6: allowed_addresses",
            "line 7",
            "line 8: hash",
            "line 9: prefix",
        ] {
            assert!(named.contains(&expected), "{expected} is missing in {named:?}");
        }
        assert!(!named.iter().any(|field| field.starts_with("line 1")), "{named:?}");
        assert!(!reply.body.contains("legacy_"), "{}", reply.body);
    }
    assert_eq!(operator.get("").await.json()["data"], json!([]));
    // Without a first line that names the columns, a key may stand there.
    let reply = send(&operator, IMPORT, "text/csv", &format!("{plain},acme\n")).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["field"]), (400, &json!("line 1: field 1")));
    assert!(!reply.body.contains("legacy_"), "{}", reply.body);
}

#[tokio::test]
async fn of_very_many_bad_rows_the_first_hundred_are_named() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let reply = send(&operator, IMPORT, JSON_LINES, &"{\"hash\":\"x\"}\n".repeat(250)).await;
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    assert_eq!((reply.status.as_u16(), errors.len(), &errors[99]["field"]), (400, 100, &json!("line 100: hash")));
    assert!(reply.json()["detail"].as_str().unwrap().contains("250 things are wrong"), "{}", reply.body);
}

#[tokio::test]
async fn a_body_of_another_type_too_large_or_asked_for_otherwise_is_refused() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let row = json!({"hash": sha256(&old_key(&bitting, 1))}).to_string();
    for media_type in ["application/json", "text/plain", "application/x-ndjson-x", ""] {
        assert_eq!(send(&operator, IMPORT, media_type, &row).await.status, 415, "{media_type:?}");
    }
    for query in ["dry=true", "dry_run=yes", "dry_run=true&force=true"] {
        assert_eq!(send(&operator, &format!("{IMPORT}?{query}"), JSON_LINES, &row).await.status, 400, "{query}");
    }
    let limit = 16 << 20;
    let of_size = |size: usize| row.clone() + &"\n".repeat(size - row.len());
    let reply = send(&operator, IMPORT, JSON_LINES, &of_size(limit + 1)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (413, &json!("payload_too_large")));
    assert_eq!(operator.get("").await.json()["data"], json!([]));
    assert_eq!(counts(&send(&operator, IMPORT, JSON_LINES, &of_size(limit)).await), [1, 1, 0]);
    assert_eq!(operator.get(IMPORT).await.status, 405);
}

#[tokio::test]
async fn an_import_is_for_operators_of_that_api_who_may_write_its_keys() {
    let upstream = Upstream::start().await;
    let api = |name: &str| {
        format!(
            "[[api]]\nname = \"{name}\"\nhosts = [\"{name}.example\"]\nupstream = \"{}\"\nkey = {{ prefix = \"{name}_\" }}\n",
            upstream.origin()
        )
    };
    let bitting = Bitting::with_config(&(api("shop") + &api("bank")));
    let row = json!({"hash": sha256(&old_key(&bitting, 1))}).to_string();
    for (permission, shop, bank) in [("shop:keys:write", 200, 403), ("keys:read", 403, 403), ("verify", 403, 403)] {
        let operator = Manager::operator(&bitting, &[permission]);
        for (name, status) in [("bank", bank), ("shop", shop)] {
            let path = format!("/v1/apis/{name}/api-keys:import");
            assert_eq!(send(&operator, &path, JSON_LINES, &row).await.status, status, "{permission}: {name}");
        }
    }
    // A key belongs to one API.
    let operator = Manager::operator(&bitting, &["bank:keys:write"]);
    let reply = send(&operator, "/v1/apis/bank/api-keys:import", JSON_LINES, &row).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["field"]), (400, &json!("line 1: hash")));
}

#[tokio::test]
async fn an_import_is_in_the_audit_log_with_who_from_where_and_which_keys() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "audit:read"]);
    let hash = sha256(&old_key(&bitting, 1));
    let done = send(&operator, IMPORT, JSON_LINES, &json!({"hash": hash}).to_string()).await;
    let log = operator.get("/v1/apis/product-api/audit-log?action=keys.imported").await;
    let entry = log.json()["data"][0].clone();
    assert_eq!((&entry["subject"], &entry["after"]["count"]), (&done.json()["import"], &json!(1)));
    assert_eq!((&entry["address"], &entry["request_id"]), (&json!("127.0.0.1"), &json!(done.header("x-request-id"))));
    assert!(entry["actor"].as_str().unwrap().starts_with("key_"), "{entry}");
    assert!(!log.body.contains(&hash));
}
