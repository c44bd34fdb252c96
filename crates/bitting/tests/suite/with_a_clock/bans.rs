//! CSBoard's bans: twenty invalid keys in sixty seconds, and five minutes of peace.

use std::net::SocketAddr;
use std::time::Duration;

use bitting_engine::KeySpec;
use bitting_store::{Actor, Change};
use serde_json::{Value, json};

use super::{Clocked, configure_with, start_with};
use crate::harness::{Reply, Traces, Upstream, get, post, request};

const STRANGER: &str = "203.0.113.7";
const DAMAGED: &str = "csb_pub_damaged";

/// CSBoard behind a proxy that says for whom it forwards, as the tests do, and a second gateway that nobody stands before.
const LISTENERS: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\ntrusted_proxies = [\"127.0.0.1\"]\n\
                         [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"management\", \"verify\", \"metrics\"]\n\
                         [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n[server]\ndrain = \"0s\"\n";

struct Board {
    running: Clocked,
    key: String,
    upstream: Upstream,
}

impl Board {
    async fn start(more: &[&str]) -> Self {
        let (upstream, traces) = (Upstream::start().await, Traces::new());
        let config = configure_with(&traces, "csboard", &upstream, LISTENERS, more);
        let running = start_with(config, traces, "2026-01-01T00:00:00Z").await;
        let (key, _) = running.key("csboard", None).await;
        Self { running, key, upstream }
    }

    /// Asks for listings from an address.
    async fn ask(&self, from: &str, key: &str) -> Reply {
        self.get(from, "/v1/listings", key).await
    }

    async fn get(&self, from: &str, path: &str, key: &str) -> Reply {
        let bearer = format!("Bearer {key}");
        let headers = [("x-forwarded-for", from), ("authorization", &*bearer)];
        get(self.running.gateway, path, &headers[..if key.is_empty() { 1 } else { 2 }]).await
    }

    /// Asks with damaged keys, and so long after each. The code of the last answer.
    async fn fail(&self, from: &str, times: usize, pause: Duration) -> String {
        let mut last = String::new();
        for _ in 0..times {
            last = code(&self.ask(from, DAMAGED).await);
            self.running.clock.advance(pause);
        }
        last
    }

    fn gateway_without_proxy(&self) -> SocketAddr {
        self.running.server.addresses()[2]
    }

    /// An operator's token.
    async fn token(&self, permissions: &[&str]) -> String {
        let engine = self.running.server.engine();
        let permissions = permissions.iter().map(|permission| permission.parse().unwrap()).collect();
        let spec = KeySpec { name: "ops".to_owned(), permissions: Some(permissions), ..KeySpec::default() };
        let issued = spec.issue(engine.apis().own(), engine.now()).unwrap();
        engine.commit(issued.change, Actor::System, "test").await.unwrap();
        self.running.traces.issued(issued.key.expose());
        format!("Bearer {}", issued.key.expose())
    }

    async fn manage(&self, method: &str, below: &str, token: &str) -> Reply {
        let path = format!("/v1/apis/csboard/{below}");
        request(self.running.service, method, &path, &[("authorization", token)], "").await
    }
}

/// `status code`, as the document writes it.
fn code(reply: &Reply) -> String {
    let code = reply.json()["code"].as_str().unwrap_or("-").to_owned();
    format!("{} {code}", reply.status.as_u16())
}

const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn cs7_twenty_invalid_keys_in_sixty_seconds_ban_an_address_for_five_minutes_and_then_it_is_free() {
    let board = Board::start(&[]).await;
    assert_eq!(board.fail(STRANGER, 20, SOON).await, "401 invalid_api_key");
    let banned = board.ask(STRANGER, &board.key).await;
    assert_eq!(code(&banned), "401 too_many_failed_auth");
    assert_eq!(banned.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "detail"]);
    // The twentieth was 3 seconds ago.
    assert_eq!((banned.header("retry-after"), banned.header("cache-control")), ("297", "no-store"));
    assert!(board.upstream.requests().is_empty());
    board.running.clock.advance(Duration::from_millis(296_999));
    assert_eq!(code(&board.ask(STRANGER, &board.key).await), "401 too_many_failed_auth");
    board.running.clock.advance(Duration::from_millis(1));
    assert_eq!(board.ask(STRANGER, &board.key).await.status, 200);
}

#[tokio::test]
async fn cs7_slower_failures_ban_nobody() {
    let board = Board::start(&[]).await;
    assert_eq!(board.fail(STRANGER, 60, Duration::from_millis(3_158)).await, "401 invalid_api_key");
    assert_eq!(board.ask(STRANGER, &board.key).await.status, 200);
}

#[tokio::test]
async fn cs7_missing_keys_do_not_count_and_neither_do_keys_of_others() {
    let board = Board::start(&[]).await;
    for _ in 0..30 {
        assert_eq!(code(&board.ask(STRANGER, "").await), "401 missing_api_key");
        assert_eq!(code(&board.ask(STRANGER, "sk_live_anothers").await), "401 missing_api_key");
    }
    assert_eq!(board.ask(STRANGER, &board.key).await.status, 200);
}

#[tokio::test]
async fn cs7_a_good_key_from_another_address_is_not_affected_and_public_routes_stay_open() {
    let board = Board::start(&[]).await;
    board.fail(STRANGER, 20, Duration::ZERO).await;
    assert_eq!(code(&board.ask(STRANGER, &board.key).await), "401 too_many_failed_auth");
    assert_eq!(board.ask("203.0.113.8", &board.key).await.status, 200);
    assert_eq!(board.get(STRANGER, "/v1/health", "").await.status, 200);
    // What is tried meanwhile extends nothing.
    assert_eq!(board.fail(STRANGER, 99, SOON).await, "401 too_many_failed_auth");
    board.running.clock.advance(SOON);
    assert_eq!(board.ask(STRANGER, &board.key).await.status, 200);
}

#[tokio::test]
async fn cs7_revoked_and_made_up_keys_count_as_damaged_ones_do_and_so_do_keys_in_the_query() {
    let board = Board::start(&[]).await;
    let (revoked, change) = board.running.key("csboard", None).await;
    let Change::UpdateKey { api, key, .. } = change else { panic!("{change:?}") };
    board.running.server.engine().commit(Change::RevokeKey { api, key }, Actor::System, "test").await.unwrap();
    for _ in 0..10 {
        assert_eq!(code(&board.ask(STRANGER, &revoked).await), "401 invalid_api_key");
    }
    for _ in 0..10 {
        let path = format!("/v1/listings?api_key={DAMAGED}");
        assert_eq!(code(&board.get(STRANGER, &path, "").await), "401 invalid_api_key");
    }
    assert_eq!(code(&board.ask(STRANGER, "").await), "401 too_many_failed_auth");
}

#[tokio::test]
async fn cs7_the_machine_itself_is_banned_only_if_the_configuration_says_so_and_an_undeclared_proxy_never() {
    let bearer = format!("Bearer {DAMAGED}");
    for (more, expected) in [(&[][..], 401), (&["api.csboard.bans.private=true"], 401)] {
        let board = Board::start(more).await;
        let good = format!("Bearer {}", board.key);
        let ask = async |key: &str, forwarded: bool| {
            let headers = [("authorization", key), ("x-forwarded-for", STRANGER)];
            get(board.gateway_without_proxy(), "/v1/listings", &headers[..if forwarded { 2 } else { 1 }]).await
        };
        for _ in 0..50 {
            assert_eq!(ask(&bearer, true).await.status, expected);
        }
        assert_eq!(ask(&good, true).await.status, 200, "{more:?}");
        for _ in 0..50 {
            ask(&bearer, false).await;
        }
        assert_eq!(ask(&good, false).await.status, if more.is_empty() { 200 } else { 401 }, "{more:?}");
        assert_eq!(ask(&good, true).await.status, 200, "{more:?}");
    }
}

#[tokio::test]
async fn a_question_to_verify_counts_whom_it_names_and_without_an_address_nobody() {
    let board = Board::start(&[]).await;
    let token = board.token(&["verify"]).await;
    let ask = async |key: &str, address: Value| {
        let asked = json!({"api": "csboard", "method": "GET", "path": "/v1/listings", "key": key, "client_address": address});
        let headers = [("authorization", &*token), ("content-type", "application/json")];
        post(board.running.service, "/v1/verify", &headers, &asked.to_string()).await.json()
    };
    for _ in 0..50 {
        assert_eq!(ask(DAMAGED, Value::Null).await["reason"], "malformed_key");
    }
    for _ in 0..20 {
        assert_eq!(ask(DAMAGED, json!(STRANGER)).await["reason"], "malformed_key");
    }
    let banned = ask(&board.key, json!(STRANGER)).await;
    assert_eq!((&banned["allowed"], &banned["reason"]), (&json!(false), &json!("address_banned")));
    assert!(banned["response"]["headers"].as_array().unwrap().contains(&json!(["retry-after", "300"])));
    // It is the same ban wherever the next request arrives.
    assert_eq!(code(&board.ask(STRANGER, &board.key).await), "401 too_many_failed_auth");
    assert_eq!(
        (&ask(&board.key, Value::Null).await["allowed"], &ask(&board.key, json!("203.0.113.8")).await["allowed"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn operators_list_bans_and_lift_them_with_a_permission_of_their_own_and_on_record() {
    let board = Board::start(&[]).await;
    board.fail("2001:db8:1:2::7", 20, Duration::ZERO).await;
    board.running.clock.advance(SOON);
    board.fail(STRANGER, 20, Duration::ZERO).await;
    let (reader, writer) = (board.token(&["bans:read"]).await, board.token(&["csboard:bans:write", "audit:read"]).await);
    let listed = board.manage("GET", "bans", &reader).await.json();
    let of_stranger = json!({
        "address": STRANGER, "since": "2026-01-01T00:00:03Z", "until": "2026-01-01T00:05:03Z", "failures": 20,
    });
    assert_eq!((&listed["data"][0], &listed["data"][1]["address"]), (&of_stranger, &json!("2001:db8:1:2::/64")));
    let first = board.manage("GET", "bans?limit=1", &reader).await.json();
    let next = format!("bans?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = board.manage("GET", &next, &reader).await.json();
    assert_eq!((&first["data"][0], &second["data"][0]["address"]), (&of_stranger, &json!("2001:db8:1:2::/64")));
    assert_eq!((&second["has_more"], &second["next_cursor"]), (&json!(false), &Value::Null));

    let of_v6 = "bans/2001:db8:1:2::%2F64";
    assert_eq!(board.manage("DELETE", of_v6, &reader).await.status, 403);
    assert_eq!(board.manage("GET", "bans", &writer).await.status, 403);
    assert_eq!(board.manage("DELETE", of_v6, &writer).await.json()["address"], "2001:db8:1:2::/64");
    for gone in [of_v6, "bans/198.51.100.1", "bans/203.0.113.0%2F24", "bans/somebody"] {
        assert_eq!(board.manage("DELETE", gone, &writer).await.status, 404, "{gone}");
    }
    assert_eq!(board.ask("2001:db8:1:2::7", &board.key).await.status, 200);
    assert_eq!(code(&board.ask(STRANGER, &board.key).await), "401 too_many_failed_auth");
    assert_eq!(board.manage("DELETE", &format!("bans/{STRANGER}"), &writer).await.json(), of_stranger);
    assert_eq!(board.ask(STRANGER, &board.key).await.status, 200);
    assert_eq!(board.manage("GET", "bans", &reader).await.json()["data"], json!([]));
    let log = board.manage("GET", "audit-log?action=ban.lifted", &writer).await.json();
    assert_eq!((&log["data"][0]["subject"], &log["data"][1]["subject"]), (&json!(STRANGER), &json!("2001:db8:1:2::/64")));
    assert_eq!(
        (&log["data"][0]["before"]["until"], &log["data"][0]["address"]),
        (&json!("2026-01-01T00:05:03Z"), &json!("127.0.0.1"))
    );
}
