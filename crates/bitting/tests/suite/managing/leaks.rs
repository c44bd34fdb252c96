//! Keys that were found where others can read them.

use base64::Engine as _;
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::Manager;
use crate::harness::{Bitting, Issued, Upstream, get, post};

/// Two APIs, of which one says of leaked keys that they are leaked and the other ends them.
async fn start() -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    let origin = upstream.origin();
    let bitting = Bitting::with_config(&format!(
        "[[api]]\nname = \"shop\"\npath = \"/shop\"\nupstream = \"{origin}\"\nkey = {{ prefix = \"shop_\" }}\n\
         [[api]]\nname = \"bank\"\npath = \"/bank\"\nupstream = \"{origin}\"\nkey = {{ prefix = \"bank_\" }}\n\
         leaks = {{ action = \"revoke\" }}\n"
    ));
    (bitting, upstream)
}

/// Somebody who may report leaks of an API, and nothing else.
fn reporter(bitting: &Bitting, api: &str) -> Manager {
    let token = bitting.key(&["--api", "bitting", "--permission", &format!("{api}:leaks:write")]).key;
    Manager::new(bitting.service, &format!("/v1/apis/{api}/leak-reports"), &token, bitting)
}

fn key(bitting: &Bitting, api: &str) -> Issued {
    bitting.key(&["--api", api])
}

async fn status(bitting: &Bitting, api: &str, key: &Issued) -> u16 {
    get(bitting.gateway, &format!("/{api}/x"), &[("authorization", &format!("Bearer {}", key.key))]).await.status.as_u16()
}

/// The names and data of the events of a key, the oldest first.
fn events(bitting: &Bitting, key: &Issued) -> Vec<(String, Value)> {
    let store = Connection::open(bitting.store()).unwrap();
    let mut rows = store.prepare("SELECT name, data FROM event WHERE name <> 'key.created' ORDER BY number").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
    let all = rows.query_map([], read).unwrap().map(Result::unwrap);
    let all = all.map(|(name, data)| (name, serde_json::from_str::<Value>(&data).unwrap()));
    all.filter(|(_, data)| data["key"]["id"] == json!(key.id)).collect()
}

/// What the audit log says that was done, in an API.
fn actions(bitting: &Bitting, api: &str) -> Vec<(String, String, Value)> {
    let exported = bitting.command(&["audit", "export", "--api", api]);
    bitting.traces.answered(&exported.stdout);
    let rows = exported.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = rows.map(|row| (text(&row["action"]), text(&row["subject"]), row["after"].clone()));
    told.filter(|(action, ..)| action.contains("leak")).collect()
}

#[tokio::test]
async fn a_found_key_is_told_of_once_and_goes_on_working_where_its_api_does_not_end_it() {
    let (bitting, _upstream) = start().await;
    let (key, reporter) = (key(&bitting, "shop"), reporter(&bitting, "shop"));
    let url = "https://github.com/acme/app/blob/main/.env";
    let report = json!({"token": key.key, "source": "github", "url": url});
    let first = reporter.post("", &report).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let outcome = json!({"known": true, "key": key.id, "status": "active", "action": "alerted"});
    assert_eq!(first.json()["data"], json!([outcome]));
    let again = reporter.post("", &report).await.json();
    assert_eq!(again["data"][0]["action"], "none");
    assert_eq!(status(&bitting, "shop", &key).await, 200);
    let events = events(&bitting, &key);
    assert_eq!(events.len(), 1, "{events:?}");
    let (name, data) = &events[0];
    let told = (&data["source"], &data["url"], &data["revoked"], &data["key"]["account"]);
    assert_eq!((name.as_str(), told), ("key.leaked", (&json!("github"), &json!(url), &json!(false), &json!("default"))));
    let actions = actions(&bitting, "shop");
    let ids = [&first.json()["id"], &again["id"]].map(|id| id.as_str().unwrap().to_owned());
    let done: Vec<(&str, &str)> = actions.iter().map(|(action, subject, _)| (action.as_str(), subject.as_str())).collect();
    assert_eq!(done, [("leaks.reported", &*ids[0]), ("key.leaked", &*key.id), ("leaks.reported", &*ids[1])]);
    assert_eq!((&actions[0].2, &actions[1].2["leak"]["url"]), (&json!({"known": 1, "unknown": 0}), &json!(url)));
}

#[tokio::test]
async fn a_found_key_ends_at_once_where_its_api_says_so() {
    let (bitting, _upstream) = start().await;
    let (key, reporter) = (key(&bitting, "bank"), reporter(&bitting, "bank"));
    assert_eq!(status(&bitting, "bank", &key).await, 200);
    let outcome = reporter.post("", &json!({"token": format!(" {}\n", key.key)})).await.json();
    assert_eq!(outcome["data"], json!([{"known": true, "key": key.id, "status": "revoked", "action": "revoked"}]));
    assert_eq!(status(&bitting, "bank", &key).await, 401);
    let again = reporter.post("", &json!({"token": key.key})).await.json();
    assert_eq!(again["data"], json!([{"known": true, "key": key.id, "status": "revoked", "action": "none"}]));
    let names: Vec<String> = events(&bitting, &key).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["key.leaked", "key.revoked"]);
    assert_eq!(actions(&bitting, "bank").iter().filter(|(action, ..)| action == "key.leaked").count(), 1);
    assert_eq!(bitting.command(&["audit", "verify"]).code, 0);
}

#[tokio::test]
async fn each_of_a_list_is_answered_in_its_place_and_only_keys_of_the_api_are_known() {
    let (bitting, _upstream) = start().await;
    let reporter = reporter(&bitting, "bank");
    let (live, ended, elsewhere) = (key(&bitting, "bank"), key(&bitting, "bank"), key(&bitting, "shop"));
    bitting.revoke(&ended);
    let old = "legacy-9f8e7d6c5b4a39281706";
    bitting.traces.issued(old);
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(old));
    let file = bitting.traces.path("old.jsonl");
    std::fs::write(&file, json!({"hash": format!("sha512:{hash}"), "name": "old", "account": "acme"}).to_string()).unwrap();
    bitting.json(&["keys", "import", file.to_str().unwrap(), "--api", "bank"]);
    let damaged = format!("{}x", &live.key[..live.key.len() - 1]);
    let tokens = [&*live.key, &damaged, &elsewhere.key, "", old, &live.key, &ended.key, "bank_"];
    let leaks: Vec<Value> = tokens.iter().map(|token| json!({"token": token, "source": "a paste"})).collect();
    let answer = reporter.post("", &json!({"leaks": leaks})).await;
    let told: Vec<(bool, String)> = answer.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["known"].as_bool().unwrap(), one["action"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        (true, "revoked"),
        (false, "none"),
        (false, "none"),
        (false, "none"),
        (true, "revoked"),
        (true, "none"),
        (true, "alerted"),
        (false, "none"),
    ];
    assert_eq!(told, expected.map(|(known, action)| (known, action.to_owned())), "{}", answer.body);
    assert_eq!(status(&bitting, "shop", &elsewhere).await, 200);
    assert_eq!(get(bitting.gateway, "/bank/x", &[("authorization", &format!("Bearer {old}"))]).await.status, 401);
}

#[tokio::test]
async fn what_is_said_of_the_place_is_checked_and_no_key_in_it_is_kept() {
    let (bitting, _upstream) = start().await;
    let (key, reporter) = (key(&bitting, "shop"), reporter(&bitting, "shop"));
    let head = bitting.json(&["audit", "head"]);
    for (wrong, field) in [
        (json!({"token": key.key, "url": "javascript:alert(1)"}), "url"),
        (json!({"token": key.key, "source": "\u{7}"}), "source"),
        (json!({"leaks": [{"token": "x"}, {"token": "y", "url": "/etc"}]}), "leaks[1].url"),
        (json!({"leaks": [{"token": "x"}, {"token": 7}]}), "leaks[1].token"),
        (json!({"leaks": []}), "leaks"),
        (json!({"leaks": [{"token": "x"}], "token": "y"}), "leaks"),
        (json!({"source": "x"}), "token"),
    ] {
        let refused = reporter.post("", &wrong).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (400, &json!(field)), "{}", refused.body);
    }
    assert_eq!(bitting.json(&["audit", "head"]), head, "nothing was done");
    let url = format!("https://paste.example/{}?key={}", key.key, key.key);
    let told = reporter.post("", &json!({"token": key.key, "url": url, "source": format!("mail of {}", key.key)})).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let (_, data) = events(&bitting, &key).pop().unwrap();
    assert_eq!((&data["url"], &data["source"]), (&json!("https://paste.example/[key]?key=[key]"), &json!("mail of [key]")));
}

#[tokio::test]
async fn a_report_of_too_many_keys_is_refused_as_a_whole_with_the_number_that_it_may_have() {
    let (bitting, _upstream) = start().await;
    let (key, reporter) = (key(&bitting, "bank"), reporter(&bitting, "bank"));
    let head = bitting.json(&["audit", "head"]);
    let list = |count: usize, padding: usize| {
        let other = json!({"token": format!("bank_{}", "0".repeat(32)), "url": format!("https://x/{}", "y".repeat(padding))});
        let leaks: Vec<&Value> = std::iter::repeat_n(&other, count - 1).collect();
        let mut body = json!({"leaks": leaks});
        body["leaks"].as_array_mut().unwrap().push(json!({"token": key.key}));
        body
    };
    for (body, how_many) in [(list(100_000, 0), "this one has 100000"), (list(100_000, 200), "larger than 16777216 bytes")] {
        let refused = reporter.post("", &body).await;
        let told = refused.json();
        assert_eq!((refused.status.as_u16(), &told["errors"][0]["field"]), (413, &json!("leaks")), "{}", refused.body);
        let message = told["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("a report can have 1000 keys") && message.contains(how_many), "{message}");
    }
    assert_eq!((status(&bitting, "bank", &key).await, bitting.json(&["audit", "head"])), (200, head));
    let accepted = reporter.post("", &list(1_000, 10)).await.json();
    let data = accepted["data"].as_array().unwrap();
    assert_eq!((data.len(), &data[999]["action"]), (1_000, &json!("revoked")));
    assert_eq!(actions(&bitting, "bank")[0].2, json!({"known": 1, "unknown": 999}));
}

#[tokio::test]
async fn whoever_may_read_keys_may_not_try_texts_out() {
    let (bitting, _upstream) = start().await;
    let key = key(&bitting, "shop");
    let body = json!({"token": key.key}).to_string();
    for permissions in [&["keys:*", "audit:read", "verify"][..], &["bank:leaks:write"]] {
        let options: Vec<&str> = permissions.iter().flat_map(|permission| ["--permission", permission]).collect();
        let token = bitting.key(&[&["--api", "bitting"], &options[..]].concat()).key;
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        let refused = post(bitting.service, "/v1/apis/shop/leak-reports", &headers, &body).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
    }
    assert!(actions(&bitting, "shop").is_empty());
}

#[tokio::test]
async fn a_report_whose_audit_row_cannot_be_written_tells_nothing_and_does_nothing() {
    let (bitting, _upstream) = start().await;
    let (key, reporter) = (key(&bitting, "bank"), reporter(&bitting, "bank"));
    let deny = |when: &str| {
        let sql = format!("CREATE TRIGGER denied BEFORE INSERT ON audit {when} BEGIN SELECT RAISE(ABORT, 'no room'); END");
        Connection::open(bitting.store()).unwrap().execute_batch(&sql).unwrap();
    };
    for when in ["", "WHEN new.action = 'key.leaked'"] {
        deny(when);
        let refused = reporter.post("", &json!({"token": key.key})).await;
        assert!(refused.status == 503 && !refused.body.contains(&key.id), "{}", refused.body);
        assert_eq!((status(&bitting, "bank", &key).await, events(&bitting, &key)), (200, Vec::new()));
        Connection::open(bitting.store()).unwrap().execute_batch("DROP TRIGGER denied").unwrap();
    }
    let told = reporter.post("", &json!({"token": key.key})).await.json();
    assert_eq!(told["data"][0]["action"], "revoked");
}
