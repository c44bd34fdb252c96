//! Limits and usage in the built binary, on real sockets.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::gateway::config;
use crate::harness::{Bitting, Client, Reply, Traces, Upstream, document, get, post, request};

/// One API with limits.
async fn start(more: &str) -> (Bitting, Upstream) {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, more));
    (bitting, upstream)
}

async fn ask(to: SocketAddr, path: &str, key: &str) -> Reply {
    get(to, path, &[("authorization", &format!("Bearer {key}"))]).await
}

/// How many of so many requests over so many connections are let through.
async fn hammer(to: SocketAddr, key: &str, connections: usize, each: usize) -> usize {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let key = key.to_owned();
        tasks.spawn(async move {
            let mut admitted = 0;
            for _ in 0..each {
                let reply = ask(to, "/x", &key).await;
                match reply.status.as_u16() {
                    200 => admitted += 1,
                    429 => assert!(!reply.header("retry-after").is_empty()),
                    other => panic!("{other}: {}", reply.body),
                }
            }
            admitted
        });
    }
    tasks.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_connections_that_hammer_one_key_exactly_as_many_requests_pass_as_its_limit_allows() {
    let limits =
        "[api.limits]\nday = \"1000/day\"\nmonth = { requests = 5000, per = \"month\", scope = \"account\", quota = true }\n";
    let (bitting, upstream) = start(limits).await;
    let key = bitting.key(&[]).key;
    assert_eq!(hammer(bitting.gateway, &key, 64, 20).await, 1_000);
    assert_eq!(upstream.requests().len(), 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_never_more_than_its_limit_across_kills_and_keeps_its_count_across_a_stop() {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    let file = traces.path("bitting.toml");
    std::fs::write(&file, config(&upstream, "[api.limits]\nday = \"1000/day\"\n")).unwrap();
    let mut bitting = Bitting::serve(&file, &[], traces.clone());
    let key = bitting.key(&[]).key;
    let mut admitted = 0;
    for _ in 0..3 {
        admitted += hammer(bitting.gateway, &key, 4, 25).await;
        bitting.signal("KILL");
        assert_eq!(bitting.wait(), 137);
        bitting = Bitting::serve(&file, &[], traces.clone());
    }
    assert_eq!(admitted, 300);
    let left = |reply: &Reply| reply.header("x-ratelimit-remaining").parse::<usize>().unwrap();
    let before = left(&ask(bitting.gateway, "/x", &key).await);
    assert!(before < 700);
    let traces = bitting.stop();
    let bitting = Bitting::serve(&file, &[], traces);
    assert_eq!(left(&ask(bitting.gateway, "/x", &key).await), before - 1);
    let rest = hammer(bitting.gateway, &key, 8, 125).await;
    assert_eq!(rest, before - 1);
    // What three kills took is what was bought ahead at the time: a hundredth, or a second of such a load.
    assert!(upstream.requests().len() <= 1_000);
}

#[tokio::test]
async fn pa4_a_key_shows_what_was_used_of_it_exactly_and_when() {
    let upstream = Upstream::start().await;
    let overrides = [format!("api.product-api.upstream={}", upstream.origin())];
    let bitting = Bitting::example_with("product-api", &overrides);
    let manager = bitting.key(&["--permission", "tasks:read", "--permission", "api-keys:read"]);
    for _ in 0..7 {
        assert_eq!(ask(bitting.gateway, "/v1/tasks", &manager.key).await.status, 200);
    }
    assert_eq!(ask(bitting.gateway, "/v1/projects", &manager.key).await.status, 403);
    let shown = ask(bitting.gateway, &format!("/v1/api-keys/{}", manager.id), &manager.key).await.json();
    assert_eq!(shown["usage"], json!({"requests_today": 7, "requests_this_month": 7}), "what reached the upstream");
    assert!(shown["last_used"].is_string());
    let listed = ask(bitting.gateway, "/v1/api-keys", &manager.key).await.json();
    assert!(listed["data"][0]["last_used"].is_string(), "{listed}");
    let told = bitting.command(&["keys", "show", &manager.id]).stdout;
    assert!(told.lines().any(|line| line.starts_with("last used") && line.ends_with("from 127.0.0.1")), "{told}");
    let other = bitting.key(&[]);
    let unused = bitting.command(&["keys", "show", &other.id]).stdout;
    assert!(unused.lines().any(|line| line.starts_with("last used") && line.ends_with("never")), "{unused}");
}

#[tokio::test]
async fn pa15_the_documents_complete_example_warns_of_a_limit_that_is_low_by_the_real_headers() {
    let upstream = Upstream::start().await;
    let overrides =
        [format!("api.product-api.upstream={}", upstream.origin()), "api.product-api.plans.free.hour=\"50/hour\"".to_owned()];
    let bitting = Bitting::example_with("product-api", &overrides);
    let key = bitting.key(&[]).key;
    let code = document("product-api/complete.mjs").replace("https://api.example.com", &bitting.origin())
        + "console.warn = (...words) => console.log(...words);\nawait makeRequest('/tasks');\n";
    let printed = Client::Node.run(&code, &[("PRODUCT_API_KEY", &key)]).await;
    assert_eq!(printed, "Rate limit low: 48\n");
}

#[tokio::test]
async fn usage_is_read_by_key_account_and_route_as_json_and_as_csv() {
    let (bitting, _upstream) = start("[[api.route]]\nmatch = \"GET /orders/*\"\n").await;
    let (one, two) = (bitting.key(&[]), bitting.key(&[]));
    for (path, key) in [("/orders/1", &one), ("/orders/2", &one), ("/x", &one), ("/orders/1", &two)] {
        assert_eq!(ask(bitting.gateway, path, &key.key).await.status, 200);
    }
    bitting.revoke(&two);
    assert_eq!(ask(bitting.gateway, "/orders/1", &two.key).await.status, 401);
    assert_eq!(ask(bitting.gateway, "/x", "garbage").await.status, 401);
    let token = bitting.key(&["--api", "bitting", "--permission", "usage:read"]).key;
    let read = async |query: &str| ask(bitting.service, &format!("/v1/apis/shop/usage{query}"), &token).await;
    let counted = |reply: &Reply| -> Vec<(String, String, u64)> {
        let rows = reply.json();
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        let row = |row: &Value| (text(row, "route"), text(row, "outcome"), row["requests"].as_u64().unwrap());
        rows["data"].as_array().unwrap().iter().map(row).collect()
    };
    let row = |route: &str, outcome: &str, count| (route.to_owned(), outcome.to_owned(), count);
    let of_one = read(&format!("?key={}", one.id)).await;
    assert_eq!(counted(&of_one), [row("*", "admitted", 1), row("GET /orders/*", "admitted", 2)]);
    let orders = [row("GET /orders/*", "admitted", 3), row("GET /orders/*", "revoked_key", 1)];
    assert_eq!(counted(&read("?account=default&route=GET%20/orders/*&per=day").await), orders);
    let all = [row("", "foreign_key", 1), row("*", "admitted", 1), orders[0].clone(), orders[1].clone()];
    assert_eq!(counted(&read("").await), all);
    let csv = read("?format=csv&per=day").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.body.starts_with("at,route,outcome,requests\n") && csv.body.contains("T00:00:00Z,GET /orders/*,admitted,3\n"));
    for (query, field) in [
        ("?key=nonsense", "key"),
        (&format!("?key={}&account=default", one.id), "account"),
        ("?from=2026-01-01T00:00:00Z&until=2025-01-01T00:00:00Z", "until"),
        ("?from=2020-01-01T00:00:00Z", "from"),
    ] {
        let reply = read(query).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["errors"][0]["field"]), (400, &json!(field)), "{query}");
    }
    let lacking = bitting.key(&["--api", "bitting", "--permission", "keys:read"]).key;
    assert_eq!(ask(bitting.service, "/v1/apis/shop/usage", &lacking).await.status, 403);
    let shown = bitting.command(&["usage", "--api", "shop"]);
    assert!(shown.stdout.contains('█') && shown.stdout.contains("4 + 2 refused"), "{}", shown.stdout);
    assert!(shown.stdout.contains("refused or failed: 1 foreign_key, 1 revoked_key"), "{}", shown.stdout);
    assert_eq!(bitting.json(&["usage", "--api", "shop", "--key", &one.id])["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn verify_charges_a_key_and_says_what_is_left() {
    let (bitting, _upstream) = start("[api.limits]\nminute = \"2/minute\"\n[[api.route]]\nmatch = \"/dear\"\ncost = 3\n").await;
    let (key, token) = (bitting.key(&[]).key, bitting.operator().key);
    let verify = async |path: &str| {
        let body = json!({"api": "shop", "method": "GET", "path": path, "key": key}).to_string();
        let headers = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post(bitting.service, "/v1/verify", &headers, &body).await.json()
    };
    assert_eq!(verify("/dear").await["reason"], "cost_exceeds_limit");
    let first = verify("/x").await;
    assert_eq!((&first["limits"][0]["name"], &first["limits"][0]["remaining"]), (&json!("minute"), &json!(1)));
    assert_eq!(first["limit_headers"]["x-ratelimit-remaining"], "1");
    verify("/x").await;
    let third = verify("/x").await;
    assert_eq!((&third["allowed"], &third["reason"]), (&json!(false), &json!("rate_limited")));
    let headers = third["response"]["headers"].as_array().unwrap();
    assert!(headers.iter().any(|pair| pair[0] == "retry-after"), "{headers:?}");
}

#[tokio::test]
async fn what_an_upstream_says_of_limits_under_the_same_names_is_replaced() {
    let (bitting, _upstream) = start("[api.limits]\nminute = \"100/minute\"\n").await;
    let key = bitting.key(&[]).key;
    let headers = [("authorization", format!("Bearer {key}")), ("x-answer-header", "x-ratelimit-limit: 7".to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reply = request(bitting.gateway, "GET", "/x", &headers, "").await;
    assert_eq!(reply.headers.get_all("x-ratelimit-limit").iter().collect::<Vec<_>>(), ["100"]);
}

#[tokio::test]
async fn pa15_the_rate_limit_is_told_in_the_documents_shape() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::example_with("product-api", &[format!("api.product-api.upstream={}", upstream.origin())]);
    let code = format!("curl {}/v1/rate-limit -H \"Authorization: Bearer {}\"\n", bitting.origin(), bitting.key(&[]).key);
    let printed = Client::Curl.run(&code, &[]).await;
    let (body, status) = printed.trim_end().rsplit_once('\n').unwrap();
    let told: Value = serde_json::from_str(body).unwrap();
    assert_eq!((status, &told["limit"], &told["remaining"]), ("200", &json!(1_000), &json!(1_000)));
    assert!(told["reset"].is_u64() && told["reset_at"].as_str().unwrap().ends_with(":00:00Z"), "{told}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn pa14_over_the_limit_is_429_with_a_message() {
    let upstream = Upstream::start().await;
    let overrides =
        [format!("api.product-api.upstream={}", upstream.origin()), "api.product-api.plans.free.hour=\"2/hour\"".to_owned()];
    let bitting = Bitting::example_with("product-api", &overrides);
    let key = bitting.key(&[]).key;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(bitting.gateway, "/v1/tasks", &key).await);
    }
    assert_eq!(statuses.iter().map(|reply| reply.status.as_u16()).collect::<Vec<_>>(), [200, 200, 429]);
    assert_eq!(statuses[2].json()["message"], "Too many requests.");
    assert!(!statuses[2].header("retry-after").is_empty());
}

/// The limit and what is left of it, as an answer's headers tell.
fn told(reply: &Reply) -> (u16, String, String) {
    let header = |name: &str| reply.header(name).to_owned();
    (reply.status.as_u16(), header("x-ratelimit-limit"), header("x-ratelimit-remaining"))
}

fn left(status: u16, limit: &str, remaining: &str) -> (u16, String, String) {
    (status, limit.to_owned(), remaining.to_owned())
}

const PLANS: &str = "[api.plans.free]\nhour = \"10/hour\"\n[api.plans.paid]\nhour = \"20/hour\"\n";

#[tokio::test]
async fn pa9_a_changed_plan_and_a_keys_own_number_hold_for_the_next_request_and_forget_nothing() {
    let (bitting, _upstream) = start(PLANS).await;
    bitting.json(&["accounts", "create", "acme"]);
    let key = bitting.key(&["--account", "acme"]);
    let asked = async || told(&ask(bitting.gateway, "/x", &key.key).await);
    assert_eq!(asked().await, left(200, "10", "9"));
    assert_eq!(bitting.json(&["accounts", "update", "acme", "--plan", "paid"])["plan"], "paid");
    assert_eq!(asked().await, left(200, "20", "18"));
    assert_eq!(bitting.json(&["keys", "update", &key.id, "--limit", "hour=3"])["limits"], json!({"hour": 3}));
    assert_eq!(asked().await, left(200, "3", "0"));
    assert_eq!(asked().await, left(429, "3", "0"));
    bitting.json(&["keys", "update", &key.id, "--no-limits"]);
    bitting.json(&["accounts", "update", "acme", "--plan", ""]);
    assert_eq!(asked().await, left(200, "10", "6"));
    let bad = bitting.command(&["keys", "create", "--name", "x", "--limit", "week=3"]);
    assert!(bad.code == 5 && bad.stderr.contains("there are: hour"), "{}", bad.stderr);
}

#[tokio::test]
async fn keys_come_with_their_own_numbers_from_a_file_and_go_with_them() {
    let (bitting, _upstream) = start(PLANS).await;
    let of_nothing = |number: u8| format!("{number:02x}").repeat(32);
    let rows = [json!({"hash": of_nothing(1), "name": "one", "limits": {"hour": 7}}), json!({"hash": of_nothing(2)})];
    std::fs::write(bitting.traces.path("keys.jsonl"), rows.map(|row| row.to_string()).join("\n")).unwrap();
    let csv = format!("hash,name,limits.hour\n{},two,8\n", of_nothing(3));
    std::fs::write(bitting.traces.path("keys.csv"), csv).unwrap();
    for (file, count) in [("keys.jsonl", 2), ("keys.csv", 1)] {
        assert_eq!(bitting.json(&["keys", "import", file])["imported"], count);
    }
    let exported = bitting.command(&["keys", "export"]).stdout;
    let limits: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["limits"].clone()).collect();
    for expected in [json!({"hour": 7}), json!({}), json!({"hour": 8})] {
        assert!(limits.contains(&expected), "{limits:?}");
    }
    std::fs::write(bitting.traces.path("bad.jsonl"), json!({"hash": of_nothing(4), "limits": {"week": 7}}).to_string())
        .unwrap();
    let refused = bitting.command(&["keys", "import", "bad.jsonl"]);
    assert!(refused.code == 5 && refused.stderr.contains("line 1: limits"), "{}", refused.stderr);
}
