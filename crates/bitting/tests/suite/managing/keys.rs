//! One key after another: made, shown, changed, rotated, ended.

use serde_json::{Value, json};

use super::{Manager, manager_key, named, start};
use crate::harness::{Bitting, get};

async fn status_with(bitting: &Bitting, key: &str, path: &str) -> u16 {
    get(bitting.gateway, path, &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16()
}

#[tokio::test]
async fn pa2_a_key_makes_another_and_its_text_is_answered_once() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:*"]).key);
    let asked =
        json!({"name": "New Integration", "permissions": ["tasks:read", "tasks:write"], "expires_at": "2099-10-14T00:00:00Z"});
    let reply = holder.post("", &asked).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (201, "no-store"));
    let made = reply.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(id.starts_with("key_") && key.starts_with("sk_live_"));
    assert_eq!(made["permissions"], json!(["tasks:read", "tasks:write"]));
    assert_eq!((&made["name"], &made["expires_at"]), (&json!("New Integration"), &json!("2099-10-14T00:00:00Z")));
    assert!(made["created_at"].as_str().unwrap().ends_with('Z') && made["created_by"].as_str().unwrap().starts_with("key_"));
    assert_eq!(reply.header("location"), format!("/v1/api-keys/{id}"));
    assert_eq!(status_with(&bitting, key, "/v1/tasks").await, 200);
    let shown = holder.get(&format!("/{id}")).await;
    assert!(!shown.body.contains(key) && shown.json().get("key").is_none());
    // Permissions and end may be left out: the API's defaults, as far as the maker has them, and never.
    let made = holder.post("", &json!({"name": "defaults"})).await.json();
    assert_eq!((&made["permissions"], &made["expires_at"]), (&json!(["tasks:read"]), &Value::Null));
}

#[tokio::test]
async fn pa2_what_is_wrong_with_a_new_key_is_told_by_field_in_the_apis_own_words() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "admin:*"]).key);
    for (body, field) in [
        (json!({}), "missing field `name`"),
        (json!({"name": ""}), "name: write 1 to 200 characters"),
        (json!({"name": "\u{200b}\u{202e}\u{feff}"}), "name: write 1 to 200 characters"),
        (json!({"name": "a\u{0}b"}), "name: control characters"),
        (json!({"name": "a\nb"}), "name: control characters"),
        (json!({"name": 5}), "name: a value of the wrong type"),
        (json!({"name": "x", "permissions": "tasks:read"}), "permissions: a value of the wrong type"),
        (json!({"name": "x", "permissions": ["tasks:fly"]}), "\"tasks:fly\" is not a declared permission"),
        (json!({"name": "x", "permissions": vec!["tasks:read"; 1_000]}), "permissions: "),
        (json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}), "expires_at: it must lie in the future"),
        (json!({"name": "x", "expires_at": "10000-01-01T00:00:00Z"}), "expires_at: "),
        (json!({"name": "x", "limits": {"week": 5}}), "limits: \"week\" is not a limit that keys of product-api have"),
        (json!({"name": "x", "limits": [5]}), "limits: a value of the wrong type"),
        (json!({"name": "x", "limits": null}), "limits: a value of the wrong type"),
        (json!({"name": "x", "limits": {"hour": -5}}), "limits.hour: a value of the wrong type"),
        (json!({"name": "x", "limits": {"hour": 0.5}}), "limits.hour: a value of the wrong type"),
        (json!({"name": "x", "limits": {"hour": "5"}}), "limits.hour: a value of the wrong type"),
        (json!({"name": "x", "limits": {"hour": null}}), "limits.hour: a value of the wrong type"),
        (json!({"name": "x", "colour": "red"}), "unknown field `colour`"),
        (json!({"name": "x", "allowed_addresses": ["here"]}), "allowed_addresses"),
        (json!([1, 2]), "send a JSON object"),
    ] {
        let reply = holder.post("", &body).await;
        let told = reply.json();
        assert_eq!((reply.status.as_u16(), told["code"].as_str()), (400, Some("invalid_request")), "{body}: {}", reply.body);
        assert!(told["message"].as_str().unwrap().contains(field), "{body}: {}", reply.body);
    }
    let twice = holder.send("POST", "", &[], r#"{"name": "x", "name": "y"}"#).await;
    assert!(twice.status == 400 && twice.body.contains("duplicate field"), "{}", twice.body);
    let deep = format!("{{\"name\": \"x\", \"metadata\": {{\"a\": {}{}}}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(holder.send("POST", "", &[], &deep).await.status, 400);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(holder.send("POST", "", &[], &large).await.status, 413);
    let text = holder.send("POST", "", &[("content-type", "text/plain")], "").await;
    assert_eq!((text.status.as_u16(), text.json()["code"].as_str()), (415, Some("unsupported_media_type")));
    assert_eq!(holder.send("PUT", "", &[], "{}").await.status, 405);
}

#[tokio::test]
async fn pa4_a_key_is_shown_with_its_permissions_and_what_it_was_used_for() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:read"]);
    let reply = Manager::holder(&bitting, &own.key).get(&format!("/{}", own.id)).await;
    let shown = reply.json();
    assert_eq!(shown["permissions"], json!(["api-keys:read", "api-keys:write", "tasks:read"]));
    assert_eq!(shown["usage"], json!({"requests_today": 0, "requests_this_month": 0}));
    assert!(shown["last_used"].is_string(), "it has just been used to ask");
    assert_eq!(shown["status"], "active");
    let prefix = shown["prefix"].as_str().unwrap();
    assert!(own.key.starts_with(prefix.strip_suffix("...").unwrap()) && prefix.len() < 20, "{prefix}");
    assert!(reply.header("etag").starts_with('"'));
}

#[tokio::test]
async fn pa5_a_change_holds_from_the_next_request_on_and_what_is_not_named_stays() {
    let (bitting, _production, _sandbox) = start().await;
    let holder =
        Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:*", "--permission", "projects:read"]).key);
    let (key, id) = holder.make(&named("Production App", &["tasks:read"])).await;
    assert_eq!(status_with(&bitting, &key, "/v1/projects").await, 403);
    let reply = holder.patch(&id, &json!({"name": "updated", "permissions": ["tasks:read", "projects:read"]})).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["name"]), (200, &json!("updated")));
    assert_eq!(status_with(&bitting, &key, "/v1/projects").await, 200);
    let changed = holder.patch(&id, &json!({"expires_at": "2099-12-31T23:59:59Z", "description": "d"})).await.json();
    assert_eq!((&changed["name"], &changed["expires_at"]), (&json!("updated"), &json!("2099-12-31T23:59:59Z")));
    // Null takes away what can be absent, and nothing else can be null.
    assert_eq!(holder.patch(&id, &json!({"expires_at": null})).await.json()["expires_at"], Value::Null);
    assert_eq!(
        holder.patch(&id, &json!({"permissions": null})).await.json()["permissions"],
        json!(["tasks:read", "projects:read"])
    );
    for field in ["account", "environment", "id", "created_by", "key", "prefix"] {
        let reply = holder.patch(&id, &json!({field: "x"})).await;
        assert!(reply.status == 400 && reply.body.contains(field), "{}", reply.body);
    }
    assert_eq!(holder.patch(&id, &json!({"enabled": false})).await.json()["status"], "disabled");
    assert_eq!(status_with(&bitting, &key, "/v1/tasks").await, 401);
    assert_eq!(holder.patch(&id, &json!({"enabled": true})).await.status, 200);
    assert_eq!(status_with(&bitting, &key, "/v1/tasks").await, 200);
}

#[tokio::test]
async fn pa6_a_deleted_key_fails_at_once_and_is_gone_but_for_the_list_of_revoked_ones() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    let (key, id) = holder.make(&named("gone", &["tasks:read"])).await;
    let reply = holder.delete(&format!("/{id}")).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (200, &json!("revoked")));
    assert_eq!(status_with(&bitting, &key, "/v1/tasks").await, 401);
    for reply in [
        holder.get(&format!("/{id}")).await,
        holder.delete(&format!("/{id}")).await,
        holder.patch(&id, &json!({"enabled": true})).await,
        holder.post(&format!("/{id}/rotate"), &json!({})).await,
    ] {
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (404, Some("not_found")));
    }
    let ids = |reply: &Value| reply["data"].as_array().unwrap().iter().map(|key| key["id"].clone()).collect::<Vec<_>>();
    assert!(!ids(&holder.get("").await.json()).contains(&json!(id)));
    assert_eq!(ids(&holder.get("?status=revoked").await.json()), [json!(id)]);
}

#[tokio::test]
async fn bb6_a_lost_key_is_replaced_over_http_and_the_old_one_ends_after_its_overlap() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    let (old, id) = holder.make(&named("app", &["tasks:read"])).await;
    let reply = holder.post(&format!("/{id}/rotate"), &json!({"overlap": "24h"})).await;
    let made = reply.json();
    let new = made["key"].as_str().unwrap().to_owned();
    assert_eq!((reply.status.as_u16(), &made["replaces"], &made["name"]), (201, &json!(id), &json!("app")));
    for key in [&old, &new] {
        assert_eq!(status_with(&bitting, key, "/v1/tasks").await, 200);
    }
    let ending = holder.get(&format!("/{id}")).await.json();
    assert_eq!(ending["replaced_by"], made["id"]);
    assert!(ending["expires_at"].is_string());
    assert_eq!(holder.post(&format!("/{id}/rotate"), &json!({})).await.status, 409);
    let now = holder.post(&format!("/{}/rotate", made["id"].as_str().unwrap()), &json!({"overlap": 0})).await;
    assert_eq!(now.status, 201);
    assert_eq!(status_with(&bitting, &new, "/v1/tasks").await, 401);
}

#[tokio::test]
async fn nobody_overwrites_what_they_have_not_seen() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    let (_, id) = holder.make(&named("app", &["tasks:read"])).await;
    let path = format!("/{id}");
    let seen = holder.get(&path).await.header("etag").to_owned();
    let rename = |name: &str| json!({"name": name}).to_string();
    let first = holder.send("PATCH", &path, &[("if-match", &seen)], &rename("one")).await;
    assert_eq!(first.status, 200);
    let second = holder.send("PATCH", &path, &[("if-match", &seen)], &rename("two")).await;
    assert_eq!((second.status.as_u16(), second.json()["code"].as_str()), (412, Some("precondition_failed")));
    assert_eq!(holder.send("DELETE", &path, &[("if-match", &seen)], "").await.status, 412);
    let now = first.header("etag");
    assert_eq!(holder.send("PATCH", &path, &[("if-match", &format!("\"x\", {now}"))], &rename("three")).await.status, 200);
    assert_eq!(holder.send("PATCH", &path, &[("if-match", "*")], &rename("four")).await.status, 200);
}

#[tokio::test]
async fn a_request_that_is_sent_twice_makes_one_key_and_shows_it_once() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:read"]);
    let (holder, body) = (Manager::holder(&bitting, &own.key), named("once", &["tasks:read"]).to_string());
    let once = [("idempotency-key", "order-1")];
    let first = holder.send("POST", "", &once, &body).await;
    let again = holder.send("POST", "", &once, &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    let (mut shown, replayed) = (first.json(), again.json());
    assert!(shown["key"].is_string() && replayed["key"].is_null());
    shown["key"] = Value::Null;
    assert_eq!(shown, replayed);
    let other = holder.send("POST", "", &once, &named("twice", &[]).to_string()).await;
    assert_eq!((other.status.as_u16(), other.json()["code"].as_str()), (422, Some("idempotency_key_reused")));
    // Somebody else's key of the same name is another.
    let stranger = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    assert_eq!(stranger.send("POST", "", &once, &body).await.header("idempotency-replayed"), "");
    let rotate = format!("/{}/rotate", shown["id"].as_str().unwrap());
    let rotated = holder.send("POST", &rotate, &once, "{}").await;
    let replayed = holder.send("POST", &rotate, &once, "{}").await;
    assert_eq!((rotated.status.as_u16(), replayed.header("idempotency-replayed")), (201, "true"), "{}", replayed.body);
    assert_eq!(holder.send("POST", "", &[("idempotency-key", "a b")], &body).await.status, 400);
}

#[tokio::test]
async fn many_at_once_with_one_idempotency_key_make_one_key() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    let body = named("storm", &["tasks:read"]).to_string();
    let sent = (0..16).map(|_| holder.send("POST", "", &[("idempotency-key", "storm")], &body));
    let replies = futures_util::future::join_all(sent).await;
    let shown = replies.iter().filter(|reply| reply.json()["key"].is_string()).count();
    assert_eq!(shown, 1);
    assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status.as_u16())));
    let listed = holder.get("?name=storm").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}
