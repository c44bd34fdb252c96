//! Events, listed and followed.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Manager, named, start};
use crate::harness::get;

const EVENTS: &str = "/v1/apis/product-api/events";

/// Somebody who follows events on a connection of their own.
struct Follower {
    socket: TcpStream,
    heard: String,
}

impl Follower {
    async fn begin(of: &Manager, query: &str, last: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(of.at).await.unwrap();
        let resume = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        let bearer = &of.bearer;
        let head = format!("GET {EVENTS}/stream{query} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n{resume}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut follower = Self { socket, heard: String::new() };
        follower.hear(|heard| heard.contains("\r\n\r\n")).await;
        follower
    }

    /// Reads until it has heard something, or the stream is over.
    async fn hear(&mut self, enough: impl Fn(&str) -> bool) -> bool {
        let read = async {
            while !enough(&self.heard) {
                let mut part = Vec::with_capacity(16 * 1024);
                match self.socket.read_buf(&mut part).await {
                    Ok(0) | Err(_) => return false,
                    Ok(_) => self.heard.push_str(&String::from_utf8_lossy(&part)),
                }
            }
            true
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.unwrap()
    }

    fn events(&self) -> Vec<Value> {
        self.heard
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    fn types(&self) -> Vec<String> {
        self.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn events_are_listed_by_type_severity_account_key_and_time_and_by_pages() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "events:read"]);
    let (key, id) = operator.make(&named("first", &["tasks:read"])).await;
    let (_, other) = operator.make(&named("second", &["tasks:read"])).await;
    operator.patch(&id, &json!({"name": "renamed"})).await;
    operator.delete(&format!("/{id}")).await;
    let list = async |query: &str| {
        let reply = operator.get(&format!("{EVENTS}{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(!reply.body.contains(&key));
        reply.json()
    };
    let types = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("").await;
    assert_eq!(types(&all), ["key.revoked", "key.updated", "key.created", "key.created"]);
    let revoked = &all["data"][0];
    assert_eq!((&revoked["key"], &revoked["severity"], &revoked["count"]), (&json!(id), &json!("notice"), &json!(1)));
    assert_eq!(revoked["data"]["key"]["name"], "renamed");
    assert_eq!(all["data"][1]["data"]["changed"], json!(["name"]));
    assert!(revoked["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(types(&list("?type=key.updated,key.revoked").await), ["key.revoked", "key.updated"]);
    assert_eq!(types(&list(&format!("?key={other}")).await), ["key.created"]);
    assert_eq!(types(&list("?severity=critical").await), [""; 0]);
    assert_eq!(types(&list("?account=default&type=key.revoked").await), ["key.revoked"]);
    assert_eq!(types(&list("?account=nobody").await), [""; 0]);
    assert_eq!(types(&list("?until=2001-01-01T00:00:00Z").await), [""; 0]);
    let page = list("?limit=3").await;
    let rest = list(&format!("?limit=3&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!((types(&page).len(), types(&rest), &rest["has_more"]), (3, vec!["key.created".to_owned()], &json!(false)));
    for (query, field) in
        [("?type=key.lost", "type"), ("?severity=dire", "severity"), ("?limit=0", "limit"), ("?colour=red", "colour")]
    {
        let reply = operator.get(&format!("{EVENTS}{query}")).await;
        assert!(reply.status == 400 && reply.body.contains(field), "{query}: {}", reply.body);
    }
    for permissions in [&["keys:*"][..], &["audit:read"]] {
        assert_eq!(Manager::operator(&bitting, permissions).get(EVENTS).await.status, 403);
        assert_eq!(Manager::operator(&bitting, permissions).get(&format!("{EVENTS}/stream")).await.status, 403);
    }
}

#[tokio::test]
async fn events_are_followed_live_and_whoever_comes_back_misses_none() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "events:read"]);
    operator.make(&named("before", &["tasks:read"])).await;
    let mut follower = Follower::begin(&operator, "", None).await;
    let mut of_revocations = Follower::begin(&operator, "?type=key.revoked", None).await;
    assert!(follower.heard.contains("content-type: text/event-stream"), "{}", follower.heard);
    let (_, id) = operator.make(&named("first", &["tasks:read"])).await;
    assert!(follower.hear(|heard| heard.contains("event: key.created")).await);
    let first = follower.events().remove(0);
    assert_eq!((follower.types().len(), &first["data"]["key"]["name"]), (1, &json!("first")));
    drop(follower);
    operator.patch(&id, &json!({"name": "renamed"})).await;
    operator.delete(&format!("/{id}")).await;
    let known = first["id"].as_str().unwrap();
    let mut again = Follower::begin(&operator, "", Some(known)).await;
    assert!(again.hear(|heard| heard.contains("event: key.revoked")).await);
    assert_eq!(again.types(), ["key.updated", "key.revoked"]);
    let mut by_query = Follower::begin(&operator, &format!("?after={known}&type=key.updated"), None).await;
    assert!(by_query.hear(|heard| heard.contains("event: key.updated")).await);
    assert!(of_revocations.hear(|heard| heard.contains("event: key.revoked")).await);
    assert_eq!(of_revocations.types(), ["key.revoked"]);
    let reply = operator.get(&format!("{EVENTS}/stream?after=42")).await;
    assert!(reply.status == 400 && reply.body.contains("after"), "{}", reply.body);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked_and_when_the_server_stops() {
    let (bitting, _production, _sandbox) = start().await;
    let watcher = bitting.key(&["--api", "bitting", "--permission", "events:read"]);
    let operator = Manager::operator(&bitting, &["events:read"]);
    let of_watcher = Manager::new(bitting.service, "", &watcher.key, &bitting);
    let mut revoked = Follower::begin(&of_watcher, "", None).await;
    let mut other = Follower::begin(&operator, "", None).await;
    bitting.command(&["keys", "revoke", &watcher.id, "--api", "bitting"]);
    // It is ended, and not cut.
    let is_over = |heard: &str| heard.ends_with("0\r\n\r\n");
    assert!(revoked.hear(is_over).await);
    let stopped = tokio::task::spawn_blocking(|| bitting.stop());
    assert!(other.hear(is_over).await);
    stopped.await.unwrap();
}

#[tokio::test]
async fn whoever_never_reads_holds_up_nobody_and_no_more_than_sixteen_follow_at_once() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "events:read"]);
    let mut silent = Vec::new();
    for _ in 0..15 {
        silent.push(Follower::begin(&operator, "", None).await);
    }
    let mut reader = Follower::begin(&operator, "?type=key.revoked", None).await;
    let refused = get(bitting.service, &format!("{EVENTS}/stream"), &[("authorization", &operator.bearer)]).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    // More than sockets hold for each of those who do not read.
    let notes = json!({"name": "noted", "permissions": ["tasks:read"], "metadata": {"note": "x".repeat(12_000)}});
    for _ in 0..400 {
        operator.make(&notes).await;
    }
    let (_, id) = operator.make(&named("last", &["tasks:read"])).await;
    operator.delete(&format!("/{id}")).await;
    assert!(reader.hear(|heard| heard.contains("event: key.revoked")).await);
    silent.pop();
    // The place is free as soon as the server has seen that nobody is there.
    let mut late = Follower::begin(&operator, "", None).await;
    while late.heard.starts_with("HTTP/1.1 429") {
        late = Follower::begin(&operator, "", None).await;
    }
    assert!(late.heard.starts_with("HTTP/1.1 200"), "{}", late.heard);
}
