//! Backboard: `X-API-Key`, and one answer for every refusal.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Bitting, Client, Reply, Upstream, document, get, request};

async fn start() -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    (Bitting::example("backboard", &upstream), upstream)
}

/// The document's code with this server and this key in it.
fn code(name: &str, bitting: &Bitting, key: &str) -> String {
    document(name).replace("https://app.backboard.io", &bitting.origin()).replace("your_api_key", key)
}

#[tokio::test]
async fn bb1_the_key_travels_in_x_api_key_on_every_method_and_path_whatever_its_case() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"] {
        for (name, path) in [("X-API-Key", "/api/assistants"), ("x-api-key", "/"), ("X-Api-KEY", "/any/where?at=all")] {
            let reply = request(bitting.gateway, method, path, &[(name, &key.key)], "").await;
            assert_eq!(reply.status, 200, "{method} {path}");
            let seen = upstream.last();
            assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, path));
            assert!(!seen.holds(&key.key), "{method} {path}: the key went on to the upstream");
        }
    }
}

#[tokio::test]
async fn bb1_no_other_carrier_admits() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]).key;
    let bearer = format!("Bearer {key}");
    let cookie = format!("X-API-Key={key}");
    for headers in [
        &[("authorization", &*bearer)][..],
        &[("cookie", &cookie)],
        &[("api-key", &key)],
        &[("x-apikey", &key)],
        &[("x_api_key", &key)],
        &[],
    ] {
        for target in ["/api/assistants", &format!("/api/assistants?api_key={key}&X-API-Key={key}")] {
            let reply = get(bitting.gateway, target, headers).await;
            assert_eq!(reply.status, 401, "{headers:?} {target}");
        }
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn bb2_status_headers_and_body_come_back_unchanged_beside_the_request_id_and_what_caches_need() {
    let upstream = Upstream::answering(|_| {
        http::Response::builder()
            .status(218)
            .header("content-type", "application/vnd.odd+json")
            .header("x-custom", "one")
            .header("x-custom", "two")
            .header("etag", "\"abc\"")
            .header("date", "Tue, 15 Nov 1994 08:12:31 GMT")
            .header("connection", "x-hop")
            .header("x-hop", "not end to end")
            .body("{\"odd\":  [1, 2,3] }\n".into())
            .unwrap()
    })
    .await;
    let bitting = Bitting::example("backboard", &upstream);
    let key = bitting.key(&[]).key;
    let reply = get(bitting.gateway, "/api/assistants", &[("X-API-Key", &key)]).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (218, "{\"odd\":  [1, 2,3] }\n"));
    let names: BTreeSet<&str> = reply.headers.keys().map(http::HeaderName::as_str).collect();
    let own = ["cache-control", "vary", "x-request-id"];
    let expected = ["content-length", "content-type", "date", "etag", "x-custom"];
    assert_eq!(names, expected.into_iter().chain(own).collect());
    assert_eq!((reply.header("cache-control"), reply.header("vary")), ("private", "x-api-key"));
    assert_eq!(reply.headers.get_all("x-custom").iter().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(reply.header("date"), "Tue, 15 Nov 1994 08:12:31 GMT");
    assert_eq!(reply.header("x-request-id"), upstream.last().header("x-request-id"));
}

#[tokio::test]
async fn bb3_without_a_key_the_answer_is_exactly_the_documents() {
    let (bitting, _upstream) = start().await;
    let reply = get(bitting.gateway, "/api/assistants", &[]).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.body, r#"{"detail": "Invalid or missing API key"}"#);
    assert_eq!(reply.header("content-type"), "application/json");
}

#[tokio::test]
async fn bb4_a_caller_cannot_tell_why_a_key_was_refused() {
    let (bitting, upstream) = start().await;
    let (revoked, disabled, suspended) = (bitting.key(&[]), bitting.key(&[]), {
        bitting.json(&["accounts", "create", "gone"]);
        bitting.key(&["--account", "gone"])
    });
    bitting.revoke(&revoked);
    bitting.json(&["keys", "update", &disabled.id, "--disable"]);
    bitting.json(&["accounts", "update", "gone", "--suspend"]);
    let (one, two) = (bitting.key(&[]), bitting.key(&[]));
    let last = if one.key.ends_with('A') { 'B' } else { 'A' };
    let malformed = format!("{}{last}", &one.key[..31]);
    // Of the same form as a key, checksum and all, but never issued here: issued elsewhere.
    let elsewhere = Bitting::example("backboard", &upstream).key(&[]);
    let mut answers: Vec<(&str, Reply)> = Vec::new();
    for (what, headers) in [
        ("missing", &[][..]),
        ("empty", &[("X-API-Key", "")]),
        ("unknown", &[("X-API-Key", &*elsewhere.key)]),
        ("revoked", &[("X-API-Key", &*revoked.key)]),
        ("disabled", &[("X-API-Key", &*disabled.key)]),
        ("suspended", &[("X-API-Key", &*suspended.key)]),
        ("malformed", &[("X-API-Key", &*malformed)]),
        ("short", &[("X-API-Key", "x")]),
        ("doubled", &[("X-API-Key", &*one.key), ("X-API-Key", &*two.key)]),
    ] {
        let mut reply = get(bitting.gateway, "/api/assistants", headers).await;
        // These differ between any two answers.
        assert!(reply.headers.remove("x-request-id").is_some());
        reply.headers.remove("date");
        answers.push((what, reply));
    }
    let (_, first) = &answers[0];
    assert!(first.headers.contains_key("www-authenticate"));
    for (what, reply) in &answers {
        assert_eq!(reply, first, "{what}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn bb6_a_rotated_key_gives_way_to_the_new_one() {
    let (bitting, _upstream) = start().await;
    let old = bitting.key(&[]);
    let ask = async |key: &str| get(bitting.gateway, "/api/assistants", &[("X-API-Key", key)]).await.status.as_u16();
    let new = bitting.json(&["keys", "rotate", &old.id]);
    let new = new["key"].as_str().unwrap();
    bitting.traces.issued(new);
    assert_eq!((ask(&old.key).await, ask(new).await), (401, 200));
}

#[tokio::test]
async fn bb7_keys_of_three_environments_are_told_apart_though_they_look_alike() {
    let (bitting, upstream) = start().await;
    for environment in ["production", "staging", "development"] {
        let key = bitting.key(&["--environment", environment]);
        assert_eq!(get(bitting.gateway, "/", &[("X-API-Key", &key.key)]).await.status, 200);
        assert_eq!(upstream.last().header("bitting-environment"), environment);
    }
    let list = bitting.json(&["keys", "list"]);
    let environments: Vec<&Value> = list.as_array().unwrap().iter().map(|row| &row["environment"]).collect();
    assert_eq!(environments, [&json!("development"), &json!("staging"), &json!("production")]);
}

#[tokio::test]
async fn bb8_the_documents_curl_python_and_node_snippets_work() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]).key;
    let curl = Client::Curl.run(&code("backboard/curl.sh", &bitting, &key), &[]).await;
    assert_eq!(curl, "{\"ok\":true}\n200\n");
    let python = code("backboard/requests.py", &bitting, &key) + "print(response.status_code, response.json())\n";
    assert_eq!(Client::Python.run(&python, &[]).await, "200 {'ok': True}\n");
    let node = code("backboard/fetch.mjs", &bitting, &key) + "console.log(response.status, await response.json());\n";
    assert_eq!(Client::Node.run(&node, &[]).await, "200 { ok: true }\n");
    assert_eq!(upstream.requests().len(), 3);
}

#[tokio::test]
async fn bb8_the_documents_clients_read_their_refusal() {
    let (bitting, _upstream) = start().await;
    let curl = Client::Curl.run(&code("backboard/curl.sh", &bitting, "wrong"), &[]).await;
    assert_eq!(curl, "{\"detail\": \"Invalid or missing API key\"}\n401\n");
    let python = code("backboard/requests.py", &bitting, "wrong") + "print(response.status_code, response.json()['detail'])\n";
    assert_eq!(Client::Python.run(&python, &[]).await, "401 Invalid or missing API key\n");
    let node =
        code("backboard/fetch.mjs", &bitting, "wrong") + "console.log(response.status, (await response.json()).detail);\n";
    assert_eq!(Client::Node.run(&node, &[]).await, "401 Invalid or missing API key\n");
}
