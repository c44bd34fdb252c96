//! `bitting reload` and SIGHUP: another configuration, and nobody who calls notices more than what it says.

mod load;
mod wrong;

use serde_json::Value;
use tokio::net::TcpStream;

use crate::harness::{Bitting, Upstream, get};

/// An API with a limit, whose keys are the same in all configurations here.
fn config(upstream: &Upstream, monthly: u32, more: &str) -> String {
    format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\nlimits = {{ month = \"{monthly}/month\" }}\n\
         [api.key]\nprefix = \"shop_\"\n{more}\n",
        upstream.origin()
    )
}

/// Writes the configuration that the server was started with, as somebody would edit it.
fn write(bitting: &Bitting, text: &str) {
    std::fs::write(bitting.traces.path("bitting.toml"), text).unwrap();
}

fn reload(bitting: &Bitting, text: &str) -> Value {
    write(bitting, text);
    bitting.json(&["reload"])
}

const PUBLIC: &str = "[[api.route]]\nmatch = \"/open\"\naccess = \"public\"\n";

#[tokio::test]
async fn what_has_changed_is_in_force_when_reload_returns() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let bitting = Bitting::with_config(&config(&first, 100, ""));
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 401);
    let told = reload(&bitting, &config(&second, 100, PUBLIC));
    assert_eq!((&told["apis"][0], told["need_restart"].as_array().unwrap().len()), (&Value::from("shop"), 0));
    assert_eq!(told["addresses"][0], bitting.gateway.to_string());
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 200);
    assert_eq!((first.requests().len(), second.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_timeout_that_no_api_had_before_is_one_that_upstreams_can_be_reached_with() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, 100, PUBLIC));
    reload(&bitting, &config(&upstream, 100, &format!("{PUBLIC}[api.timeouts]\nresponse_head = \"7s\"\n")));
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 200);
}

#[tokio::test]
async fn limits_keep_what_was_used_and_revoked_stays_revoked() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, 5, ""));
    let (key, revoked) = (bitting.key(&[]), bitting.key(&[]));
    bitting.revoke(&revoked);
    let ask = async |key: &str| get(bitting.gateway, "/", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16();
    for _ in 0..3 {
        assert_eq!(ask(&key.key).await, 200);
    }
    reload(&bitting, &config(&upstream, 4, PUBLIC));
    assert_eq!((ask(&key.key).await, ask(&key.key).await), (200, 429), "three were used of what are four now");
    assert_eq!(ask(&revoked.key).await, 401);
    reload(&bitting, &config(&upstream, 5, ""));
    assert_eq!((ask(&key.key).await, ask(&key.key).await), (200, 429));
}

#[tokio::test]
async fn an_api_that_is_added_has_keys_at_once_and_one_that_is_taken_away_and_comes_back_still_has_its_own() {
    let upstream = Upstream::start().await;
    let shop = config(&upstream, 100, "hosts = [\"shop.test\"]\n").replace("[api.key]\nprefix = \"shop_\"\n", "");
    let shop = format!("{shop}[api.key]\nprefix = \"shop_\"\n");
    let depot = shop.replace("shop", "depot");
    let bitting = Bitting::with_config(&shop);
    let old = bitting.key(&[]);
    reload(&bitting, &format!("{shop}{depot}"));
    let new = bitting.key(&["--api", "depot"]);
    let ask = async |host: &str, key: &str| {
        get(bitting.gateway, "/", &[("host", host), ("authorization", &format!("Bearer {key}"))]).await.status.as_u16()
    };
    assert_eq!((ask("shop.test", &old.key).await, ask("depot.test", &new.key).await), (200, 200));
    reload(&bitting, &depot);
    assert_eq!((ask("shop.test", &old.key).await, ask("depot.test", &new.key).await), (421, 200));
    reload(&bitting, &format!("{depot}{shop}"));
    assert_eq!((ask("shop.test", &old.key).await, ask("depot.test", &new.key).await), (200, 200));
}

#[tokio::test]
async fn listeners_come_and_go_and_those_that_stay_keep_their_connections() {
    let upstream = Upstream::start().await;
    let text = config(&upstream, 100, PUBLIC);
    let bitting = Bitting::with_config(&text);
    let mut kept = load::Caller::connect(bitting.gateway).await;
    assert_eq!(kept.get("/open", &[]).await.unwrap(), 200);
    let listener = "[[listen]]\naddress = \"127.0.0.2:0\"\nserve = [\"gateway\"]\n";
    let told = reload(&bitting, &format!("{text}{listener}"));
    let added = told["addresses"].as_array().unwrap().iter().find(|address| address.as_str().unwrap().starts_with("127.0.0.2"));
    let added = added.unwrap().as_str().unwrap().parse().unwrap();
    assert_eq!(get(added, "/open", &[]).await.status, 200);
    let told = reload(&bitting, &text);
    assert_eq!(told["addresses"].as_array().unwrap().len(), 2);
    bitting.wait_for(|line| line.contains("no longer listening") && line.contains(&added.to_string()));
    assert!(TcpStream::connect(added).await.is_err());
    assert_eq!(kept.get("/open", &[]).await.unwrap(), 200);
}

#[tokio::test]
async fn connections_that_are_open_believe_another_proxy_from_the_next_request_on() {
    let upstream = Upstream::start().await;
    let text = config(&upstream, 100, PUBLIC);
    let bitting = Bitting::with_config(&text);
    let mut caller = load::Caller::connect(bitting.gateway).await;
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    caller.get("/open", &forwarded).await.unwrap();
    assert_eq!(upstream.last().header("x-forwarded-for"), "127.0.0.1");
    let listeners = bitting.traces.path("listeners.toml");
    let trusting =
        std::fs::read_to_string(&listeners).unwrap().replace("serve =", "trusted_proxies = [\"127.0.0.1\"]\nserve =");
    std::fs::write(&listeners, trusting).unwrap();
    bitting.json(&["reload"]);
    caller.get("/open", &forwarded).await.unwrap();
    assert!(upstream.last().header("x-forwarded-for").starts_with("203.0.113.7"));
}

#[tokio::test]
async fn a_store_that_is_named_otherwise_is_said_to_need_a_restart() {
    let upstream = Upstream::start().await;
    let text = config(&upstream, 100, "");
    let traces = crate::harness::Traces::new();
    let file = traces.path("bitting.toml");
    let named = |store: &str| format!("[store]\npath = \"{store}\"\n{text}");
    std::fs::write(&file, named("bitting.db")).unwrap();
    let bitting = Bitting::serve_with_store(&file, "log.access=true", traces);
    // Whoever asks has to find the server, so the link leads to where it was.
    std::os::unix::fs::symlink("bitting.db.control", bitting.traces.path("other.db.control")).unwrap();
    let told = reload(&bitting, &named("other.db"));
    assert!(told["need_restart"][0].as_str().unwrap().starts_with("store.path stays"), "{told}");
}
