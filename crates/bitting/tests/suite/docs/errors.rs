//! Every error that the documentation shows is provoked, and its body compared to the byte.

use bitting_core::dialect::Carrier;
use bitting_core::reason::Reason;
use bitting_engine::ServedApi;
use bitting_http::docs::{Block, Page, REQUEST_ID, Refusal};
use serde_json::json;

use super::example;
use crate::harness::{Bitting, Issued, Reply, Upstream, get, request};
use crate::with_a_clock::{ask_an_engine_that_cannot_be_trusted, ask_with_an_expired_key};

#[tokio::test]
async fn bb4_every_error_in_backboards_documentation_is_what_the_server_sends_to_the_byte() {
    prove(&Case { name: "backboard", sample: "/api/assistants", weak: &[], lacking: ("GET", "/") }).await;
}

#[tokio::test]
async fn bn3_every_error_in_backbones_documentation_is_what_the_server_sends_to_the_byte() {
    let weak = &["--permission", "chat:write"];
    prove(&Case { name: "backbone", sample: "/api/v1/models", weak, lacking: ("GET", "/api/v1/models") }).await;
}

#[tokio::test]
async fn lb5_every_error_in_launchboards_documentation_is_what_the_server_sends_to_the_byte() {
    let lacking = ("POST", "/api/v1/stakeholders");
    prove(&Case { name: "launchboard", sample: "/api/v1/stakeholders", weak: &[], lacking }).await;
}

#[tokio::test]
async fn pa14_every_error_in_the_product_apis_documentation_is_what_the_server_sends_to_the_byte() {
    let weak = &["--permission", "users:read"];
    prove(&Case { name: "product-api", sample: "/v1/tasks", weak, lacking: ("GET", "/v1/tasks") }).await;
}

#[tokio::test]
async fn cs6_every_error_in_csboards_documentation_is_what_the_server_sends_to_the_byte() {
    prove(&Case { name: "csboard", sample: "/v1/listings", weak: &[], lacking: ("POST", "/v1/orders") }).await;
}

/// An example, and what its keys may and may not do.
struct Case {
    name: &'static str,
    /// A path that every new key may get.
    sample: &'static str,
    /// The options of a key that lacks a right.
    weak: &'static [&'static str],
    /// The call that it may not make.
    lacking: (&'static str, &'static str),
}

async fn prove(case: &Case) {
    let api = example(case.name);
    let page = Page::new(&api);
    let upstream = Upstream::start().await;
    let bitting = Bitting::example(case.name, &upstream);
    let stage = Stage { case, api: &api, bitting: &bitting };
    let mut proven = 0;
    for section in &page.sections {
        let manages = section.title == "Manage keys over HTTP";
        for block in &section.blocks {
            let Block::Refusals(refusals) = block else { continue };
            for refusal in refusals {
                for reason in &refusal.reasons {
                    if manages {
                        stage.refused_management(*reason, refusal).await;
                    } else {
                        compare(refusal, &stage.provoked(*reason).await, *reason);
                    }
                    proven += 1;
                }
            }
        }
    }
    assert!(proven >= 14, "{proven}");
}

/// Holds an answer against what is documented.
fn compare(refusal: &Refusal, reply: &Reply, reason: Reason) {
    let body = refusal.body.replace(REQUEST_ID, reply.header("x-request-id"));
    assert_eq!((reply.status, &reply.body), (refusal.status, &body), "{reason}");
    for (name, value) in &refusal.headers {
        assert_eq!(reply.headers.get(name), Some(value), "{reason}: {name}");
    }
}

/// Where errors are provoked.
struct Stage<'s> {
    case: &'s Case,
    api: &'s ServedApi,
    bitting: &'s Bitting,
}

impl Stage<'_> {
    /// A header with a key, as this API takes it.
    fn sent(&self, key: &str) -> (String, String) {
        match &self.api.credentials.carriers[0] {
            Carrier::Header(name) => (name.to_string(), key.to_owned()),
            Carrier::Authorization(scheme) => ("authorization".to_owned(), format!("{scheme} {key}")),
            other => panic!("{other} is not used by any example"),
        }
    }

    async fn ask(&self, method: &str, path: &str, keys: &[&str]) -> Reply {
        let sent: Vec<(String, String)> = keys.iter().map(|key| self.sent(key)).collect();
        let headers: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (&**name, &**value)).collect();
        request(self.bitting.gateway, method, path, &headers, "").await
    }

    async fn get(&self, key: &str) -> Reply {
        self.ask("GET", self.case.sample, &[key]).await
    }

    fn key(&self, options: &[&str]) -> Issued {
        self.bitting.key(options)
    }

    /// The beginning of a key.
    fn prefix(&self) -> &str {
        &self.api.format.environments()[0].prefixes[0]
    }

    /// The answer for a reason, asked for as callers would come to it.
    async fn provoked(&self, reason: Reason) -> Reply {
        let Self { case, bitting, .. } = self;
        match reason {
            Reason::MissingKey => self.ask("GET", case.sample, &[]).await,
            Reason::ForeignKey => self.get("zz_nobodys").await,
            Reason::MalformedKey => self.provoked_by_a_damaged_key().await,
            Reason::UnknownKey => self.get(&self.of_another_store()).await,
            Reason::RevokedKey => {
                let key = self.key(&[]);
                bitting.revoke(&key);
                self.get(&key.key).await
            }
            Reason::DisabledKey => {
                let key = self.key(&[]);
                bitting.json(&["keys", "update", &key.id, "--disable"]);
                self.get(&key.key).await
            }
            Reason::DisabledAccount => {
                bitting.json(&["accounts", "create", "suspended"]);
                let key = self.key(&["--account", "suspended"]);
                bitting.json(&["accounts", "update", "suspended", "--suspend"]);
                self.get(&key.key).await
            }
            Reason::ExpiredKey => ask_with_an_expired_key(case.name, case.sample, |key| self.sent(key)).await,
            Reason::AmbiguousCredential => self.ask("GET", case.sample, &[&self.key(&[]).key, &self.key(&[]).key]).await,
            Reason::InsufficientPermission => {
                let (method, path) = case.lacking;
                self.ask(method, path, &[&self.key(case.weak).key]).await
            }
            Reason::AddressNotAllowed => self.get(&self.key(&["--allow-address", "192.0.2.0/24"]).key).await,
            Reason::AddressBanned => self.banned().await,
            Reason::RateLimited => {
                let key = self.key(&["--limit", "minute=1"]).key;
                // A minute may end between two requests, but not between each two of many.
                for _ in 0..10 {
                    let reply = self.get(&key).await;
                    if reply.status == 429 {
                        return reply;
                    }
                }
                panic!("a limit of one a minute lets ten through");
            }
            Reason::InvalidPath => self.ask("GET", "/a/../b", &[&self.key(&[]).key]).await,
            Reason::InvalidRequest => self.ask("post", case.sample, &[&self.key(&[]).key]).await,
            Reason::NotFound => self.ask("GET", "/nothing/is/here", &[&self.key(&[]).key]).await,
            Reason::UpstreamUnreachable => {
                let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
                self.behind(&format!("http://{nobody}"), &[]).await
            }
            Reason::UpstreamTimeout => {
                // A listener that never answers.
                let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                let at = format!("http://{}", silent.local_addr().unwrap());
                self.behind(&at, &[format!("api.{}.timeouts.response_head=200ms", case.name)]).await
            }
            Reason::StoreUnavailable => {
                ask_an_engine_that_cannot_be_trusted(case.name, case.sample, |key| self.sent(key)).await
            }
            other => panic!("nobody knows how to provoke {other}"),
        }
    }

    /// What a good key gets from an address that has sent as many invalid ones as it takes.
    async fn banned(&self) -> Reply {
        let (upstream, name) = (Upstream::start().await, self.case.name);
        let overrides = [format!("api.{name}.upstream={}", upstream.origin()), format!("api.{name}.bans.private=true")];
        let bitting = Bitting::example_with(name, &overrides);
        let stage = Stage { case: self.case, api: self.api, bitting: &bitting };
        for _ in 0..self.api.bans.as_ref().unwrap().after {
            stage.provoked_by_a_damaged_key().await;
        }
        stage.get(&stage.key(&[]).key).await
    }

    async fn provoked_by_a_damaged_key(&self) -> Reply {
        self.get(&format!("{}short", self.prefix())).await
    }

    /// A key that fits the format and was never issued here.
    fn of_another_store(&self) -> String {
        let mut next = 0u8;
        let count = |bytes: &mut [u8]| {
            bytes.fill_with(|| {
                next = next.wrapping_add(101);
                next
            });
            Ok::<(), std::convert::Infallible>(())
        };
        let environment = &self.api.environments[0].name;
        self.api.format.generate(environment, count).unwrap().unwrap().expose().to_owned()
    }

    /// The answer of a server with another upstream.
    async fn behind(&self, upstream: &str, more: &[String]) -> Reply {
        let name = self.case.name;
        let overrides = [&[format!("api.{name}.upstream={upstream}")], more].concat();
        let bitting = Bitting::example_with(name, &overrides);
        let (header, value) = self.sent(&bitting.key(&[]).key);
        get(bitting.gateway, self.case.sample, &[(&header, &value)]).await
    }

    /// Provokes a refusal of a request that manages keys. Where ids differ, those of the documentation are written over.
    async fn refused_management(&self, reason: Reason, refusal: &Refusal) {
        let documented: Vec<&str> = refusal.body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let ids: Vec<&str> = documented.into_iter().filter(|word| word.starts_with("key_")).collect();
        let manager = self.key(&["--permission", "api-keys:read", "--permission", "api-keys:write"]);
        let subject = self.key(&["--permission", "api-keys:read"]);
        let at = |below: &str| format!("/v1/api-keys{below}");
        let one = at(&format!("/{}", subject.id));
        let bearer = format!("Bearer {}", manager.key);
        let send = async |method: &str, path: &str, more: &[(&str, &str)], body: &str| {
            let json = [("content-type", "application/json")];
            let headers = [&[("authorization", &*bearer)][..], if more.is_empty() { &json[..] } else { more }].concat();
            request(self.bitting.gateway, method, path, &headers, body).await
        };
        let (mut told, mut reply) = (refusal.clone(), None);
        match reason {
            Reason::InvalidRequest => reply = Some(send("POST", &at(""), &[], "{}").await),
            Reason::InsufficientPermission => {
                let body = json!({"name": "x", "permissions": ["admin:*"]}).to_string();
                reply = Some(send("POST", &at(""), &[], &body).await);
            }
            Reason::NotFound => reply = Some(send("GET", &at(&format!("/{}", ids[0])), &[], "").await),
            Reason::MethodNotAllowed => reply = Some(send("PUT", &one, &[], "").await),
            Reason::Conflict => {
                let rotate = at(&format!("/{}/rotate", subject.id));
                let first = send("POST", &rotate, &[], "{\"overlap\": \"1h\"}").await;
                self.bitting.traces.issued(first.json()["key"].as_str().unwrap());
                let successor = first.json()["id"].as_str().unwrap().to_owned();
                told.body = told.body.replace(ids[0], &subject.id).replace(ids[1], &successor);
                reply = Some(send("POST", &rotate, &[], "{\"overlap\": \"1h\"}").await);
            }
            Reason::PreconditionFailed => {
                reply = Some(send("PATCH", &one, &[("if-match", "\"0\"")], "{\"name\": \"x\"}").await);
            }
            Reason::PayloadTooLarge => {
                reply = Some(send("POST", &at(""), &[], &format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20))).await);
            }
            Reason::UnsupportedMediaType => {
                reply = Some(send("POST", &at(""), &[("content-type", "text/plain")], "{}").await);
            }
            Reason::IdempotencyKeyReused => {
                for name in ["one", "two"] {
                    let body = json!({"name": name, "permissions": ["api-keys:read"]}).to_string();
                    let answer = send("POST", &at(""), &[("idempotency-key", "twice")], &body).await;
                    if let Some(made) = answer.json()["key"].as_str() {
                        self.bitting.traces.issued(made);
                    }
                    reply = Some(answer);
                }
            }
            other => panic!("nobody knows how to provoke {other}"),
        }
        compare(&told, &reply.unwrap(), reason);
    }
}
