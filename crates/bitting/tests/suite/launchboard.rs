//! Launchboard: ordered roles, RFC 9457 errors, live and test keys.

use serde_json::json;

use crate::harness::{Bitting, Client, Reply, Upstream, document, get, request};

async fn start() -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    (Bitting::example("launchboard", &upstream), upstream)
}

const STAKEHOLDERS: &str = "/api/v1/stakeholders";

async fn ask(bitting: &Bitting, method: &str, path: &str, key: &str) -> Reply {
    request(bitting.gateway, method, path, &[("authorization", &format!("Bearer {key}"))], "").await
}

#[tokio::test]
async fn lb1_everything_below_api_v1_needs_a_bearer_key_and_other_paths_are_public() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]).key;
    for path in ["/api/v1", "/api/v1/", "/api/v1/stakeholders", "/api/v1/a/b/c?d=e"] {
        assert_eq!(get(bitting.gateway, path, &[]).await.status, 401, "{path}");
        assert_eq!(ask(&bitting, "GET", path, &key).await.status, 200, "{path}");
    }
    for path in ["/", "/pricing", "/api", "/api/v2/stakeholders", "/api/v10"] {
        assert_eq!(get(bitting.gateway, path, &[]).await.status, 200, "{path}");
        // A key on a public route is neither looked at nor handed on.
        assert_eq!(ask(&bitting, "GET", path, &key).await.status, 200, "{path}");
        assert!(!upstream.last().holds(&key) && upstream.last().header("bitting-account").is_empty());
    }
}

#[tokio::test]
async fn lb1_the_documents_curl_and_fetch_work() {
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    let code = |name: &str| {
        document(name).replace("https://launchboard.xyz", &bitting.origin()).replace("pg_live_your_key_here", &key)
    };
    assert_eq!(Client::Curl.run(&code("launchboard/curl.sh"), &[]).await, "{\"ok\":true}\n200\n");
    let fetch = code("launchboard/fetch.mjs") + "console.log(res.status, data);\n";
    assert_eq!(Client::Node.run(&fetch, &[]).await, "200 { ok: true }\n");
}

#[tokio::test]
async fn lb2_production_keys_are_pg_live_and_all_others_pg_test_and_then_32_characters() {
    let (bitting, upstream) = start().await;
    for (environment, prefix) in [("production", "pg_live_"), ("test", "pg_test_")] {
        let key = bitting.key(&["--environment", environment]).key;
        let body = key.strip_prefix(prefix).unwrap();
        assert!(body.len() == 32 && body.bytes().all(|b| b.is_ascii_alphanumeric()), "{environment}");
        assert_eq!(ask(&bitting, "GET", STAKEHOLDERS, &key).await.status, 200);
        assert_eq!(upstream.last().header("bitting-environment"), environment);
    }
}

#[tokio::test]
async fn lb3_neither_store_nor_log_holds_the_key_and_the_store_holds_its_sha_256() {
    use sha2::Digest as _;
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    for _ in 0..3 {
        ask(&bitting, "GET", STAKEHOLDERS, &key).await;
        get(bitting.gateway, &format!("/api/v1/{key}?key={key}"), &[("referer", &format!("http://x/{key}"))]).await;
    }
    let files = |name: &str| std::fs::read(bitting.traces.path(name)).unwrap_or_default();
    let stored = [files("bitting.db"), files("bitting.db-wal")].concat();
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(holds(&sha2::Sha256::digest(key.as_bytes())), "the digest is stored");
    assert!(holds(&key.as_bytes()[..12]) && !holds(key.as_bytes()), "the beginning is stored, the key is not");
    let traces = bitting.stop();
    let log = std::fs::read_to_string(traces.path("serve.out")).unwrap()
        + &std::fs::read_to_string(traces.path("serve.err")).unwrap();
    assert!(log.contains("/api/v1/[key]") && !log.contains(&key), "{log}");
}

#[tokio::test]
async fn lb4_a_key_is_made_with_a_name_and_the_minimum_role_and_a_higher_role_includes_a_lower() {
    let (bitting, upstream) = start().await;
    assert_eq!(bitting.key(&[]).row["role"], "viewer");
    let nameless = bitting.command(&["keys", "create", "--name", ""]);
    assert!(nameless.code == 5 && nameless.stderr.contains("name: write 1 to 200 characters"), "{}", nameless.stderr);
    for (role, allowed) in [
        ("viewer", &["GET", "HEAD"][..]),
        ("editor", &["GET", "HEAD", "POST", "PUT", "PATCH"]),
        ("admin", &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]),
    ] {
        let key = bitting.key(&["--role", role]).key;
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            let reply = ask(&bitting, method, STAKEHOLDERS, &key).await;
            assert_eq!(reply.status == 200, allowed.contains(&method), "{role} {method}: {}", reply.status);
        }
        assert_eq!(upstream.last().header("bitting-role"), role);
    }
}

#[tokio::test]
async fn lb5_a_header_that_is_missing_or_malformed_and_a_key_that_is_invalid_or_revoked_get_the_documents_problem() {
    let (bitting, upstream) = start().await;
    let revoked = bitting.key(&[]);
    bitting.revoke(&revoked);
    let expected = json!({
        "type": "https://api.launchboard.xyz/problems/unauthorized",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Authentication required"
    });
    for value in [
        "",
        "pg_live_0123",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer pg_live_your_key_here",
        "Bearer sk_live_0123",
        &format!("Bearer {}", revoked.key),
        &format!("Bearer {0} {0}", revoked.key),
    ] {
        let reply = get(bitting.gateway, STAKEHOLDERS, &[("authorization", value)]).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (401, expected.clone()), "{value:?}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"launchboard\"");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn lb6_a_role_that_is_too_low_gets_the_forbidden_problem() {
    let (bitting, upstream) = start().await;
    let viewer = bitting.key(&[]).key;
    let reply = ask(&bitting, "DELETE", STAKEHOLDERS, &viewer).await;
    let problem = reply.json();
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!(
        (reply.status.as_u16(), &problem["type"], &problem["title"], &problem["status"]),
        (403, &json!("https://api.launchboard.xyz/problems/forbidden"), &json!("Forbidden"), &json!(403))
    );
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn lb8_the_upstream_learns_organisation_and_role_and_believes_nobody_else_about_them() {
    let (bitting, upstream) = start().await;
    bitting.json(&["accounts", "create", "org:acme/eu"]);
    let key = bitting.key(&["--account", "org:acme/eu", "--role", "editor"]);
    let bearer = format!("Bearer {}", key.key);
    let headers = [
        ("authorization", &*bearer),
        ("bitting-account", "org:evil"),
        ("Bitting-Role", "admin"),
        ("bitting_account", "org:evil"),
        ("BITTING_ROLE", "admin"),
        ("bitting-anything", "forged"),
    ];
    assert_eq!(get(bitting.gateway, STAKEHOLDERS, &headers).await.status, 200);
    let seen = upstream.last();
    assert_eq!((seen.header("bitting-account"), seen.header("bitting-role")), ("org:acme/eu", "editor"));
    assert_eq!(seen.header("bitting-key-id"), key.id);
    assert!(!seen.holds("evil") && !seen.holds("admin") && !seen.holds("forged"));
    // On a public route there is nobody to speak of, and nobody can pretend.
    assert_eq!(get(bitting.gateway, "/pricing", &headers).await.status, 200);
    let seen = upstream.last();
    assert!(!seen.holds("evil") && !seen.holds("admin") && seen.header("bitting-account").is_empty());
}

#[tokio::test]
async fn lb9_a_revoked_key_is_refused_at_once_and_a_replacement_works() {
    let (bitting, _upstream) = start().await;
    let old = bitting.key(&[]);
    assert_eq!(ask(&bitting, "GET", STAKEHOLDERS, &old.key).await.status, 200);
    bitting.revoke(&old);
    assert_eq!(ask(&bitting, "GET", STAKEHOLDERS, &old.key).await.status, 401);
    assert_eq!(ask(&bitting, "GET", STAKEHOLDERS, &bitting.key(&[]).key).await.status, 200);
}
