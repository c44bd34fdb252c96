//! The same wiring in this process, on real sockets, with a clock in hand. The shipped binary has no clock switch.

mod aging;
mod bans;
mod limits;
mod watching;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bitting::config::{self, Config, Source};
use bitting::server::{Server, Surroundings};
use bitting_core::address::{AddressList, ForwardedHeader};
use bitting_core::time::Timestamp;
use bitting_engine::{Clock, Engine, EngineOptions, KeySpec, ManualClock, RequestIds};
use bitting_gateway::{Arriving, BodyPace, Caller, Gateway};
use bitting_store::{Actor, Change, KeyPatch, OwnerLock, SqliteStore};
use http::Request;
use http::uri::Scheme;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::harness::{Reply, Traces, Upstream, get};

struct Clocked {
    server: Server,
    clock: ManualClock,
    traces: Traces,
    gateway: SocketAddr,
    service: SocketAddr,
}

async fn start(example: &str, upstream: &Upstream, now: &str) -> Clocked {
    start_in(Traces::new(), example, upstream, now).await
}

async fn start_in(traces: Traces, example: &str, upstream: &Upstream, now: &str) -> Clocked {
    let config = configure(&traces, example, upstream);
    start_with(config, traces, now).await
}

async fn start_with(config: Config, traces: Traces, now: &str) -> Clocked {
    let clock = ManualClock::at(now.parse().unwrap());
    let server = Server::start(config, Surroundings::default(), Arc::new(clock.clone()), Arc::new(String::new)).await.unwrap();
    let (gateway, service) = (server.addresses()[0], server.addresses()[1]);
    Clocked { server, clock, traces, gateway, service }
}

/// An example's configuration, with a store and ports of its own.
fn configure(traces: &Traces, example: &str, upstream: &Upstream) -> Config {
    let listeners = "[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n\
                     [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"health\", \"management\"]\n[server]\ndrain = \"0s\"\n";
    configure_with(traces, example, upstream, listeners, &[])
}

/// The same with other listeners and overrides.
fn configure_with(traces: &Traces, example: &str, upstream: &Upstream, listeners: &str, more: &[&str]) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{example}.toml"));
    let sources = vec![
        Source { name: example.to_owned(), text: std::fs::read_to_string(file).unwrap() },
        Source { name: "listeners".to_owned(), text: listeners.to_owned() },
    ];
    let upstream = format!("api.{example}.upstream=\"{}\"", upstream.origin());
    let overrides: Vec<String> = more.iter().map(|&more| more.to_owned()).chain([upstream]).collect();
    let loaded = config::load(sources, &overrides, traces.folder(), &Arc::default());
    loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.render(false)))
}

impl Clocked {
    async fn key(&self, api: &str, expires_at: Option<Timestamp>) -> (String, Change) {
        let engine = self.server.engine();
        let apis = engine.apis();
        let spec = KeySpec { name: "test".to_owned(), expires_at, ..KeySpec::default() };
        let issued = spec.issue(apis.find(api).unwrap(), self.clock.now()).unwrap();
        let committed = engine.commit(issued.change, Actor::System, "test").await.unwrap();
        self.traces.issued(issued.key.expose());
        let later =
            KeyPatch { expires_at: Some(expires_at.map(|end| end.plus(Duration::from_hours(24)))), ..KeyPatch::default() };
        let extend = Change::UpdateKey { api: api.to_owned(), key: committed.keys[0].row.id, patch: Box::new(later) };
        (issued.key.expose().to_owned(), extend)
    }
}

#[tokio::test]
async fn pa12_a_key_is_refused_over_http_from_the_instant_of_its_expiry_and_admitted_again_when_extended() {
    let upstream = Upstream::start().await;
    let running = start("product-api", &upstream, "2026-01-01T00:00:00Z").await;
    let end: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
    let (key, extend) = running.key("product-api", Some(end)).await;
    let bearer = format!("Bearer {key}");
    let ask = async || get(running.gateway, "/v1/tasks", &[("authorization", &bearer)]).await.status.as_u16();
    running.clock.set("2026-01-01T00:59:59.999Z".parse().unwrap());
    assert_eq!(ask().await, 200);
    running.clock.set(end);
    assert_eq!(ask().await, 401);
    running.server.engine().commit(extend, Actor::System, "test").await.unwrap();
    assert_eq!(ask().await, 200);
}

#[tokio::test]
async fn bb4_an_expired_key_gets_the_same_answer_as_none_to_the_byte() {
    let upstream = Upstream::start().await;
    let running = start("backboard", &upstream, "2026-01-01T00:00:00Z").await;
    let (key, _) = running.key("backboard", Some("2026-01-01T01:00:00Z".parse().unwrap())).await;
    assert_eq!(get(running.gateway, "/", &[("x-api-key", &key)]).await.status, 200);
    running.clock.advance(Duration::from_hours(1));
    let mut answers = Vec::new();
    for headers in [&[][..], &[("x-api-key", &*key)]] {
        let mut reply = get(running.gateway, "/", headers).await;
        reply.headers.remove("x-request-id");
        reply.headers.remove("date");
        answers.push(reply);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn bn3_an_expired_key_is_an_invalid_one() {
    let upstream = Upstream::start().await;
    let running = start("backbone", &upstream, "2026-01-01T00:00:00Z").await;
    let (key, _) = running.key("backbone", Some("2026-01-01T01:00:00Z".parse().unwrap())).await;
    running.clock.advance(Duration::from_hours(1));
    let reply = get(running.gateway, "/api/v1/models", &[("authorization", &format!("Bearer {key}"))]).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"]["code"].as_str()), (401, Some("invalid_api_key")));
}

#[tokio::test]
async fn pa14_an_expired_key_is_401() {
    let upstream = Upstream::start().await;
    let running = start("product-api", &upstream, "2026-01-01T00:00:00Z").await;
    let (key, _) = running.key("product-api", Some("2026-01-01T01:00:00Z".parse().unwrap())).await;
    running.clock.advance(Duration::from_hours(2));
    let reply = get(running.gateway, "/v1/tasks", &[("authorization", &format!("Bearer {key}"))]).await;
    assert_eq!((reply.status.as_u16(), reply.json()["message"].as_str()), (401, Some("The API key has expired.")));
}

#[tokio::test]
async fn an_expired_key_stays_expired_across_a_restart_with_the_clock_set_back() {
    let upstream = Upstream::start().await;
    let running = start("backboard", &upstream, "2026-01-01T00:00:00Z").await;
    let (key, _) = running.key("backboard", Some("2026-01-01T01:00:00Z".parse().unwrap())).await;
    running.clock.advance(Duration::from_hours(2));
    let traces = running.traces.clone();
    running.server.stop().await;
    let again = start_in(traces, "backboard", &upstream, "2026-01-01T00:00:00Z").await;
    assert_eq!(get(again.gateway, "/", &[("x-api-key", &key)]).await.status, 401);
    let ready = get(again.service, "/readyz", &[]).await.json();
    assert_eq!(ready["status"], "ready");
    let behind = "the machine's clock was 7200 s behind the latest time in the store, 2026-01-01T02:00:00Z";
    assert!(ready["clock"].as_str().is_some_and(|words| words.contains(behind)), "{ready}");
}

/// What a key gets that is past its end, sent as the API wants it.
pub(crate) async fn ask_with_an_expired_key(example: &str, path: &str, sent: impl Fn(&str) -> (String, String)) -> Reply {
    let upstream = Upstream::start().await;
    let running = start(example, &upstream, "2026-01-01T00:00:00Z").await;
    let end: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
    let (key, _) = running.key(example, Some(end)).await;
    running.clock.set(end);
    let (name, value) = sent(&key);
    get(running.gateway, path, &[(&name, &value)]).await
}

/// What a key gets from an engine that does not know its keys yet.
pub(crate) async fn ask_an_engine_that_cannot_be_trusted(
    example: &str,
    path: &str,
    sent: impl Fn(&str) -> (String, String),
) -> Reply {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    let Config { apis, store, .. } = configure(&traces, example, &upstream);
    let clock = Arc::new(ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap()));
    let api = Arc::clone(apis.find(example).unwrap());
    let key = KeySpec { name: "test".to_owned(), ..KeySpec::default() }.issue(&api, clock.now()).unwrap().key;
    traces.issued(key.expose());
    let store = Arc::new(SqliteStore::open(OwnerLock::acquire(&store).unwrap()).unwrap());
    let engine = Engine::open(EngineOptions { store, apis, clock }).await.unwrap();
    let ids = Arc::new(RequestIds::new().unwrap());
    let reserved = bitting_http::reserved(Arc::clone(&engine), Arc::clone(&ids));
    let gateway = Gateway::new(Arc::clone(&engine), ids, reserved);
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, peer) = socket.accept().await.unwrap();
        let caller = Caller::new(peer.ip(), &Scheme::HTTP, AddressList::default(), ForwardedHeader::XForwardedFor, None);
        let pace = BodyPace { pause: Duration::from_secs(30), rate: 0 };
        let handle = |request: Request<Incoming>| async {
            let request = Arriving::of(request, pace);
            Ok::<_, Infallible>(gateway.handle(request, &caller).await)
        };
        http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handle)).await
    });
    let (name, value) = sent(key.expose());
    let reply = get(address, path, &[(&name, &value)]).await;
    assert!(upstream.requests().is_empty());
    reply
}

#[tokio::test]
async fn cs6_a_store_that_cannot_be_trusted_is_told_in_the_same_form() {
    let sent = |key: &str| ("authorization".to_owned(), format!("Bearer {key}"));
    let reply = ask_an_engine_that_cannot_be_trusted("csboard", "/v1/listings", sent).await;
    assert_eq!(reply.status, 503);
    let body = reply.json();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "detail"]);
    assert_eq!((body["code"].as_str(), reply.header("content-type")), (Some("store_unavailable"), "application/json"));
}
