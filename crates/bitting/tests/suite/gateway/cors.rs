//! Scripts of other origins.

use super::{config, start};
use crate::harness::{Bitting, Traces, Upstream, get, request};

const CORS: &str = "[api.cors]\norigins = [\"https://app.example\"]\nexpose = [\"X-Request-Id\"]\n";

#[tokio::test]
async fn a_preflight_is_answered_without_a_key_and_without_the_upstream() {
    let (bitting, upstream, _bearer) = start(CORS).await;
    let ask = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        request(bitting.gateway, "OPTIONS", "/x", &headers, "").await
    };
    let allowed = ask("https://app.example").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-allow-methods").contains("POST"));
    assert!(allowed.header("access-control-allow-headers").contains("Authorization"));
    assert_eq!(allowed.header("access-control-max-age"), "600");
    let other = ask("https://evil.example").await;
    assert_eq!((other.status.as_u16(), other.header("access-control-allow-origin")), (204, ""));
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_script_may_read_its_refusal_and_its_answer() {
    let (bitting, _upstream, bearer) = start(CORS).await;
    let origin = ("origin", "https://app.example");
    for headers in [&[origin][..], &[origin, ("authorization", &bearer)]] {
        let reply = get(bitting.gateway, "/x", headers).await;
        assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
        assert_eq!(reply.header("access-control-expose-headers"), "X-Request-Id");
        assert!(reply.depends_on().to_lowercase().ends_with("origin"), "{}", reply.depends_on());
    }
    let other = get(bitting.gateway, "/x", &[("origin", "https://evil.example")]).await;
    assert_eq!((other.status.as_u16(), other.header("access-control-allow-origin")), (401, ""));
}

#[tokio::test]
async fn a_script_may_read_what_bitting_itself_answers() {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), config(&upstream, CORS)).unwrap();
    let paths = ["api.shop.health_path=/healthz".to_owned(), "api.shop.whoami_path=/whoami".to_owned()];
    let bitting = Bitting::serve(&traces.path("bitting.toml"), &paths, traces.clone());
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    for path in ["/healthz", "/whoami"] {
        let reply = get(bitting.gateway, path, &[("origin", "https://app.example"), ("authorization", &bearer)]).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, "https://app.example"));
        assert_eq!(reply.header("access-control-expose-headers"), "X-Request-Id");
        assert!(reply.depends_on().to_lowercase().ends_with("origin"));
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn an_answer_to_a_request_without_an_origin_says_that_it_would_differ_with_one() {
    let (bitting, _upstream, bearer) = start(CORS).await;
    for (headers, vary) in [(&[][..], "Origin"), (&[("authorization", &*bearer)], "authorization, origin")] {
        let reply = get(bitting.gateway, "/x", headers).await;
        assert_eq!((&*reply.depends_on(), reply.header("access-control-allow-origin")), (vary, ""));
    }
}

#[tokio::test]
async fn without_a_word_about_cors_a_preflight_is_a_request_like_any_other() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, ""));
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    assert_eq!(request(bitting.gateway, "OPTIONS", "/x", &headers, "").await.status, 401);
    let reply = request(bitting.gateway, "OPTIONS", "/public", &headers, "").await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, ""));
    assert_eq!(upstream.last().method, "OPTIONS");
}
