//! `POST /v1/verify`: the same pipeline for whoever has the request but not the connection.

use serde_json::{Value, json};

use crate::harness::{Bitting, Issued, Reply, Upstream, get, post, request};

async fn start() -> (Bitting, Issued) {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example("csboard", &upstream);
    let operator = bitting.operator();
    (bitting, operator)
}

async fn ask(bitting: &Bitting, token: &str, question: &Value) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    post(bitting.service, "/v1/verify", &headers, &question.to_string()).await
}

fn question(key: &str, method: &str, path: &str) -> Value {
    json!({"api": "csboard", "key": key, "method": method, "path": path})
}

#[tokio::test]
async fn a_good_key_is_allowed_and_told_who_it_is() {
    let (bitting, operator) = start().await;
    let key = bitting.key(&["--capability", "trading"]);
    let reply = ask(&bitting, &operator.key, &question(&key.key, "POST", "/v1/orders")).await;
    assert_eq!(reply.status, 200);
    let answer = reply.json();
    assert_eq!((&answer["allowed"], &answer["bearer"]), (&json!(true), &json!("key")));
    assert_eq!((&answer["key"]["id"], &answer["key"]["account"]), (&json!(key.id), &json!("default")));
    assert_eq!(answer["key"]["capabilities"], json!(["trading"]));
    assert_eq!(answer["identity"]["bitting-key-id"], json!(key.id));
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(!reply.body.contains(&key.key));
}

#[tokio::test]
async fn a_refusal_comes_with_its_reason_and_the_ready_answer_of_the_gateway() {
    let (bitting, operator) = start().await;
    let (reader, revoked) = (bitting.key(&[]), bitting.key(&[]));
    bitting.revoke(&revoked);
    for (key, method, path, reason) in [
        ("csb_pub_x", "GET", "/v1/listings", "malformed_key"),
        ("sk_live_x", "GET", "/v1/listings", "foreign_key"),
        ("", "GET", "/v1/listings", "missing_key"),
        (&revoked.key, "GET", "/v1/listings", "revoked_key"),
        (&reader.key, "POST", "/v1/orders", "insufficient_permission"),
        (&reader.key, "GET", "/v1/../orders", "invalid_path"),
    ] {
        let answer = ask(&bitting, &operator.key, &question(key, method, path)).await.json();
        assert_eq!((&answer["allowed"], &answer["reason"]), (&json!(false), &json!(reason)));
        let bearer = format!("Bearer {key}");
        let headers = if key.is_empty() { vec![] } else { vec![("authorization", &*bearer)] };
        let gateway = request(bitting.gateway, method, path, &headers, "").await;
        assert_eq!(answer["response"]["status"], gateway.status.as_u16(), "{reason}");
        assert_eq!(answer["response"]["body"], gateway.body, "{reason}");
        let ready = answer["response"]["headers"].as_array().unwrap();
        for name in ["content-type", "cache-control", "www-authenticate"] {
            let ready = ready.iter().find(|pair| pair[0] == name).map_or("", |pair| pair[1].as_str().unwrap());
            assert_eq!(ready, gateway.header(name), "{reason} {name}");
        }
    }
}

#[tokio::test]
async fn raw_headers_and_query_are_searched_like_the_gateway_does() {
    let (bitting, operator) = start().await;
    let key = bitting.key(&[]).key;
    let with = |headers: Value, query: Value| json!({"api": "csboard", "headers": headers, "query": query, "method": "GET", "path": "/v1/listings"});
    let bearer = format!("Bearer {key}");
    for (headers, query, expected) in [
        (json!({"Authorization": bearer}), Value::Null, json!(null)),
        (json!({}), json!(format!("x=1&api_key={key}")), json!(null)),
        (json!({"authorization": [bearer, bearer]}), Value::Null, json!(null)),
        (json!({"authorization": [bearer, "Bearer csb_pub_y"]}), Value::Null, json!("ambiguous_credential")),
        (json!({"x-api-key": key}), Value::Null, json!("missing_key")),
    ] {
        let answer = ask(&bitting, &operator.key, &with(headers.clone(), query)).await.json();
        assert_eq!(answer["reason"], expected, "{headers}");
    }
    let public = json!({"api": "csboard", "headers": {}, "method": "GET", "path": "/v1/health"});
    let answer = ask(&bitting, &operator.key, &public).await.json();
    assert_eq!((&answer["allowed"], &answer["bearer"], &answer["key"]), (&json!(true), &json!("anonymous"), &Value::Null));
}

#[tokio::test]
async fn headers_can_come_as_the_list_of_pairs_that_answers_have() {
    let (bitting, operator) = start().await;
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    let with = |headers: Value| json!({"api": "csboard", "headers": headers, "method": "GET", "path": "/v1/listings"});
    for (headers, expected) in [
        (json!([["Accept", "*/*"], ["Authorization", bearer]]), json!(null)),
        (json!([["authorization", bearer], ["authorization", "Bearer csb_pub_y"]]), json!("ambiguous_credential")),
        (json!([]), json!("missing_key")),
    ] {
        let answer = ask(&bitting, &operator.key, &with(headers.clone())).await.json();
        assert_eq!(answer["reason"], expected, "{headers}");
    }
}

#[tokio::test]
async fn a_question_with_neither_key_nor_headers_is_about_a_request_without_a_key() {
    let (bitting, operator) = start().await;
    let key = bitting.key(&[]).key;
    let about = |path: &str| json!({"api": "csboard", "method": "GET", "path": path});
    assert_eq!(ask(&bitting, &operator.key, &about("/v1/listings")).await.json()["reason"], "missing_key");
    assert_eq!(ask(&bitting, &operator.key, &about("/v1/health")).await.json()["bearer"], "anonymous");
    let mut in_the_query = about("/v1/listings");
    in_the_query["query"] = json!(format!("api_key={key}"));
    assert_eq!(ask(&bitting, &operator.key, &in_the_query).await.json()["bearer"], "key");
}

#[tokio::test]
async fn the_client_address_is_the_askers_to_tell() {
    let (bitting, operator) = start().await;
    let key = bitting.key(&["--allow-address", "192.0.2.0/24"]).key;
    for (address, allowed) in
        [(json!("192.0.2.7"), true), (json!("::ffff:192.0.2.7"), true), (json!("198.51.100.1"), false), (Value::Null, false)]
    {
        let mut asked = question(&key, "GET", "/v1/listings");
        asked["client_address"] = address.clone();
        assert_eq!(ask(&bitting, &operator.key, &asked).await.json()["allowed"], allowed, "{address}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_verify_from_the_answer_on() {
    let (bitting, operator) = start().await;
    let key = bitting.key(&[]);
    let asked = question(&key.key, "GET", "/v1/listings");
    assert_eq!(ask(&bitting, &operator.key, &asked).await.json()["allowed"], true);
    bitting.revoke(&key);
    assert_eq!(ask(&bitting, &operator.key, &asked).await.json()["reason"], "revoked_key");
}

#[tokio::test]
async fn it_needs_an_operator_token_with_the_verify_permission() {
    let (bitting, operator) = start().await;
    let (customer, without) = (bitting.key(&[]).key, bitting.key(&["--api", "bitting"]).key);
    let asked = question("csb_pub_x", "GET", "/");
    for (token, status, code) in [
        ("", 401, "missing_key"),
        ("bitting_wrong", 401, "malformed_key"),
        (&*customer, 401, "foreign_key"),
        (&*without, 403, "insufficient_permission"),
    ] {
        let reply = ask(&bitting, token, &asked).await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (status, Some(code)));
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    bitting.json(&["keys", "revoke", "--api", "bitting", &operator.id]);
    assert_eq!(ask(&bitting, &operator.key, &asked).await.status, 401);
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_told_which_field_is_wrong() {
    let (bitting, operator) = start().await;
    let good = question("csb_pub_x", "GET", "/v1/listings");
    let changed = |field: &str, value: Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed
    };
    for (asked, field) in [
        (changed("api", json!("nobody")), "api"),
        (changed("api", json!("bitting")), "api"),
        (changed("method", json!("G E T")), "method"),
        (changed("path", json!("/v1/listings?api_key=x")), "path"),
        (changed("headers", json!({})), "key"),
        (changed("query", json!("a=b")), "query"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": "a: b"}), "headers"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": ["a", "b"]}), "headers.0"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": [["a", "b"], ["a"]]}), "headers.1"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": [["Bearer csb_pub_x", "a"]]}), "headers.0"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": {"a b": "c"}}), "headers.a b"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": {"a": 1}}), "headers.a"),
        (json!({"api": "csboard", "method": "GET", "path": "/", "headers": {"a": "b\nc"}}), "headers.a"),
    ] {
        let reply = ask(&bitting, &operator.key, &asked).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["field"]), (400, &json!(field)), "{asked}");
    }
    for (asked, said) in [
        (json!({"api": "csboard"}), "missing field `method`"),
        (changed("kee", json!("x")), "unknown field `kee`"),
        (changed("key", json!(17)), "a value of the wrong type"),
        (json!([]), "a value of the wrong type"),
    ] {
        let reply = ask(&bitting, &operator.key, &asked).await;
        assert!(reply.status == 400 && reply.json()["detail"].as_str().unwrap().contains(said), "{asked}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused_and_never_quoted() {
    let (bitting, operator) = start().await;
    let key = bitting.key(&[]).key;
    let bearer = format!("Bearer {}", operator.key);
    let json = ("content-type", "application/json");
    let send = async |headers: &[(&str, &str)], body: &str| {
        let all = [&[("authorization", &*bearer)], headers].concat();
        let reply = post(bitting.service, "/v1/verify", &all, body).await;
        assert!(!reply.body.contains(&key), "{}", reply.body);
        reply.status.as_u16()
    };
    assert_eq!(send(&[json], &format!("{{\"api\": \"csboard\", \"key\": \"{key}\"")).await, 400);
    assert_eq!(send(&[json], &format!("{{\"api\": \"{key}\", \"method\": {{\"{key}\": 1}}}}")).await, 400);
    assert_eq!(send(&[json], &key).await, 400);
    assert_eq!(send(&[json], "").await, 400);
    assert_eq!(send(&[json], &"[".repeat(10_000)).await, 400);
    assert_eq!(send(&[("content-type", "text/plain")], "{}").await, 415);
    // Who does not say what it is means JSON.
    assert_eq!(send(&[], "{}").await, 400);
    let huge = json!({"api": "csboard", "key": "k".repeat(10_000_000), "method": "GET", "path": "/"}).to_string();
    // It is refused before it was sent, and yet the refusal is read, each time.
    for _ in 0..20 {
        assert_eq!(send(&[json], &huge).await, 413);
    }
    assert_eq!(get(bitting.service, "/healthz", &[]).await.status, 200);
}

#[tokio::test]
async fn a_key_of_a_megabyte_is_only_malformed() {
    let (bitting, operator) = start().await;
    let key = format!("csb_pub_{}", "k".repeat(1_000_000));
    assert_eq!(ask(&bitting, &operator.key, &question(&key, "GET", "/")).await.json()["reason"], "malformed_key");
}

#[tokio::test]
async fn a_credential_of_others_passes_as_it_does_on_the_gateway() {
    let upstream = Upstream::start().await;
    let origins = ["eu", "us", "default"].map(|at| format!("api.harbour.upstream.{at}={}", upstream.origin()));
    let bitting = Bitting::example_with("harbour", &origins);
    let operator = bitting.operator();
    let asked = json!({"api": "harbour", "key": "eyJhbGciOiJIUzI1NiJ9.e30.sig", "method": "GET", "path": "/harbour/ships/x"});
    let answer = ask(&bitting, &operator.key, &asked).await.json();
    assert_eq!((&answer["allowed"], &answer["bearer"]), (&json!(true), &json!("foreign")));
    let reply = get(bitting.gateway, "/harbour/ships/x", &[("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.sig")]).await;
    assert_eq!(reply.status, 200);
    let tunnel = json!({"api": "harbour", "key": "x", "method": "CONNECT", "path": "/harbour/ships/x"});
    assert_eq!(ask(&bitting, &operator.key, &tunnel).await.status, 400);
}
