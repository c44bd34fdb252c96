//! What time does to keys, over HTTP: a clock in hand takes them through more than a year.

use serde_json::{Value, json};

use super::*;
use crate::harness::{post, request};

const DAY: Duration = Duration::from_hours(24);
const START: &str = "2026-01-01T00:00:00Z";

/// A running server with a token for everything.
struct Managed {
    running: Clocked,
    token: String,
}

impl Managed {
    async fn start(upstream: &Upstream) -> Self {
        let running = start("product-api", upstream, START).await;
        let permissions = Some(vec!["*:*".parse().unwrap(), "*:*:*".parse().unwrap()]);
        let spec = KeySpec { name: "ops".to_owned(), permissions, ..KeySpec::default() };
        let engine = running.server.engine();
        let issued = spec.issue(engine.apis().own(), running.clock.now()).unwrap();
        engine.commit(issued.change, Actor::System, "test").await.unwrap();
        running.traces.issued(issued.key.expose());
        Self { token: format!("Bearer {}", issued.key.expose()), running }
    }

    async fn restart(self, upstream: &Upstream) -> Self {
        let Self { running: Clocked { server, clock, traces, .. }, token } = self;
        server.stop().await;
        let running = start_in(traces, "product-api", upstream, &clock.now().to_string()).await;
        Self { running, token }
    }

    async fn manage(&self, method: &str, path: &str, body: &Value) -> Value {
        let headers = [("authorization", &*self.token), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/v1/apis/product-api/{path}");
        let reply = request(self.running.service, method, &path, &headers, &body).await;
        assert!(reply.status.is_success(), "{method} {path}: {} {}", reply.status, reply.body);
        reply.json()
    }

    /// Makes a key and says its text and its id.
    async fn make(&self, wanted: Value) -> (String, String) {
        let made = self.manage("POST", "api-keys", &wanted).await;
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        self.running.traces.issued(&text("key"));
        (format!("Bearer {}", text("key")), text("id"))
    }

    async fn ask(&self, key: &str) -> u16 {
        get(self.running.gateway, "/v1/tasks", &[("authorization", key)]).await.status.as_u16()
    }

    async fn see_to_keys(&self) {
        self.running.server.engine().see_to_keys().await.unwrap();
    }

    fn in_days(&self, days: u32) -> String {
        self.running.clock.now().plus(days * DAY).to_string()
    }

    /// What was told of a key's life, oldest first: the day, and the name.
    async fn told(&self, key: &str) -> Vec<(u64, String)> {
        let events = self.manage("GET", &format!("events?key={key}&limit=100"), &Value::Null).await;
        let start: Timestamp = START.parse().unwrap();
        let told = |event: &Value| {
            let at: Timestamp = event["at"].as_str().unwrap().parse().unwrap();
            let days_left = event["data"]["days_left"].as_u64().map_or_else(String::new, |days| format!(" in {days}"));
            (at.since(start).as_secs() / DAY.as_secs(), format!("{}{days_left}", event["type"].as_str().unwrap()))
        };
        // That its requests are refused once it has ended is told too, and is no matter of its life.
        let of_life = events["data"].as_array().unwrap().iter().filter(|event| event["type"] != "auth.failures");
        let mut told: Vec<(u64, String)> = of_life.map(told).collect();
        told.reverse();
        told
    }
}

#[tokio::test]
async fn pa13_a_key_of_an_enterprise_lives_through_400_days_of_requests_and_one_of_a_free_account_ends() {
    let upstream = Upstream::start().await;
    let mut managed = Managed::start(&upstream).await;
    managed.manage("POST", "accounts", &json!({"id": "acme", "plan": "enterprise"})).await;
    managed.manage("POST", "accounts", &json!({"id": "tiny"})).await;
    let end = managed.in_days(90);
    let (key, id) = managed.make(json!({"name": "Backend", "account": "acme", "expires_at": end})).await;
    let (free, of_free) =
        managed.make(json!({"name": "Toy", "account": "tiny", "expires_at": end, "environment": "test"})).await;
    let (idle, of_idle) = managed.make(json!({"name": "Idle", "account": "acme", "environment": "test"})).await;
    let shown = managed.manage("GET", &format!("api-keys/{id}"), &Value::Null).await;
    assert_eq!((&shown["auto_renew"], &shown["rotation"]), (&json!(true), &Value::Null));
    let (mut told, mut told_free) = (Vec::new(), Vec::new());
    for day in 1..=365 {
        managed.running.clock.advance(DAY);
        let term = day % 90;
        if [0, 60, 83, 89].contains(&term) || day % 25 == 0 {
            managed.see_to_keys().await;
            for (key, told) in [(&id, &mut told), (&of_free, &mut told_free)] {
                let now = managed.told(key).await;
                told.extend(now.into_iter().filter(|event| !told.contains(event)).collect::<Vec<_>>());
            }
        }
        assert_eq!(managed.ask(&key).await, 200, "on day {day}");
        assert_eq!(managed.ask(&free).await, if day < 90 { 200 } else { 401 }, "on day {day}");
        if day % 70 == 0 {
            managed = managed.restart(&upstream).await;
        }
    }
    let days: Vec<String> = told.iter().map(|(day, name)| format!("{day}: {name}")).collect();
    let terms = [0, 90, 180, 270].map(|day| {
        let overdue = if day == 0 { vec!["90: key.overdue".to_owned()] } else { Vec::new() };
        let told = [(60, "key.expiring in 30"), (83, "key.expiring in 7"), (89, "key.renewed")];
        told.map(|(after, name)| format!("{}: {name}", day + after)).into_iter().chain(overdue).collect::<Vec<_>>()
    });
    assert_eq!(days, [vec!["0: key.created".to_owned()], terms.concat()].concat());
    let days: Vec<String> = told_free.iter().map(|(day, name)| format!("{day}: {name}")).collect();
    let expiring = [30, 7, 1].map(|left| format!("{}: key.expiring in {left}", 90 - left));
    let expected = [vec!["0: key.created".to_owned()], expiring.to_vec(), vec!["90: key.expired".to_owned()]].concat();
    assert_eq!(days, expected);
    assert_eq!(managed.told(&of_idle).await[1..], [(90, "key.unused".to_owned()), (180, "key.overdue".to_owned())]);
    assert_eq!(managed.ask(&idle).await, 200);
    // The year is over, and the key is replaced while services move.
    let rotated =
        managed.manage("POST", &format!("api-keys/{id}/rotate"), &json!({"overlap": "7d", "end_when_unused_for": "1h"})).await;
    let (new, of_new) = (format!("Bearer {}", rotated["key"].as_str().unwrap()), rotated["id"].as_str().unwrap());
    managed.running.traces.issued(rotated["key"].as_str().unwrap());
    assert_eq!([managed.ask(&key).await, managed.ask(&new).await], [200, 200]);
    let pair = managed.manage("GET", &format!("api-keys/{of_new}"), &Value::Null).await["rotation"].clone();
    assert_eq!([&pair["old"]["id"], &pair["old"]["last_used_from"]], [&json!(id), &json!("127.0.0.1")]);
    for (minutes, status) in [(59, 200), (60, 401)] {
        managed.running.clock.advance(Duration::from_mins(minutes));
        managed.see_to_keys().await;
        assert_eq!(managed.ask(&key).await, status, "after {minutes} minutes");
    }
    assert_eq!(managed.ask(&new).await, 200);
    let last = managed.told(&id).await.pop().unwrap();
    assert_eq!(last, (365, "key.revoked".to_owned()));
}

#[tokio::test]
async fn pa13_the_expiring_event_says_when_the_key_renews_or_why_not() {
    let upstream = Upstream::start().await;
    let managed = Managed::start(&upstream).await;
    managed.manage("POST", "accounts", &json!({"id": "acme", "plan": "enterprise"})).await;
    let end = managed.in_days(90);
    let wanted = json!({"name": "Backend", "account": "acme", "expires_at": end});
    let (_, renewing) = managed.make(wanted.clone()).await;
    let off = wanted.as_object().unwrap().clone().into_iter().chain([("auto_renew".to_owned(), json!(false))]);
    let (_, off) = managed.make(Value::Object(off.collect())).await;
    let (_, free) = managed.make(json!({"name": "Toy", "account": "default", "expires_at": end})).await;
    managed.running.clock.advance(60 * DAY);
    managed.see_to_keys().await;
    let mut told = Vec::new();
    for key in [renewing, off, free] {
        let events = managed.manage("GET", &format!("events?key={key}&type=key.expiring"), &Value::Null).await;
        let data = &events["data"][0]["data"];
        told.push((data["renews_at"].clone(), data["not_renewed_because"].clone(), data["days_left"].clone()));
    }
    let at = json!("2026-03-31T00:00:00Z");
    let not = |reason: &str| (Value::Null, json!(reason), json!(30));
    assert_eq!(told, [(at, Value::Null, json!(30)), not("off"), not("plan")]);
}

#[tokio::test]
async fn an_overlap_that_ends_early_needs_an_overlap_and_a_time_between_two_requests() {
    let upstream = Upstream::start().await;
    let managed = Managed::start(&upstream).await;
    let (_, id) = managed.make(json!({"name": "Backend"})).await;
    let headers = [("authorization", &*managed.token), ("content-type", "application/json")];
    let path = format!("/v1/apis/product-api/api-keys/{id}/rotate");
    for (body, told) in [
        (r#"{"end_when_unused_for": "1h"}"#, "without an overlap the old key ends at once"),
        (r#"{"overlap": "1d", "end_when_unused_for": 59}"#, "write at least 60 seconds"),
        (r#"{"overlap": "1d", "end_when_unused_for": "soon"}"#, "end_when_unused_for"),
    ] {
        let reply = post(managed.running.service, &path, &headers, body).await;
        assert!(reply.status == 400 && reply.body.contains(told), "{body}: {} {}", reply.status, reply.body);
    }
    let made =
        managed.manage("POST", &format!("api-keys/{id}/rotate"), &json!({"overlap": 60, "end_when_unused_for": null})).await;
    managed.running.traces.issued(made["key"].as_str().unwrap());
    assert_eq!(made["end_when_unused_for"], Value::Null);
}

#[tokio::test]
async fn a_key_that_ends_for_good_makes_nothing_that_renews_itself_and_does_not_become_so() {
    let upstream = Upstream::start().await;
    let managed = Managed::start(&upstream).await;
    managed.manage("POST", "accounts", &json!({"id": "acme", "plan": "enterprise"})).await;
    let permissions = ["api-keys:read", "api-keys:write", "tasks:read", "projects:read", "users:read"];
    let wanted = json!({"name": "Maker", "account": "acme", "expires_at": managed.in_days(10), "permissions": permissions,
        "auto_renew": false});
    let (maker, id) = managed.make(wanted).await;
    let headers = [("authorization", &*maker), ("content-type", "application/json")];
    let ask = async |method: &str, path: &str, body: Value| {
        request(managed.running.gateway, method, path, &headers, &body.to_string()).await
    };
    let made = ask("POST", "/v1/api-keys", json!({"name": "child"})).await;
    let child = made.json();
    managed.running.traces.issued(child["key"].as_str().unwrap());
    assert_eq!((made.status.as_u16(), &child["auto_renew"]), (201, &json!(false)), "{}", made.body);
    let child = format!("/v1/api-keys/{}", child["id"].as_str().unwrap());
    for (method, path, body) in [
        ("POST", "/v1/api-keys", json!({"name": "child", "auto_renew": true})),
        ("PATCH", &*child, json!({"auto_renew": true})),
        ("PATCH", &format!("/v1/api-keys/{id}"), json!({"auto_renew": true})),
    ] {
        let refused = ask(method, path, body).await;
        assert!(refused.status == 403 && refused.body.contains("auto_renew"), "{method} {path}: {}", refused.body);
    }
    managed.manage("PATCH", &format!("api-keys/{id}"), &json!({"auto_renew": true})).await;
    let made = ask("PATCH", &child, json!({"auto_renew": true})).await;
    assert_eq!((made.status.as_u16(), &made.json()["auto_renew"]), (200, &json!(true)));
}
