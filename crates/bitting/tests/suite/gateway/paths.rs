//! Tricks against paths, over a real socket: the upstream must not see them.

use super::start;
use crate::harness::{get, post, raw};

#[tokio::test]
async fn paths_that_servers_read_differently_are_refused_before_anything_else() {
    let rules = "[[api.route]]\nmatch = \"/admin/*\"\nneeds = \"admin:all\"\n\
                 [[api.route]]\nmatch = \"/files/{name}\"\nencoded_slash = \"data\"\n\
                 [api.permissions]\n\"admin:all\" = \"Everything\"\n";
    let (bitting, upstream, bearer) = start(rules).await;
    for target in [
        "/admin/..",
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/..;/admin",
        "/public/%252e%252e/admin",
        "//admin",
        "/public//admin",
        "/%2Fadmin",
        "/admin%2Fx",
        "/x\\admin",
        "/x%5cadmin",
        "/ADMIN",
        "/admin;x=y",
        "/%2561dmin",
        "/admin%00",
        "/admin%0a",
        "/admin.",
        "/admin%20",
        "/%C0%AFadmin",
        "/admin%",
        "/files/..%2f..%2fadmin",
        "/%61dmin",
        "/admin.json",
        "/public/.",
    ] {
        let answer = raw(
            bitting.gateway,
            format!("GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{target}: {answer}");
    }
    assert!(upstream.requests().is_empty());
    assert_eq!(get(bitting.gateway, "/admin/x", &[("authorization", &bearer)]).await.status, 403);
    assert_eq!(get(bitting.gateway, "/files/a%2Fb", &[("authorization", &bearer)]).await.status, 200);
    assert_eq!(upstream.last().target, "/files/a%2Fb");
}

#[tokio::test]
async fn forms_of_the_request_line_that_have_no_path_are_refused() {
    let (bitting, upstream, bearer) = start("").await;
    for line in ["GET * HTTP/1.1", "POST * HTTP/1.1"] {
        let answer =
            raw(bitting.gateway, format!("{line}\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{line}: {answer}");
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_post_that_asks_to_be_taken_for_another_method_is_held_to_that_methods_rule() {
    let rules = "[[api.route]]\nmatch = \"DELETE /*\"\nneeds = \"things:delete\"\n\
                 [api.permissions]\n\"things:delete\" = \"Delete\"\n";
    let (bitting, upstream, bearer) = start(rules).await;
    for query in ["_method=DELETE", "_method=delete", "x=1&_METHOD=Delete", "%5Fmethod=%44ELETE", "_method[]=DELETE"] {
        let reply = post(bitting.gateway, &format!("/x/7?{query}"), &[("authorization", &bearer)], "").await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (400, Some("invalid_request")), "{query}");
    }
    assert!(upstream.requests().is_empty());
    for query in ["_method=PUT", "method=DELETE", "_method=", "a_method=DELETE"] {
        let reply = post(bitting.gateway, &format!("/x/7?{query}"), &[("authorization", &bearer)], "").await;
        assert_eq!(reply.status, 200, "{query}");
    }
}
