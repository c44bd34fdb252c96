//! Operators: tokens with permissions, perhaps for some APIs only, and what is written down of what they do.

use serde_json::{Value, json};

use super::{Manager, start};
use crate::harness::{Bitting, Upstream, get, request};

#[tokio::test]
async fn an_operator_does_what_the_token_permits_and_nothing_else() {
    let (bitting, _production, _sandbox) = start().await;
    let key = bitting.key(&["--permission", "tasks:read"]);
    let accounts = "/v1/apis/product-api/accounts";
    let asked: [(&str, &str, String, &str); 8] = [
        ("keys:read", "GET", String::new(), ""),
        ("keys:read", "GET", format!("/{}", key.id), ""),
        ("keys:write", "POST", String::new(), "{\"name\": \"x\"}"),
        ("keys:write", "PATCH", format!("/{}", key.id), "{\"name\": \"y\"}"),
        ("accounts:read", "GET", accounts.to_owned(), ""),
        ("accounts:write", "POST", accounts.to_owned(), "{\"id\": \"acme\"}"),
        ("audit:read", "GET", "/v1/apis/product-api/audit-log".to_owned(), ""),
        ("keys:write", "DELETE", format!("/{}", key.id), ""),
    ];
    for (needed, method, below, body) in &asked {
        for permission in ["keys:read", "keys:write", "accounts:read", "accounts:write", "audit:read", "verify"] {
            let is_it = permission == *needed;
            // What succeeds once would be another request the second time.
            if is_it || *method == "GET" || method.len() > 4 {
                let reply = Manager::operator(&bitting, &[permission]).send(method, below, &[], body).await;
                assert_eq!(reply.status.as_u16() < 300, is_it, "{permission}: {method} {below}: {}", reply.body);
                assert!(is_it || reply.status == 403, "{permission}: {method} {below}: {}", reply.body);
            }
        }
    }
    assert_eq!(get(bitting.service, "/v1/apis/product-api/api-keys", &[]).await.status, 401);
    // A key of the API is no token, and an operator's token is no key of the API.
    let of_api = [("authorization", &*format!("Bearer {}", key.key))];
    assert_eq!(get(bitting.service, "/v1/apis/product-api/api-keys", &of_api).await.status, 401);
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let token = [("authorization", &*operator.bearer)];
    assert_eq!(get(bitting.gateway, "/v1/api-keys", &token).await.status, 401);
    assert_eq!(get(bitting.gateway, "/v1/apis/product-api/api-keys", &token).await.status, 401);
}

#[tokio::test]
async fn a_token_can_be_limited_to_some_apis() {
    let upstream = Upstream::start().await;
    let api = |name: &str| {
        format!(
            "[[api]]\nname = \"{name}\"\nhosts = [\"{name}.example\"]\nupstream = \"{}\"\nkey = {{ prefix = \"{name}_\" }}\n",
            upstream.origin()
        )
    };
    let bitting = Bitting::with_config(&(api("shop") + &api("bank")));
    let limited = bitting.key(&["--api", "bitting", "--permission", "shop:keys:*", "--permission", "shop:verify"]).key;
    let bearer = format!("Bearer {limited}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    for (path, status) in [("/v1/apis/shop/api-keys", 200), ("/v1/apis/bank/api-keys", 403), ("/v1/apis/moon/api-keys", 404)] {
        assert_eq!(get(bitting.service, path, &headers).await.status, status, "{path}");
    }
    for (name, status) in [("shop", 200), ("bank", 403)] {
        let asked = json!({"api": name, "method": "GET", "path": "/", "key": "x"}).to_string();
        assert_eq!(request(bitting.service, "POST", "/v1/verify", &headers, &asked).await.status, status, "{name}");
    }
    // Bitting's own tokens are made on the machine that holds the store.
    assert_eq!(get(bitting.service, "/v1/apis/bitting/api-keys", &headers).await.status, 404);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_who_from_where_and_what_but_no_secret() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "audit:read"]);
    let (key, id) = operator.make(&json!({"name": "audited", "permissions": ["tasks:read"]})).await;
    let changed = operator.patch(&id, &json!({"permissions": ["tasks:read", "tasks:write"]})).await;
    operator.delete(&format!("/{id}")).await;
    let log = operator.get(&format!("/v1/apis/product-api/audit-log?subject={id}")).await;
    let entries: Vec<Value> = log.json()["data"].as_array().unwrap().clone();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key.revoked", "key.updated", "key.created"]);
    let update = &entries[1];
    assert_eq!((&update["address"], &update["request_id"]), (&json!("127.0.0.1"), &json!(changed.header("x-request-id"))));
    assert!(update["actor"].as_str().unwrap().starts_with("key_"));
    assert_eq!(
        (&update["before"]["permissions"], &update["after"]["permissions"]),
        (&json!(["tasks:read"]), &json!(["tasks:read", "tasks:write"]))
    );
    assert!(!log.body.contains(&key) && !log.body.contains("digest"));
    let by = |query: &str| format!("/v1/apis/product-api/audit-log?{query}");
    let actor = update["actor"].as_str().unwrap();
    for (query, count) in [
        (format!("actor={actor}"), 3),
        (format!("actor={actor}&action=key.revoked"), 1),
        ("action=key.renamed".to_owned(), 0),
        ("until=2020-01-01T00:00:00Z".to_owned(), 0),
        (format!("subject={id}&from=2020-01-01T00:00:00Z&limit=2"), 2),
    ] {
        assert_eq!(operator.get(&by(&query)).await.json()["data"].as_array().unwrap().len(), count, "{query}");
    }
    assert_eq!(operator.get(&by("from=yesterday")).await.status, 400);
}

#[tokio::test]
async fn accounts_are_made_suspended_and_listed() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*", "accounts:*"]);
    let accounts = "/v1/apis/product-api/accounts";
    let made = operator.post(accounts, &json!({"id": "acme", "name": "Acme Inc."})).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, "/v1/apis/product-api/accounts/acme"));
    assert_eq!(operator.post(accounts, &json!({"id": "acme"})).await.status, 409);
    assert_eq!(operator.post(accounts, &json!({"id": "a b"})).await.status, 400);
    let (key, _) = operator.make(&json!({"name": "x", "account": "acme", "permissions": ["tasks:read"]})).await;
    let works =
        async || get(bitting.gateway, "/v1/tasks", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16();
    assert_eq!(works().await, 200);
    let seen = operator.get(&format!("{accounts}/acme")).await.header("etag").to_owned();
    let suspended = operator.send("PATCH", &format!("{accounts}/acme"), &[("if-match", &seen)], "{\"enabled\": false}").await;
    assert_eq!((suspended.status.as_u16(), &suspended.json()["status"]), (200, &json!("suspended")));
    assert_eq!(works().await, 401);
    assert_eq!(
        operator.send("PATCH", &format!("{accounts}/acme"), &[("if-match", &seen)], "{\"enabled\": true}").await.status,
        412
    );
    let page = operator.get(&format!("{accounts}?limit=1")).await.json();
    assert_eq!((page["data"][0]["id"].as_str(), &page["has_more"]), (Some("acme"), &json!(false)));
    assert_eq!(operator.get(&format!("{accounts}/nobody")).await.status, 404);
    assert_eq!(operator.post("", &json!({"name": "x", "account": "nobody"})).await.status, 404);
}

#[tokio::test]
async fn keys_are_ended_in_bulk_after_a_look_at_how_many() {
    let (bitting, _production, _sandbox) = start().await;
    let operator = Manager::operator(&bitting, &["keys:*"]);
    let mut kept = Vec::new();
    for number in 0..5 {
        operator.make(&json!({"name": format!("leaver {number}"), "permissions": ["tasks:read"]})).await;
        kept = vec![operator.make(&json!({"name": "stays", "permissions": ["tasks:read"]})).await.0];
    }
    let bulk = "/v1/apis/product-api/api-keys:revoke";
    let dry = operator.post(bulk, &json!({"filter": {"name": "leaver"}, "dry_run": true})).await.json();
    assert_eq!((&dry["matched"], &dry["revoked"]), (&json!(5), &json!(0)));
    let done = operator.post(bulk, &json!({"filter": {"name": "leaver"}})).await.json();
    assert_eq!((&done["matched"], &done["revoked"]), (&json!(5), &json!(5)));
    let again = operator.post(bulk, &json!({"filter": {"name": "leaver"}})).await.json();
    assert_eq!(again["matched"], 0);
    assert_eq!(operator.post(bulk, &json!({"filter": {}})).await.status, 400);
    assert_eq!(operator.post(bulk, &json!({"filter": {"nmae": "x"}})).await.status, 400);
    assert_eq!(get(bitting.gateway, "/v1/tasks", &[("authorization", &format!("Bearer {}", kept[0]))]).await.status, 200);
}
