//! Product API: live and test keys with an upstream each, permissions by resource and action.

use serde_json::json;

use crate::harness::{Bitting, Client, Reply, Upstream, document, get, request};

async fn start() -> (Bitting, Upstream, Upstream) {
    let (production, sandbox) = (Upstream::start().await, Upstream::start().await);
    let upstream =
        format!("api.product-api.upstream={{ live = \"{}\", test = \"{}\" }}", production.origin(), sandbox.origin());
    (Bitting::example_with("product-api", &[upstream]), production, sandbox)
}

async fn ask(bitting: &Bitting, method: &str, path: &str, key: &str) -> Reply {
    request(bitting.gateway, method, path, &[("authorization", &format!("Bearer {key}"))], "").await
}

#[tokio::test]
async fn pa7_test_keys_reach_the_sandbox_and_never_production() {
    let (bitting, production, sandbox) = start().await;
    let live = bitting.key(&["--environment", "live", "--permission", "admin:*"]).key;
    let test = bitting.key(&["--environment", "test", "--permission", "admin:*"]).key;
    assert!(live.starts_with("sk_live_") && test.starts_with("sk_test_"));
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for path in ["/v1/tasks", "/v1/projects/7", "/v1/users/7", "/anything"] {
            assert_eq!(ask(&bitting, method, path, &test).await.status, 200, "{method} {path}");
        }
    }
    assert!(production.requests().is_empty());
    assert_eq!(sandbox.requests().len(), 20);
    assert_eq!(ask(&bitting, "GET", "/v1/tasks", &live).await.status, 200);
    assert_eq!((production.requests().len(), sandbox.requests().len()), (1, 20));
    assert_eq!(production.last().header("bitting-environment"), "live");
}

#[tokio::test]
async fn pa8_each_permission_opens_what_it_says_and_nothing_else() {
    let (bitting, _production, _sandbox) = start().await;
    let (reads, writes) = (&["GET", "HEAD"][..], &["POST", "PUT", "PATCH"][..]);
    let table = [
        ("tasks:read", "/v1/tasks", reads),
        ("projects:read", "/v1/projects", reads),
        ("users:read", "/v1/users", reads),
        ("tasks:write", "/v1/tasks", writes),
        ("projects:write", "/v1/projects", writes),
        ("users:write", "/v1/users", writes),
        ("tasks:delete", "/v1/tasks", &["DELETE"]),
        ("projects:delete", "/v1/projects", &["DELETE"]),
    ];
    for (permission, opens, methods) in table {
        let key = bitting.key(&["--permission", permission]).key;
        for path in ["/v1/tasks", "/v1/projects", "/v1/users"] {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
                for path in [path.to_owned(), format!("{path}/7")] {
                    let reply = ask(&bitting, method, &path, &key).await;
                    let allowed = path.starts_with(opens) && methods.contains(&method);
                    assert_eq!(reply.status, if allowed { 200 } else { 403 }, "{permission}: {method} {path}");
                }
            }
        }
        assert_eq!(ask(&bitting, "GET", "/v1/invoices", &key).await.status, 403, "{permission}");
    }
}

#[tokio::test]
async fn pa8_admin_opens_everything_and_deleting_users_needs_it() {
    let (bitting, _production, _sandbox) = start().await;
    let admin = bitting.key(&["--permission", "admin:*"]).key;
    let all_but = ["tasks:*", "projects:*", "users:*"].map(|permission| ["--permission", permission]).concat();
    let all_but = bitting.key(&all_but).key;
    for method in ["GET", "POST", "DELETE"] {
        for path in ["/v1/tasks", "/v1/users/7", "/v1/invoices", "/"] {
            assert_eq!(ask(&bitting, method, path, &admin).await.status, 200, "{method} {path}");
        }
    }
    assert_eq!(ask(&bitting, "DELETE", "/v1/users/7", &all_but).await.status, 403);
    assert_eq!(ask(&bitting, "DELETE", "/v1/users/7", &admin).await.status, 200);
}

#[tokio::test]
async fn pa8_unknown_permission_names_are_refused_with_the_known_ones() {
    let (bitting, _production, _sandbox) = start().await;
    for unknown in ["tasks:fly", "invoices:read", "admin:read", "tasks"] {
        let output = bitting.command(&["keys", "create", "--name", "x", "--permission", unknown]);
        assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{unknown}");
        assert!(output.stderr.contains(unknown) && output.stderr.contains("tasks:read"), "{}", output.stderr);
    }
    assert_eq!(bitting.json(&["keys", "list"]), json!([]));
}

#[tokio::test]
async fn pa8_without_a_choice_a_key_gets_the_apis_default_permissions() {
    let (bitting, _production, _sandbox) = start().await;
    assert_eq!(bitting.key(&[]).row["permissions"], json!(["tasks:read", "projects:read", "users:read"]));
}

#[tokio::test]
async fn pa12_a_key_is_made_with_its_expiry() {
    let (bitting, _production, _sandbox) = start().await;
    let key = bitting.key(&["--expires", "2099-10-14T00:00:00Z"]);
    assert_eq!(key.row["expires_at"], "2099-10-14T00:00:00Z");
    assert_eq!(ask(&bitting, "GET", "/v1/tasks", &key.key).await.status, 200);
    assert!(bitting.key(&[]).row["expires_at"].is_null());
    let past = bitting.command(&["keys", "create", "--name", "x", "--expires", "2020-01-01"]);
    assert!(past.code == 5 && past.stderr.contains("expires_at: it must lie in the future"), "{}", past.stderr);
}

#[tokio::test]
async fn pa14_no_key_or_a_bad_one_is_401_with_a_message() {
    let (bitting, production, _sandbox) = start().await;
    let revoked = bitting.key(&[]);
    bitting.revoke(&revoked);
    for value in [
        "",
        "sk_live_abc123",
        "Bearer abc123",
        "Bearer sk_live_abc123",
        &format!("Bearer {}", revoked.key),
        // The document's first "wrong format": a good token without "Bearer".
        &bitting.key(&[]).key,
    ] {
        let reply = get(bitting.gateway, "/v1/tasks", &[("authorization", value)]).await;
        assert_eq!(reply.status, 401, "{value:?}");
        assert!(reply.json()["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert!(reply.header("www-authenticate").starts_with("Bearer realm="));
    }
    assert!(production.requests().is_empty());
}

#[tokio::test]
async fn pa14_a_missing_permission_is_403_with_a_message() {
    let (bitting, _production, _sandbox) = start().await;
    let reply = ask(&bitting, "POST", "/v1/tasks", &bitting.key(&[]).key).await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json()["message"], "The API key lacks tasks:write.");
}

#[tokio::test]
async fn pa15_the_documents_get_snippets_run() {
    let (bitting, _production, _sandbox) = start().await;
    let key = bitting.key(&[]).key;
    let code = |name: &str| document(name).replace("https://api.example.com", &bitting.origin()).replace("YOUR_API_KEY", &key);
    assert_eq!(Client::Curl.run(&code("product-api/curl.sh"), &[]).await, "{\"ok\":true}\n200\n");
    let python = code("product-api/requests.py") + "print(response.status_code, response.json())\n";
    assert_eq!(Client::Python.run(&python, &[]).await, "200 {'ok': True}\n");
    let node = code("product-api/fetch.mjs") + "console.log(response.status, await response.json());\n";
    assert_eq!(Client::Node.run(&node, &[]).await, "200 { ok: true }\n");
}

#[tokio::test]
async fn pa15_the_documents_complete_example_reads_answers_and_errors() {
    let (bitting, _production, _sandbox) = start().await;
    let key = bitting.key(&[]).key;
    let code = document("product-api/complete.mjs").replace("https://api.example.com", &bitting.origin())
        + "console.log(tasks);\nmakeRequest('/tasks', { method: 'DELETE' }).catch((error) => console.log(error.message));\n";
    let printed = Client::Node.run(&code, &[("PRODUCT_API_KEY", &key)]).await;
    assert_eq!(printed, "{ ok: true }\nThe API key lacks tasks:delete.\n");
}

#[tokio::test]
async fn a_key_can_ask_who_it_is_on_the_path_that_the_api_leaves_to_bitting() {
    let (bitting, production, _sandbox) = start().await;
    let key = bitting.key(&["--permission", "tasks:read", "--expires", "2099-01-01T00:00:00Z"]);
    let reply = ask(&bitting, "GET", "/v1/whoami", &key.key).await;
    let told = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!((&told["id"], &told["account"], &told["environment"]), (&json!(key.id), &json!("default"), &json!("live")));
    assert_eq!((&told["permissions"], &told["expires_at"]), (&json!(["tasks:read"]), &json!("2099-01-01T00:00:00Z")));
    assert!(!reply.body.contains(&key.key));
    assert_eq!(get(bitting.gateway, "/v1/whoami", &[]).await.status, 401);
    // Other methods there are the upstream's, under the rule for everything else.
    assert_eq!(ask(&bitting, "POST", "/v1/whoami", &key.key).await.status, 403);
    assert!(production.requests().is_empty());
}
