//! Logs, metrics, health: what operators see, and no key in any of it.

use http::StatusCode;
use serde_json::Value;

use crate::gateway::start;
use crate::harness::{Bitting, Traces, Upstream, get, post, raw};

fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
}

#[tokio::test]
async fn each_request_is_a_line_of_the_access_log_that_says_whose_and_why() {
    let (bitting, _upstream, bearer) = start("").await;
    let admitted = get(bitting.gateway, "/x/y?secret=1", &[("authorization", &bearer)]).await;
    let refused = get(bitting.gateway, "/x", &[("authorization", "Bearer shop_wrong")]).await;
    get(bitting.service, "/healthz", &[]).await;
    let traces = bitting.stop();
    let log = lines(&std::fs::read_to_string(traces.path("serve.out")).unwrap());
    assert_eq!(log.len(), 3);
    let line = &log[0];
    assert_eq!(
        (&line["api"], &line["method"], &line["path"], &line["status"]),
        (&"shop".into(), &"GET".into(), &"/x/y".into(), &200.into())
    );
    assert_eq!(
        (&line["account"], &line["environment"], &line["client"]),
        (&"default".into(), &"live".into(), &"127.0.0.1".into())
    );
    assert!(line["key"].as_str().unwrap().starts_with("key_") && line["ms"].as_f64().unwrap() > 0.0);
    assert_eq!(line["request_id"], admitted.header("x-request-id"));
    assert_eq!((&log[1]["status"], &log[1]["reason"], &log[1]["key"]), (&401.into(), &"malformed_key".into(), &Value::Null));
    assert_eq!(log[1]["request_id"], refused.header("x-request-id"));
    assert_eq!((&log[2]["api"], &log[2]["path"]), (&"bitting".into(), &"/healthz".into()));
}

#[tokio::test]
async fn a_key_that_stands_in_a_path_or_for_a_method_is_in_no_log_whichever_api_it_is_sent_to() {
    let (bitting, _upstream, bearer) = start("").await;
    let key = bearer.strip_prefix("Bearer ").unwrap();
    let operator = bitting.operator().key;
    let escaped = key.replace('_', "%5F");
    for target in [format!("/x/{key}/y"), format!("/{escaped}"), format!("/a-{operator}-b"), format!("/{key}{key}")] {
        get(bitting.gateway, &target, &[]).await;
        get(bitting.service, &target, &[]).await;
        raw(bitting.gateway, format!("GET {target} HTTP/1.1\r\nHost: user@other\r\nConnection: close\r\n\r\n")).await;
    }
    raw(bitting.gateway, format!("{key} /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    let traces = bitting.stop();
    let log = std::fs::read_to_string(traces.path("serve.out")).unwrap();
    assert_eq!((lines(&log).len(), log.matches("[key]").count()), (13, 16));
    let end = &key[key.len() - 12..];
    assert!(!log.contains(end) && !log.contains(&operator[operator.len() - 12..]));
}

#[tokio::test]
async fn the_access_log_can_be_switched_off_and_the_rest_stays() {
    let (bitting, _upstream, bearer) = start("[log]\naccess = false\n").await;
    get(bitting.gateway, "/x", &[("authorization", &bearer)]).await;
    let traces = bitting.stop();
    assert_eq!(std::fs::read_to_string(traces.path("serve.out")).unwrap(), "");
    let events = lines(&std::fs::read_to_string(traces.path("serve.err")).unwrap());
    let messages: Vec<&str> = events.iter().filter_map(|event| event["message"].as_str()).collect();
    for expected in ["the store is open", "listening", "ready", "no longer listening", "stopped"] {
        assert!(messages.contains(&expected), "{expected} is missing in {messages:?}");
    }
    let store = events.iter().find(|event| event["message"] == "the store is open").unwrap();
    // What the live writer says of itself: 2 is FULL.
    assert_eq!((&store["journal"], &store["synchronous"]), (&"wal".into(), &2.into()));
}

#[tokio::test]
async fn metrics_count_requests_by_api_outcome_and_reason_and_time_decisions_and_commits() {
    let (bitting, _upstream, bearer) = start("").await;
    for _ in 0..40 {
        get(bitting.gateway, "/x", &[("authorization", &bearer)]).await;
    }
    for key in ["shop_wrong", "other", "shop_wrong"] {
        get(bitting.gateway, "/x", &[("authorization", &format!("Bearer {key}"))]).await;
    }
    let reply = get(bitting.service, "/metrics", &[]).await;
    bitting.traces.answered(&reply.body);
    assert!(reply.header("content-type").starts_with("text/plain; version=0.0.4"));
    for expected in [
        "bitting_requests_total{api=\"shop\",outcome=\"admitted\",reason=\"\"} 40",
        "bitting_requests_total{api=\"shop\",outcome=\"refused\",reason=\"malformed_key\"} 2",
        "bitting_requests_total{api=\"shop\",outcome=\"refused\",reason=\"foreign_key\"} 1",
        "bitting_decision_seconds_bucket{api=\"shop\",le=\"0.000001\"}",
        // The key, and before it the link with which the dashboard is set up.
        "bitting_commit_seconds_count 2",
        "bitting_ring_keys 1",
        "bitting_access_lines_dropped_total 0",
        "# HELP bitting_requests_total",
        "# TYPE bitting_decision_seconds histogram",
    ] {
        assert!(reply.body.contains(expected), "{expected} is missing in\n{}", reply.body);
    }
    let rest = reply.body.replace("idempotency_key_reused", "");
    assert!(!rest.contains("key_"), "no key id is a label");
}

#[tokio::test]
async fn failures_of_the_upstream_are_counted_for_the_two_reasons_that_are_its_own() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!("[[api]]\nname = \"shop\"\nupstream = \"http://{nobody}\"\nkey = {{ prefix = \"shop_\" }}\n");
    let bitting = Bitting::with_config(&text);
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 502);
    let metrics = get(bitting.service, "/metrics", &[]).await.body;
    let of_shop = "bitting_upstream_failures_total{api=\"shop\",reason=";
    assert!(metrics.contains(&format!("{of_shop}\"upstream_unreachable\"}} 1")), "{metrics}");
    assert!(metrics.contains(&format!("{of_shop}\"upstream_timeout\"}} 0")), "{metrics}");
    assert_eq!(metrics.matches(of_shop).count(), 2, "{metrics}");
    let warned = bitting.wait_for(|line| line.contains("the upstream failed"));
    let warned: Value = serde_json::from_str(&warned).unwrap();
    assert_eq!(warned["upstream"], format!("http://{nobody}"));
    assert!(warned["cause"].as_str().unwrap().starts_with("Connection refused"), "{warned}");
}

#[tokio::test]
async fn health_and_readiness_are_told_and_nothing_else_is_open() {
    let (bitting, _upstream, bearer) = start("").await;
    assert_eq!(get(bitting.service, "/healthz", &[]).await.json()["status"], "alive");
    let ready = get(bitting.service, "/readyz", &[]).await.json();
    assert_eq!((&ready["status"], &ready["keys"]), (&"ready".into(), &1.into()));
    for path in ["/", "/members", "/apis/shop/keys"] {
        let reply = get(bitting.service, path, &[]).await;
        let leads_to = reply.header("location");
        assert!(reply.status == StatusCode::SEE_OTHER && leads_to.starts_with("/sign-in"), "{path}: {leads_to}");
    }
    for path in ["/v1/apis/shop/api-keys", "/v1/verify", "/metrics/"] {
        let reply = get(bitting.service, path, &[]).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.status);
    }
    // A key of the protected API opens nothing here.
    assert_eq!(post(bitting.service, "/v1/verify", &[("authorization", &bearer)], "{}").await.status, 401);
    // And operators' routes are not on the gateway: there they are the upstream's paths.
    assert_eq!(get(bitting.gateway, "/metrics", &[]).await.status, 401);
}

#[tokio::test]
async fn a_service_listener_serves_only_what_it_is_told_to() {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), crate::gateway::config(&upstream, "")).unwrap();
    let only_health = "listen.1.serve=[\"health\"]".to_owned();
    let bitting = Bitting::serve(&traces.path("bitting.toml"), &[only_health], traces.clone());
    assert_eq!(get(bitting.service, "/healthz", &[]).await.status, 200);
    let closed = get(bitting.service, "/metrics", &[]).await;
    assert_eq!((closed.status.as_u16(), closed.json()["code"].as_str()), (404, Some("not_found")));
}

/// CSBoard, where this machine can be banned too, and what it gets for a damaged key.
async fn attacked(times: usize, headers: &[(&str, &str)]) -> Bitting {
    let upstream = Upstream::start().await;
    let origin = format!("api.csboard.upstream={}", upstream.origin());
    let bitting = Bitting::example_with("csboard", &[origin, "api.csboard.bans.private=true".to_owned()]);
    let damaged = [&[("authorization", "Bearer csb_pub_damaged")], headers].concat();
    for _ in 0..times {
        assert_eq!(get(bitting.gateway, "/v1/listings", &damaged).await.status, 401);
    }
    bitting
}

#[tokio::test]
async fn bans_are_counted_without_saying_whose() {
    let bitting = attacked(25, &[]).await;
    // What is over leaves the number about once a second, and so does what is new come into it.
    let told = loop {
        let told = get(bitting.service, "/metrics", &[]).await.body;
        if told.contains("bitting_banned_addresses{api=\"csboard\"} 1") {
            break told;
        }
        tokio::task::yield_now().await;
    };
    assert!(told.contains("bitting_bans_total{api=\"csboard\"} 1\n"), "{told}");
    let refused = "bitting_requests_total{api=\"csboard\",outcome=\"refused\",reason=\"address_banned\"} 5\n";
    assert!(told.contains(refused), "{told}");
    let of_callers = told.lines().filter(|line| !line.starts_with("bitting_upstream"));
    assert!(of_callers.clone().count() > 0 && of_callers.clone().all(|line| !line.contains("127.0.0.1")), "{told}");
}

#[tokio::test]
async fn a_proxy_that_nobody_declared_is_told_of_once_with_the_setting_to_write() {
    let bitting = attacked(25, &[("x-forwarded-for", "203.0.113.7")]).await;
    let traces = bitting.stop();
    let events = lines(&std::fs::read_to_string(traces.path("serve.err")).unwrap());
    let told: Vec<&Value> = events.iter().filter(|event| event["peer"] == "127.0.0.1").collect();
    assert_eq!(told.len(), 1, "{events:?}");
    assert_eq!((&told[0]["level"], &told[0]["api"]), (&"WARN".into(), &"csboard".into()));
    let message = told[0]["message"].as_str().unwrap();
    for part in ["nobody has declared it as a proxy", "write trusted_proxies = [\"127.0.0.1\"] in the [[listen]]"] {
        assert!(message.contains(part), "{message}");
    }
}
