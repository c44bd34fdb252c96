//! The documents' own requests that manage keys, as they stand there, and their promises about management.

use serde_json::{Value, json};

use super::{Manager, manager_key, named, start};
use crate::harness::{Bitting, Issued, Reply, Upstream, document, get, request};

/// A snippet of the document, sent with the given key about the given one. Times that have passed since it was written are
/// moved into the future.
async fn send(bitting: &Bitting, name: &str, key: &str, about: &str) -> Reply {
    let text = document(&format!("product-api/{name}.http")).replace("key_123", about).replace("\"2025-", "\"2095-");
    let text = text.replace("\"2026-", "\"2096-");
    let (line, rest) = text.split_once('\n').unwrap();
    let (method, path) = line.split_once(' ').unwrap();
    let body = rest.find('{').map_or("", |at| &rest[at..]);
    let bearer = format!("Bearer {key}");
    let mut headers = vec![("authorization", &*bearer)];
    if rest.contains("Content-Type: application/json") {
        headers.push(("content-type", "application/json"));
    }
    let reply = request(bitting.gateway, method, path, &headers, body).await;
    if let Some(key) = reply.json()["key"].as_str() {
        bitting.traces.issued(key);
    }
    reply
}

#[tokio::test]
async fn pa15_the_documents_snippets_that_manage_keys_run_as_they_stand() {
    let (bitting, _production, _sandbox) = start().await;
    let own = manager_key(&bitting, &["--permission", "tasks:*", "--permission", "projects:read"]);
    let made = send(&bitting, "create", &own.key, "").await;
    assert_eq!((made.status.as_u16(), &made.json()["expires_at"]), (201, &json!("2096-10-14T00:00:00Z")));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let readers = send(&bitting, "read-only", &own.key, "").await.json();
    assert_eq!(readers["permissions"], json!(["tasks:read", "projects:read"]));
    assert_eq!(send(&bitting, "temporary", &own.key, "").await.json()["expires_at"], json!("2095-12-31T23:59:59Z"));
    let listed = send(&bitting, "list", &own.key, "").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 4);
    assert_eq!(send(&bitting, "update", &own.key, &id).await.json()["name"], json!("Production App (updated)"));
    assert_eq!(send(&bitting, "extend", &own.key, &id).await.json()["expires_at"], json!("2096-12-31T23:59:59Z"));
    let shown = send(&bitting, "show", &own.key, &id).await.json();
    assert_eq!(shown["permissions"], json!(["tasks:read", "tasks:write", "projects:read"]));
    let ended = send(&bitting, "revoke", &own.key, &id).await;
    assert_eq!((ended.status.as_u16(), &ended.json()["id"]), (200, &json!(id)));
}

#[tokio::test]
async fn pa7_test_keys_manage_test_keys_only() {
    let (bitting, _production, _sandbox) = start().await;
    let (live, test) = (manager_key(&bitting, &[]), manager_key(&bitting, &["--environment", "test"]));
    let holder = Manager::holder(&bitting, &test.key);
    let (made, id) = holder.make(&named("sandboxed", &[])).await;
    assert!(made.starts_with("sk_test_"));
    let listed = holder.get("").await.body;
    assert!(listed.contains(&id) && listed.contains(&test.id) && !listed.contains(&live.id));
    assert_eq!(holder.delete(&format!("/{}", live.id)).await.status, 404);
    assert_eq!(holder.post("", &json!({"name": "x", "environment": "live"})).await.status, 403);
}

/// An operator of an API, on the service listener.
fn operator(bitting: &Bitting, api: &str) -> Manager {
    let token = bitting.key(&["--api", "bitting", "--permission", "keys:read", "--permission", "keys:write"]).key;
    Manager::new(bitting.service, &format!("/v1/apis/{api}/api-keys"), &token, bitting)
}

async fn status(bitting: &Bitting, method: &str, path: &str, key: &str) -> u16 {
    request(bitting.gateway, method, path, &[("authorization", &format!("Bearer {key}"))], "").await.status.as_u16()
}

#[tokio::test]
async fn cs4_trading_is_switched_over_http_and_the_change_applies_at_once() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("csboard", &upstream);
    let operator = operator(&bitting, "csboard");
    let (key, id) = operator.make(&json!({"name": "bot"})).await;
    assert_eq!(operator.get(&format!("/{id}")).await.json()["capabilities"], json!([]));
    for on in [true, false, true] {
        assert_eq!(operator.patch(&id, &json!({"capabilities": {"trading": on}})).await.status, 200);
        assert_eq!(status(&bitting, "POST", "/v1/orders", &key).await, if on { 200 } else { 403 });
    }
    assert_eq!(operator.patch(&id, &json!({"capabilities": {"flying": true}})).await.status, 400);
    assert_eq!(operator.patch(&id, &json!({"capabilities": {"flying": false}})).await.status, 200);
}

#[tokio::test]
async fn cs8_revoking_one_key_over_http_leaves_the_accounts_others_working() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("csboard", &upstream);
    let operator = operator(&bitting, "csboard");
    let ((one, id), (other, _)) = (operator.make(&json!({"name": "one"})).await, operator.make(&json!({"name": "two"})).await);
    assert_eq!(operator.delete(&format!("/{id}")).await.status, 200);
    assert_eq!(status(&bitting, "GET", "/v1/listings", &one).await, 401);
    assert_eq!(status(&bitting, "GET", "/v1/listings", &other).await, 200);
}

#[tokio::test]
async fn lb9_a_key_revoked_over_http_is_refused_at_once_and_a_replacement_works() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("launchboard", &upstream);
    let operator = operator(&bitting, "launchboard");
    let (old, id) = operator.make(&json!({"name": "ci", "role": "viewer"})).await;
    assert_eq!(operator.delete(&format!("/{id}")).await.status, 200);
    assert_eq!(status(&bitting, "GET", "/api/v1/stakeholders", &old).await, 401);
    let (new, _) = operator.make(&json!({"name": "ci", "role": "viewer"})).await;
    assert_eq!(status(&bitting, "GET", "/api/v1/stakeholders", &new).await, 200);
}

#[tokio::test]
async fn what_an_api_asks_of_its_keys_holds_for_all_who_make_them() {
    let upstream = Upstream::start().await;
    let config = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\nkey = {{ prefix = \"shop_\" }}\n[api.policy]\nmax_lifetime = \"90d\"\n\
         expiry_required = true\naddresses_required = true\nname = \"[a-z-]+\"\nkeys_per_account = 2\n",
        upstream.origin()
    );
    let bitting = Bitting::with_config(&config);
    let far = "2099-01-01T00:00:00Z";
    let make = |name: &str| {
        bitting.command(&["keys", "create", "--name", name, "--json", "--expires", "80d", "--allow-address", "127.0.0.0/8"])
    };
    let keys = ["one", "two"].map(|name| {
        let output = make(name);
        let row: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
        bitting.traces.issued(row["key"].as_str().unwrap());
        Issued { key: row["key"].as_str().unwrap().to_owned(), id: row["id"].as_str().unwrap().to_owned(), row }
    });
    let third = make("three");
    assert!(third.code == 5 && third.stderr.contains("as many as it may have"), "{}", third.stderr);
    let operator = operator(&bitting, "shop");
    for (body, field) in [
        (json!({"name": "a", "allowed_addresses": ["127.0.0.1"]}), "expires_at"),
        (json!({"name": "a", "expires_at": far, "allowed_addresses": ["127.0.0.1"]}), "expires_at"),
        (json!({"name": "Not So", "allowed_addresses": ["127.0.0.1"]}), "name"),
        (json!({"name": "a"}), "allowed_addresses"),
    ] {
        let reply = operator.post("", &body).await;
        let told = reply.json();
        let fields: Vec<&Value> = told["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert!(reply.status == 400 && fields.contains(&&json!(field)), "{body}: {}", reply.body);
    }
    for body in
        [json!({"expires_at": far}), json!({"expires_at": null}), json!({"allowed_addresses": null}), json!({"name": "Not So"})]
    {
        assert_eq!(operator.patch(&keys[0].id, &body).await.status, 400, "{body}");
    }
    assert_eq!(get(bitting.gateway, "/", &[("authorization", &format!("Bearer {}", keys[0].key))]).await.status, 200);
}
