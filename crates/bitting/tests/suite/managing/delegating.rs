//! Keys that manage keys: nothing that exceeds themselves, neither directly nor in two steps.

use serde_json::{Value, json};

use super::{Manager, manager_key, named, start};
use crate::harness::{Bitting, get};

fn is_too_much(status: u16, body: &Value) -> bool {
    status == 403 && body["code"] == "insufficient_permission"
}

#[tokio::test]
async fn pa8_a_key_cannot_hand_out_what_it_lacks() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:read", "--expires", "90d", "--allow-address", "127.0.0.0/8"]);
    let holder = Manager::holder(&bitting, &own.key);
    let bounds = json!({"allowed_addresses": ["127.0.0.1"], "expires_at": own.row["expires_at"]});
    let asking = |more: Value| {
        let mut body = json!({"name": "child"});
        for (name, value) in bounds.as_object().unwrap().iter().chain(more.as_object().unwrap()) {
            body[name] = value.clone();
        }
        body
    };
    for more in [
        json!({"permissions": ["tasks:write"]}),
        json!({"permissions": ["tasks:*"]}),
        json!({"permissions": ["*:*"]}),
        json!({"permissions": ["admin:*"]}),
        json!({"permissions": ["tasks:read", "users:read"]}),
        json!({"allowed_addresses": ["127.0.0.1", "10.0.0.1"]}),
        json!({"allowed_addresses": ["0.0.0.0/0"]}),
        json!({"expires_at": "2099-01-01T00:00:00Z"}),
        json!({"environment": "test"}),
    ] {
        let reply = holder.post("", &asking(more.clone())).await;
        assert!(is_too_much(reply.status.as_u16(), &reply.json()), "{more}: {}", reply.body);
    }
    let elsewhere = holder.post("", &asking(json!({"account": "other"}))).await;
    assert_eq!(elsewhere.status, 400);
    assert_eq!(holder.post("", &asking(json!({"permissions": ["tasks:read", "api-keys:write"]}))).await.status, 201);
    // What is left out takes the maker's bounds.
    let made = holder.post("", &json!({"name": "plain"})).await.json();
    assert_eq!((&made["expires_at"], &made["allowed_addresses"]), (&own.row["expires_at"], &json!(["127.0.0.0/8"])));
}

#[tokio::test]
async fn pa8_a_key_without_the_permission_manages_nothing() {
    let (bitting, production, _sandbox) = start().await;
    let reader = Manager::holder(&bitting, &bitting.key(&["--permission", "api-keys:read", "--permission", "tasks:*"]).key);
    let other = bitting.key(&["--permission", "tasks:read"]);
    let none = Manager::holder(&bitting, &other.key);
    assert_eq!(reader.get("").await.status, 200);
    for (method, below, body) in [
        ("POST", String::new(), "{\"name\": \"x\"}"),
        ("PATCH", format!("/{}", other.id), "{\"name\": \"x\"}"),
        ("DELETE", format!("/{}", other.id), ""),
        ("POST", format!("/{}/rotate", other.id), "{}"),
    ] {
        assert_eq!(reader.send(method, &below, &[], body).await.status, 403, "{method}");
        assert_eq!(none.send(method, &below, &[], body).await.status, 403, "{method}");
    }
    assert_eq!(none.get("").await.status, 403);
    assert_eq!(get(bitting.gateway, "/v1/api-keys", &[]).await.status, 401);
    assert!(production.requests().is_empty(), "the paths are Bitting's");
}

#[tokio::test]
async fn a_stronger_key_is_neither_changed_nor_rotated_nor_enabled_again() {
    let (bitting, _production, _sandbox) = start().await;
    let weak = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    let strong = bitting.key(&["--permission", "admin:*"]);
    let rotate = weak.post(&format!("/{}/rotate", strong.id), &json!({"overlap": "1h"})).await;
    assert!(is_too_much(rotate.status.as_u16(), &rotate.json()) && !rotate.body.contains("sk_live_"), "{}", rotate.body);
    for body in
        [json!({"name": "mine"}), json!({"enabled": false}), json!({"permissions": ["tasks:read"]}), json!({"metadata": {}})]
    {
        let reply = weak.patch(&strong.id, &body).await;
        assert!(is_too_much(reply.status.as_u16(), &reply.json()), "{body}: {}", reply.body);
    }
    bitting.json(&["keys", "update", &strong.id, "--disable"]);
    assert_eq!(weak.patch(&strong.id, &json!({"enabled": true})).await.status, 403);
    // Whoever finds that it has leaked may end it.
    assert_eq!(weak.delete(&format!("/{}", strong.id)).await.status, 200);
}

#[tokio::test]
async fn two_steps_lead_no_further_than_one() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:*", "--expires", "30d"]);
    let holder = Manager::holder(&bitting, &own.key);
    let (child_key, child) = holder.make(&named("child", &["tasks:read", "api-keys:read", "api-keys:write"])).await;
    // A weak key that is widened afterwards.
    assert_eq!(holder.patch(&child, &json!({"permissions": ["users:read"]})).await.status, 403);
    assert_eq!(holder.patch(&child, &json!({"expires_at": null})).await.status, 403);
    assert_eq!(holder.patch(&child, &json!({"permissions": ["tasks:*", "api-keys:read", "api-keys:write"]})).await.status, 200);
    // A child that makes what its maker could not.
    let by_child = Manager::holder(&bitting, &child_key);
    assert_eq!(by_child.post("", &named("grandchild", &["users:read"])).await.status, 403);
    assert_eq!(by_child.post("", &json!({"name": "forever", "expires_at": "2099-01-01T00:00:00Z"})).await.status, 403);
    // A child that widens its maker, or lengthens its life.
    assert_eq!(by_child.patch(&own.id, &json!({"expires_at": null})).await.status, 403);
    assert_eq!(holder.patch(&own.id, &json!({"expires_at": null})).await.status, 403);
    assert_eq!(holder.patch(&own.id, &json!({"permissions": ["admin:*"]})).await.status, 403);
    // A rotation that outlives the key that asks for it.
    let rotated = holder.post(&format!("/{}/rotate", own.id), &json!({"overlap": "1h", "expires_at": null})).await;
    assert_eq!(rotated.status, 403, "{}", rotated.body);
    let rotated = holder.post(&format!("/{child}/rotate"), &json!({"overlap": "1h"})).await.json();
    assert!(rotated["expires_at"].as_str().unwrap() <= own.row["expires_at"].as_str().unwrap(), "{rotated}");
}

#[tokio::test]
async fn a_key_that_narrows_or_ends_itself_is_answered_and_then_held_to_it() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:read"]);
    let holder = Manager::holder(&bitting, &own.key);
    let reply = holder.patch(&own.id, &json!({"permissions": ["tasks:read", "api-keys:read"]})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(holder.patch(&own.id, &json!({"name": "x"})).await.status, 403);
    let other = manager_key(&bitting, &[]);
    let ending = Manager::holder(&bitting, &other.key);
    assert_eq!(ending.delete(&format!("/{}", other.id)).await.status, 200);
    assert_eq!(ending.get("").await.status, 401);
}

#[tokio::test]
async fn a_leaked_key_ends_with_everything_that_it_has_made() {
    let (bitting, _production, _sandbox) = start().await;
    let permissions = ["tasks:read", "api-keys:read", "api-keys:write"];
    let own = manager_key(&bitting, &["--permission", "tasks:read"]);
    let (child_key, child) = Manager::holder(&bitting, &own.key).make(&named("child", &permissions)).await;
    let (_, grandchild) = Manager::holder(&bitting, &child_key).make(&named("grandchild", &permissions)).await;
    let (bystander, _) = Manager::holder(&bitting, &manager_key(&bitting, &[]).key).make(&named("bystander", &[])).await;
    let operator = Manager::operator(&bitting, &["keys:write", "keys:read"]);
    let reply = operator.delete(&format!("/{}?descendants=true", own.id)).await.json();
    let mut ended: Vec<&str> = reply["descendants"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    ended.sort_unstable();
    let mut expected = [child.as_str(), grandchild.as_str()];
    expected.sort_unstable();
    assert_eq!(ended, expected);
    assert_eq!(works(&bitting, &child_key).await, 401);
    assert_eq!(works(&bitting, &bystander).await, 403);
}

async fn works(bitting: &Bitting, key: &str) -> u16 {
    get(bitting.gateway, "/v1/tasks", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16()
}

#[tokio::test]
async fn a_key_that_is_narrowed_while_it_makes_others_makes_none_that_exceed_it() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:*"]);
    let holder = Manager::holder(&bitting, &own.key);
    let operator = Manager::operator(&bitting, &["keys:write", "keys:read"]);
    let (wide, narrow) = (json!(["api-keys:read", "api-keys:write", "tasks:*"]), json!(["api-keys:read", "api-keys:write"]));
    for _ in 0..10 {
        let body = named("raced", &["tasks:write"]);
        let narrowed = json!({"permissions": narrow});
        let (made, changed) = tokio::join!(holder.post("", &body), operator.patch(&own.id, &narrowed));
        assert_eq!(changed.status, 200);
        let sequence = |etag: &str| etag.trim_matches('"').parse::<u64>().unwrap();
        match made.status.as_u16() {
            // Made before it was narrowed.
            201 => assert!(sequence(made.header("etag")) < sequence(changed.header("etag"))),
            403 | 409 => {}
            other => panic!("{other}: {}", made.body),
        }
        assert_eq!(operator.patch(&own.id, &json!({"permissions": wide})).await.status, 200);
    }
}
