//! CSBoard: keys in the header or the query, trading as a switch, errors of one form.

use serde_json::json;

use crate::harness::{Bitting, Client, Reply, Upstream, document, get, request};

async fn start() -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    (Bitting::example("csboard", &upstream), upstream)
}

async fn ask(bitting: &Bitting, method: &str, target: &str, key: &str) -> Reply {
    request(bitting.gateway, method, target, &[("authorization", &format!("Bearer {key}"))], "").await
}

#[tokio::test]
async fn cs1_everything_but_health_needs_a_key_by_header_or_by_query() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]).key;
    assert!(key.starts_with("csb_pub_"));
    assert_eq!(get(bitting.gateway, "/v1/health", &[]).await.status, 200);
    for path in ["/v1/listings", "/v1/health/deep", "/", "/v1/orders/7"] {
        assert_eq!(get(bitting.gateway, path, &[]).await.status, 401, "{path}");
        assert_eq!(ask(&bitting, "GET", path, &key).await.status, 200, "{path}");
        assert_eq!(get(bitting.gateway, &format!("{path}?api_key={key}"), &[]).await.status, 200, "{path}");
        assert_eq!(upstream.last().target, path);
    }
    assert_eq!(get(bitting.gateway, "/v1/listings", &[("x-api-key", &key)]).await.status, 401);
    assert_eq!(get(bitting.gateway, &format!("/v1/listings?key={key}"), &[]).await.status, 401);
}

#[tokio::test]
async fn cs1_the_documents_curl_lines_work() {
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    for name in ["csboard/curl-bearer.sh", "csboard/curl-query.sh"] {
        let code = document(name).replace("https://csboard.com", &bitting.origin()).replace("csb_pub_...", &key);
        assert_eq!(Client::Curl.run(&code, &[]).await, "{\"ok\":true}\n200\n", "{name}");
    }
}

#[tokio::test]
async fn cs2_a_key_in_the_query_reaches_neither_the_upstream_nor_a_log_on_public_routes_and_in_referer_too() {
    let (bitting, upstream) = start().await;
    let (key, other) = (bitting.key(&[]).key, bitting.key(&[]).key);
    let encoded = key.replace('_', "%5F");
    let page = format!("https://csboard.com/v1/listings?sort=price&api_key={key}");
    let targets = [
        (format!("/v1/listings?api_key={key}"), "/v1/listings"),
        (format!("/v1/listings?a=%20b&api_key={key}&c=d+e"), "/v1/listings?a=%20b&c=d+e"),
        (format!("/v1/listings?api_key={key}&api_key={key}&x"), "/v1/listings?x"),
        (format!("/v1/listings?api%5Fkey={encoded}&x=1"), "/v1/listings?x=1"),
        (format!("/v1/health?api_key={key}"), "/v1/health"),
        (format!("/v1/health?API_KEY={other}&q=1"), "/v1/health?q=1"),
        (format!("/v1/health?x=1;api_key={other}"), "/v1/health"),
    ];
    for (target, expected) in targets {
        let reply = get(bitting.gateway, &target, &[("referer", &page)]).await;
        assert_eq!(reply.status, 200, "{target}");
        let seen = upstream.last();
        assert_eq!(seen.target, expected);
        assert_eq!(seen.header("referer"), "https://csboard.com/v1/listings?sort=price");
        assert!(!seen.holds(&key) && !seen.holds(&other) && !seen.holds(&encoded), "{target}");
    }
    // Refused requests are logged too.
    get(bitting.gateway, &format!("/v1/listings?api_key={key}&api_key={other}"), &[("referer", &page)]).await;
    get(bitting.gateway, &format!("/v1/{key}/x"), &[]).await;
    let traces = bitting.stop();
    for name in ["serve.out", "serve.err"] {
        let log = std::fs::read_to_string(traces.path(name)).unwrap();
        assert!(!log.contains(&key) && !log.contains(&other) && !log.contains(&encoded), "{name}: {log}");
        assert!(!log.contains("api_key"), "{name}: {log}");
    }
}

#[tokio::test]
async fn cs3_a_key_is_tied_to_an_account_that_the_upstream_learns() {
    let (bitting, upstream) = start().await;
    bitting.json(&["accounts", "create", "user-4711"]);
    let key = bitting.key(&["--account", "user-4711"]);
    assert_eq!(ask(&bitting, "GET", "/v1/listings", &key.key).await.status, 200);
    assert_eq!(upstream.last().header("bitting-account"), "user-4711");
    let stranger = bitting.command(&["keys", "create", "--name", "x", "--account", "nobody"]);
    assert_eq!(stranger.code, 4);
    assert!(
        stranger.stderr.contains("no account nobody") && stranger.stderr.contains("bitting accounts create"),
        "{}",
        stranger.stderr
    );
}

#[tokio::test]
async fn cs3_only_the_sha_256_of_a_key_is_stored() {
    use sha2::Digest as _;
    let (bitting, _upstream) = start().await;
    let key = bitting.key(&[]).key;
    let stored = ["bitting.db", "bitting.db-wal"].map(|name| std::fs::read(bitting.traces.path(name)).unwrap()).concat();
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    assert!(holds(&sha2::Sha256::digest(key.as_bytes())));
    // Nothing beyond the four characters that recognise it.
    assert!(!holds(&key.as_bytes()[.."csb_pub_".len() + 5]));
}

#[tokio::test]
async fn cs4_trading_is_off_for_a_new_key_and_a_toggle_applies_at_once() {
    let (bitting, upstream) = start().await;
    let key = bitting.key(&[]);
    assert_eq!(key.row["capabilities"], json!([]));
    let order = async || ask(&bitting, "POST", "/v1/orders", &key.key).await.status.as_u16();
    assert_eq!(order().await, 403);
    bitting.json(&["keys", "update", &key.id, "--capability", "trading"]);
    assert_eq!(order().await, 200);
    assert_eq!(upstream.last().header("bitting-permissions"), "trading");
    bitting.json(&["keys", "update", &key.id, "--no-capability", "trading"]);
    assert_eq!(order().await, 403);
}

#[tokio::test]
async fn cs5_any_key_may_get_and_everything_else_needs_trading() {
    let (bitting, upstream) = start().await;
    let (reader, trader) = (bitting.key(&[]).key, bitting.key(&["--capability", "trading"]).key);
    for path in ["/v1/listings", "/v1/orders", "/v1/orders/7", "/other"] {
        for method in ["GET", "HEAD"] {
            assert_eq!(ask(&bitting, method, path, &reader).await.status, 200, "{method} {path}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            assert_eq!(ask(&bitting, method, path, &reader).await.status, 403, "{method} {path}");
            assert_eq!(ask(&bitting, method, path, &trader).await.status, 200, "{method} {path}");
        }
    }
    let seen = upstream.requests().len();
    let reply = ask(&bitting, "POST", "/v1/orders", &reader).await;
    assert_eq!(reply.json()["code"], "trading_not_enabled");
    // A method in other letters is no way around it.
    assert_eq!(ask(&bitting, "post", "/v1/orders", &reader).await.status, 400);
    assert_eq!(upstream.requests().len(), seen);
}

#[tokio::test]
async fn cs6_every_error_has_a_code_and_a_detail() {
    let (bitting, upstream) = start().await;
    let (key, revoked) = (bitting.key(&[]), bitting.key(&[]));
    bitting.revoke(&revoked);
    let revoked = revoked.key;
    let shape = format!("{}{}", &key.key[..39], if key.key.ends_with('x') { 'y' } else { 'x' });
    let (bearer, other) = (format!("Bearer {}", key.key), format!("Bearer {revoked}"));
    let none: &[(&str, &str)] = &[];
    for (target, headers, status, code) in [
        ("/v1/listings", none, 401, "missing_api_key"),
        ("/v1/listings", &[("authorization", "Bearer sk_live_x")], 401, "missing_api_key"),
        ("/v1/listings?api_key=", &[], 401, "missing_api_key"),
        ("/v1/listings?api_key=csb_pub_x", &[], 401, "invalid_api_key"),
        (&format!("/v1/listings?api_key={revoked}"), &[], 401, "invalid_api_key"),
        (&format!("/v1/listings?api_key={shape}"), &[], 401, "invalid_api_key"),
        ("/v1/listings", &[("authorization", &bearer), ("authorization", &other)], 400, "ambiguous_credential"),
        ("/v1/../listings", &[("authorization", &bearer)], 400, "invalid_path"),
    ] {
        let reply = get(bitting.gateway, target, headers).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (status, &json!(code)), "{target} {headers:?}");
        assert!(reply.json()["detail"].is_string() && reply.json().as_object().unwrap().len() == 2);
        assert_eq!(reply.header("content-type"), "application/json");
    }
    assert_eq!(
        get(bitting.gateway, "/v1/listings?api_key=csb_pub_x", &[]).await.json()["detail"],
        "Unknown or revoked API key."
    );
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn cs6_an_upstream_that_is_down_or_slow_is_told_in_the_same_form() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down = Bitting::example_with("csboard", &[format!("api.csboard.upstream=http://{nobody}")]);
    let reply = ask(&down, "GET", "/v1/listings", &down.key(&[]).key).await;
    assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (502, Some("upstream_unreachable")));
    // A listener that never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = Bitting::example_with(
        "csboard",
        &[
            format!("api.csboard.upstream=http://{}", silent.local_addr().unwrap()),
            "api.csboard.timeouts.response_head=200ms".to_owned(),
        ],
    );
    let reply = ask(&slow, "GET", "/v1/listings", &slow.key(&[]).key).await;
    assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (504, Some("upstream_timeout")));
    assert!(reply.json()["detail"].is_string());
}

#[tokio::test]
async fn cs8_revoking_one_key_leaves_the_accounts_other_keys_working() {
    let (bitting, _upstream) = start().await;
    bitting.json(&["accounts", "create", "user-1"]);
    let (one, other) = (bitting.key(&["--account", "user-1"]), bitting.key(&["--account", "user-1"]));
    bitting.revoke(&one);
    assert_eq!(ask(&bitting, "GET", "/v1/listings", &one.key).await.status, 401);
    assert_eq!(ask(&bitting, "GET", "/v1/listings", &other.key).await.status, 200);
}
