//! Webhooks over HTTP, by operators.

use std::collections::BTreeSet;

use bitting_core::webhook::SigningSecret;
use serde_json::{Value, json};

use super::CONFIG;
use crate::harness::{Bitting, Receiver, Reception, Reply, get, request, run};

/// An operator with some permissions, who manages the webhooks of one API.
pub(super) struct Operator<'b> {
    bitting: &'b Bitting,
    bearer: String,
}

impl<'b> Operator<'b> {
    pub(super) fn of(bitting: &'b Bitting, permissions: &[&str]) -> Self {
        let options: Vec<&str> = permissions.iter().flat_map(|permission| ["--permission", permission]).collect();
        let key = bitting.key(&[&["--api", "bitting"], &options[..]].concat()).key;
        Self { bitting, bearer: format!("Bearer {key}") }
    }

    pub(super) async fn send(&self, method: &str, below: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
        let path = format!("/v1/apis/shop/webhooks{below}");
        let own = [("authorization", &*self.bearer), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = request(self.bitting.service, method, &path, &[&own[..], headers].concat(), &body).await;
        self.bitting.traces.answered(&reply.body);
        reply
    }

    pub(super) async fn get(&self, below: &str) -> Value {
        let reply = self.send("GET", below, &Value::Null, &[]).await;
        assert_eq!(reply.status, 200, "{below}: {}", reply.body);
        reply.json()
    }

    pub(super) async fn post(&self, below: &str, body: Value) -> Value {
        let reply = self.send("POST", below, &body, &[]).await;
        assert!(reply.status.is_success(), "{below}: {}", reply.body);
        reply.json()
    }

    /// Makes a webhook.
    pub(super) async fn make(&self, receiver: &Receiver, mut spec: Value) -> Value {
        spec["url"] = json!(receiver.url);
        self.post("", spec).await
    }
}

#[tokio::test]
async fn a_webhook_is_made_shown_changed_tested_and_deleted_and_its_secret_is_shown_once() {
    let bitting = Bitting::with_config(CONFIG);
    bitting.json(&["accounts", "create", "acme"]);
    let operator = Operator::of(&bitting, &["webhooks:*"]);
    let mut receiver = Receiver::start().await;
    let made = operator.make(&receiver, json!({"account": "acme", "events": ["key.created"], "severity": "notice"})).await;
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(id.starts_with("whk_") && secret.starts_with("whsec_") && secret.len() == 50, "{made}");
    let shown = operator.get(&format!("/{id}")).await;
    assert_eq!(
        (&shown["account"], &shown["events"], &shown["enabled"]),
        (&json!("acme"), &json!(["key.created"]), &json!(true))
    );
    let list = operator.get("?account=acme").await;
    assert_eq!((&list["data"], &list["has_more"]), (&json!([shown]), &json!(false)));
    assert_eq!(operator.get("?account=nobody").await["data"], json!([]));
    let values = json!({"description": "for mara", "severity": null, "events": []});
    let changed = operator.send("PATCH", &format!("/{id}"), &values, &[]).await.json();
    assert_eq!(
        (&changed["description"], &changed["severity"], &changed["events"]),
        (&json!("for mara"), &Value::Null, &json!([]))
    );
    let rotated = operator.post(&format!("/{id}/rotate-secret"), json!({})).await;
    assert_ne!(rotated["secret"], json!(secret));
    assert_eq!(rotated["old_secrets_end_at"].as_array().unwrap().len(), 1);
    // A test, and what the endpoint said to it.
    receiver.will(Reception::RetryAfter(418, "1"));
    let test = operator.post(&format!("/{id}/test"), Value::Null).await;
    receiver.next().await;
    let path = format!("/{id}/deliveries/{}", test["id"].as_str().unwrap());
    let whole = loop {
        let whole = operator.get(&path).await;
        if whole["state"] != "waiting" {
            break whole;
        }
    };
    assert_eq!(
        (&whole["state"], &whole["last_status"], &whole["body"]["type"]),
        (&json!("failed"), &json!(418), &json!("webhook.test"))
    );
    let attempt = &whole["history"][0];
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(418), &json!("it answered 418 I'm a teapot")));
    assert!(attempt["request_headers"].as_array().unwrap().iter().any(|header| header[0] == "webhook-signature"));
    assert!(attempt["response_headers"].as_array().unwrap().contains(&json!(["retry-after", "1"])));
    receiver.will(Reception::Status(200));
    operator.post(&format!("{path}/resend"), Value::Null).await;
    assert_eq!(receiver.next().await.id(), test["message_id"]);
    assert_eq!(operator.send("DELETE", &format!("/{id}"), &Value::Null, &[]).await.status, 204);
    for (method, below) in
        [("GET", format!("/{id}")), ("DELETE", format!("/{id}")), ("GET", path), ("POST", format!("/{id}/test"))]
    {
        assert_eq!(operator.send(method, &below, &Value::Null, &[]).await.status, 404, "{method} {below}");
    }
    // Nothing that is kept for people has a secret in it.
    let audit = bitting.command(&["audit", "verify"]);
    assert_eq!(audit.code, 0, "{}", audit.stderr);
    let told = bitting.log();
    for secret in [secret, rotated["secret"].as_str().unwrap()] {
        assert!(!told.contains(&secret[6..]));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_said_of_its_field() {
    let bitting = Bitting::with_config(CONFIG);
    let operator = Operator::of(&bitting, &["webhooks:*"]);
    let good = "https://example.com/";
    for (body, field, words) in [
        (json!({"url": "https://mara:pw@example.com/"}), "url", "user name or password"),
        (json!({"url": "https://example.com/#x"}), "url", "\"#\""),
        (json!({"url": "https://localhost/"}), "url", "private name"),
        (json!({"url": "https://db.internal/"}), "url", "private name"),
        (json!({"url": "https://redis/"}), "url", "private name"),
        (json!({"url": "https://[::ffff:10.0.0.1]/"}), "url", "write the address as \"10.0.0.1\""),
        (json!({"url": "https://[0:0:0:0:0:0:0:1]/"}), "url", "write the address as \"[::1]\""),
        (json!({"url": "https://0x7f.1/"}), "url", "write the address as \"127.0.0.1\""),
        (json!({"url": "https://[::1]/"}), "url", "a loopback address"),
        (json!({"url": "https://169.254.169.254/"}), "url", "a cloud's metadata address"),
        (json!({"url": "https://10.0.0.1/"}), "url", "a private address"),
        (json!({"url": "ftp://example.com/"}), "url", "https://"),
        (json!({"url": "example.com"}), "url", "write a URL such as"),
        (json!({"url": good, "events": ["key.lost"]}), "events", "\"key.lost\" is none of key.created"),
        (json!({"url": good, "events": ["key.created", "key.created"]}), "events", "there twice"),
        (json!({"url": good, "severity": "loud"}), "severity", "\"loud\" is none of notice"),
        (json!({"url": good, "description": "x".repeat(201)}), "description", "characters"),
        (json!({"events": []}), "url", "missing field"),
        (json!({"url": good, "secret": "whsec_AAAA"}), "secret", "unknown field"),
    ] {
        let reply = operator.send("POST", "", &body, &[]).await;
        let problem = reply.json();
        let text = problem.to_string();
        assert_eq!((reply.status.as_u16(), &problem["code"]), (400, &json!("invalid_request")), "{body}: {text}");
        assert!(text.contains(words.replace('"', "\\\"").as_str()) && text.contains(field), "{body}: {text}");
    }
    let nobody = operator.send("POST", "", &json!({"url": good, "account": "nobody"}), &[]).await;
    assert_eq!(nobody.status, 404, "{}", nobody.body);
    let made = operator.post("", json!({"url": good})).await;
    let id = made["id"].as_str().unwrap();
    let patched = operator.send("PATCH", &format!("/{id}"), &json!({"url": "https://127.1/"}), &[]).await;
    assert_eq!(patched.status, 400, "{}", patched.body);
    let overlap = operator.send("POST", &format!("/{id}/rotate-secret"), &json!({"overlap": "31d"}), &[]).await;
    assert!(overlap.status == 400 && overlap.body.contains("30 days"), "{}", overlap.body);
    for number in 1..50 {
        operator.post("", json!({"url": format!("https://example.com/{number}")})).await;
    }
    let one_more = operator.send("POST", "", &json!({"url": good}), &[]).await;
    assert!(one_more.status == 409 && one_more.body.contains("delete one first"), "{}", one_more.body);
    let (mut seen, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = operator.get(&format!("?limit=20{after}")).await;
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        after = format!("&cursor={cursor}");
    }
    assert_eq!(seen.len(), 50);
}

#[tokio::test]
async fn webhooks_are_managed_at_the_command_line_while_a_server_runs_and_when_none_does() {
    let bitting = Bitting::with_config(CONFIG);
    let mut receiver = Receiver::start().await;
    let made = bitting.json(&["webhooks", "create", &receiver.url, "--event", "key.created", "--severity", "notice"]);
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    bitting.key(&[]);
    let got = receiver.next().await;
    assert_eq!(got.kind(), "key.created");
    let secret: SigningSecret = secret.to_owned().try_into().unwrap();
    let timestamp = got.header("webhook-timestamp").parse().unwrap();
    assert_eq!(got.header("webhook-signature"), secret.sign(&got.id(), timestamp, got.body.as_bytes()));
    let rotated = bitting.json(&["webhooks", "rotate-secret", id, "--overlap", "1h"]);
    assert_ne!(rotated["secret"], made["secret"]);
    let list = bitting.command(&["webhooks", "list"]);
    assert!(list.stdout.contains(id) && list.stdout.contains("active"), "{}", list.stdout);
    let file = bitting.traces.path("bitting.toml");
    let traces = bitting.stop();
    let alone = |words: &[&str]| {
        let store = format!("store.path={}", traces.path("bitting.db").display());
        let file = file.display().to_string();
        let words = words.iter().copied().chain(["--config", &file, "--set", &store]).map(str::to_owned);
        run(words.collect::<Vec<_>>(), &traces)
    };
    let updated = alone(&["webhooks", "update", id, "--disable", "--description", "for mara"]);
    assert!(updated.stdout.contains("disabled"), "{}{}", updated.stdout, updated.stderr);
    for (words, code, told) in [
        (&["webhooks", "update", id, "--url", "https://localhost/"][..], 5, "private name"),
        (&["webhooks", "update", id, "--url", "https://a@b.example/"], 5, "user name or password"),
        (&["webhooks", "create", "https://example.com/", "--event", "key.lost"], 2, "is none of key.created"),
        (&["webhooks", "delete", id], 0, "is gone"),
        (&["webhooks", "delete", id], 4, "there is no webhook"),
        (&["webhooks", "list"], 0, "no webhooks"),
    ] {
        let output = alone(words);
        assert!(output.code == code && output.stderr.contains(told), "{words:?}: {} {}", output.code, output.stderr);
    }
}

#[tokio::test]
async fn webhooks_need_their_permission_and_a_request_that_is_repeated_makes_no_second_one() {
    let bitting = Bitting::with_config(CONFIG);
    let (reader, writer) = (Operator::of(&bitting, &["webhooks:read"]), Operator::of(&bitting, &["webhooks:*"]));
    let body = json!({"url": "https://example.com/"});
    assert_eq!(reader.send("POST", "", &body, &[]).await.status, 403);
    assert_eq!(Operator::of(&bitting, &["keys:*"]).send("GET", "", &Value::Null, &[]).await.status, 403);
    assert_eq!(get(bitting.service, "/v1/apis/shop/webhooks", &[]).await.status, 401);
    let once = [("idempotency-key", "hook-1")];
    let first = writer.send("POST", "", &body, &once).await;
    let again = writer.send("POST", "", &body, &once).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16(), again.header("idempotency-replayed")), (201, 201, "true"));
    assert_eq!((&first.json()["id"], &again.json()["secret"]), (&again.json()["id"], &Value::Null));
    assert_eq!(first.header("location"), format!("/v1/apis/shop/webhooks/{}", first.json()["id"].as_str().unwrap()));
    assert_eq!(reader.get("").await["data"].as_array().unwrap().len(), 1);
    let metrics = get(bitting.service, "/metrics", &[]).await;
    assert!(metrics.body.contains("bitting_webhook_deliveries_waiting"), "{}", metrics.body);
}
