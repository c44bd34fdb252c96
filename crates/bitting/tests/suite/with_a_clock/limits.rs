//! Limits over time: what callers are told, and that whoever waits as long as told is let through.

use super::*;
use crate::harness::{Reply, request};

async fn ask(running: &Clocked, method: &str, path: &str, key: &str) -> Reply {
    request(running.gateway, method, path, &[("authorization", &format!("Bearer {key}"))], "").await
}

/// Asks until a limit refuses, at most so many times; how many were let through, and the refusal.
async fn exhaust(running: &Clocked, path: &str, key: &str, most: usize) -> (usize, Reply) {
    for count in 0..most {
        let reply = ask(running, "GET", path, key).await;
        if reply.status == 429 {
            return (count, reply);
        }
        assert_eq!(reply.status, 200);
    }
    panic!("{most} requests were let through");
}

fn number(reply: &Reply, header: &str) -> i64 {
    reply.header(header).parse().unwrap_or_else(|_| panic!("{header} in {:?}", reply.headers))
}

#[tokio::test]
async fn pa9_each_key_has_the_limits_of_its_plan_and_counters_of_its_own() {
    let upstream = Upstream::start().await;
    let running = start("product-api", &upstream, "2026-01-01T10:00:00Z").await;
    let (key, other) = (running.key("product-api", None).await.0, running.key("product-api", None).await.0);
    assert_eq!(exhaust(&running, "/v1/tasks", &key, 200).await.0, 100);
    assert_eq!(exhaust(&running, "/v1/tasks", &other, 200).await.0, 100);
    for minute in 1..10 {
        running.clock.advance(Duration::from_mins(1));
        assert_eq!(exhaust(&running, "/v1/tasks", &key, 200).await.0, 100, "minute {minute}");
    }
    running.clock.advance(Duration::from_mins(1));
    let (admitted, refusal) = exhaust(&running, "/v1/tasks", &key, 200).await;
    assert_eq!((admitted, number(&refusal, "x-ratelimit-limit")), (0, 1_000), "the hour is used up");
    running.clock.set("2026-01-01T11:00:00Z".parse().unwrap());
    assert_eq!(exhaust(&running, "/v1/tasks", &key, 200).await.0, 100);
}

#[tokio::test]
async fn pa10_the_rate_limit_path_tells_of_the_hour_that_the_headers_show_and_costs_nothing() {
    let upstream = Upstream::start().await;
    let running = start("product-api", &upstream, "2026-01-01T10:20:00Z").await;
    let (key, _) = running.key("product-api", None).await;
    let first = ask(&running, "GET", "/v1/tasks", &key).await;
    assert_eq!(number(&first, "x-ratelimit-remaining"), 999);
    for _ in 0..3 {
        let reply = ask(&running, "GET", "/v1/rate-limit", &key).await;
        let told = reply.json();
        assert_eq!((told["limit"].as_i64(), told["remaining"].as_i64()), (Some(1_000), Some(999)));
        let reset: Timestamp = "2026-01-01T11:00:00Z".parse().unwrap();
        assert_eq!(told["reset"].as_i64(), Some(reset.as_millis() / 1_000));
        assert_eq!(told["reset_at"], "2026-01-01T11:00:00Z");
        assert_eq!(number(&reply, "x-ratelimit-reset"), reset.as_millis() / 1_000);
        assert_eq!((number(&reply, "x-ratelimit-limit"), number(&reply, "x-ratelimit-remaining")), (1_000, 999));
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(get(running.gateway, "/v1/rate-limit", &[]).await.status, 401);
}

#[tokio::test]
async fn pa11_every_answer_to_a_recognised_key_tells_the_limits_and_whoever_waits_for_the_reset_is_admitted() {
    let upstream = Upstream::start().await;
    let running = start("product-api", &upstream, "2026-01-01T10:20:31.250Z").await;
    let (key, _) = running.key("product-api", None).await;
    for (method, path, status) in
        [("GET", "/v1/tasks", 200), ("DELETE", "/v1/tasks/1", 403), ("GET", "/v1/api-keys", 403), ("GET", "/v1/whoami", 200)]
    {
        let reply = ask(&running, method, path, &key).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}");
        assert_eq!((number(&reply, "x-ratelimit-limit"), number(&reply, "x-ratelimit-remaining")), (1_000, 999), "{path}");
    }
    let (admitted, refusal) = exhaust(&running, "/v1/tasks", &key, 200).await;
    assert_eq!((admitted, refusal.json()["message"].as_str()), (99, Some("Too many requests.")));
    assert_eq!((number(&refusal, "x-ratelimit-limit"), number(&refusal, "x-ratelimit-remaining")), (100, 0));
    let reset = Timestamp::from_millis(number(&refusal, "x-ratelimit-reset") * 1_000);
    assert_eq!(number(&refusal, "retry-after"), 29);
    running.clock.set(Timestamp::from_millis(reset.as_millis() - 1));
    assert_eq!(ask(&running, "GET", "/v1/tasks", &key).await.status, 429);
    running.clock.set(reset);
    assert_eq!(ask(&running, "GET", "/v1/tasks", &key).await.status, 200);
    let stranger = ask(&running, "GET", "/v1/tasks", "sk_live_nobody").await;
    assert_eq!((stranger.status.as_u16(), stranger.header("x-ratelimit-limit")), (401, ""));
}

#[tokio::test]
async fn lb7_over_the_limit_is_429_with_retry_after_and_a_client_that_waits_so_long_is_admitted() {
    let upstream = Upstream::start().await;
    let running = start("launchboard", &upstream, "2026-01-01T10:00:13.001Z").await;
    let (key, _) = running.key("launchboard", None).await;
    let (admitted, refusal) = exhaust(&running, "/api/v1/projects", &key, 1_000).await;
    assert_eq!((admitted, refusal.header("content-type")), (600, "application/problem+json"));
    let problem = refusal.json();
    assert_eq!(problem["type"], "https://api.launchboard.xyz/problems/rate-limited");
    assert_eq!((problem["status"].as_i64(), problem["detail"].as_str()), (Some(429), Some("Rate limit exceeded")));
    let wait = number(&refusal, "retry-after");
    assert_eq!(wait, 47, "whole seconds, rounded up");
    assert_eq!(refusal.header("ratelimit-policy"), "\"minute\";q=600;w=60");
    assert_eq!(refusal.header("ratelimit"), "\"minute\";r=0;t=47");
    running.clock.advance(Duration::from_secs(46));
    assert_eq!(ask(&running, "GET", "/api/v1/projects", &key).await.status, 429);
    running.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&running, "GET", "/api/v1/projects", &key).await.status, 200);
}

#[tokio::test]
async fn cs6_over_the_limit_is_told_in_the_same_form() {
    let upstream = Upstream::start().await;
    let running = start("csboard", &upstream, "2026-01-01T10:00:00Z").await;
    let (key, _) = running.key("csboard", None).await;
    let (_, refusal) = exhaust(&running, "/v1/listings", &key, 200).await;
    let body = refusal.json();
    assert_eq!(body["code"], "rate_limit_exceeded");
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "detail"]);
}

#[tokio::test]
async fn cs9_each_key_has_limits_of_its_own() {
    let upstream = Upstream::start().await;
    let running = start("csboard", &upstream, "2026-01-01T10:00:00Z").await;
    let (key, other) = (running.key("csboard", None).await.0, running.key("csboard", None).await.0);
    assert_eq!(exhaust(&running, "/v1/listings", &key, 200).await.0, 120);
    assert_eq!(ask(&running, "GET", "/v1/listings", &other).await.status, 200);
}

#[tokio::test]
async fn pa7_keys_of_the_sandbox_count_by_themselves() {
    let upstream = Upstream::start().await;
    let running = start("product-api", &upstream, "2026-01-01T10:00:00Z").await;
    let live = running.key("product-api", None).await.0;
    let engine = running.server.engine();
    let spec = KeySpec { name: "test".to_owned(), environment: Some("test".to_owned()), ..KeySpec::default() };
    let issued = spec.issue(engine.apis().find("product-api").unwrap(), running.clock.now()).unwrap();
    running.traces.issued(issued.key.expose());
    engine.commit(issued.change, Actor::System, "test").await.unwrap();
    exhaust(&running, "/v1/tasks", issued.key.expose(), 200).await;
    assert_eq!(number(&ask(&running, "GET", "/v1/tasks", &live).await, "x-ratelimit-remaining"), 999);
}
