//! Managing keys over HTTP: by keys on the gateway, and by operators on the service listener.

mod delegating;
mod documents;
mod events;
mod importing;
mod keys;
mod leaks;
mod lists;
mod operators;
mod plans;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::{Bitting, Reply, Upstream, request};

/// The product API in front of two upstreams.
pub(crate) async fn start() -> (Bitting, Upstream, Upstream) {
    start_with("free").await
}

/// The same with another plan for accounts that have none.
pub(crate) async fn start_with(plan: &str) -> (Bitting, Upstream, Upstream) {
    let (production, sandbox) = (Upstream::start().await, Upstream::start().await);
    let upstream =
        format!("api.product-api.upstream={{ live = \"{}\", test = \"{}\" }}", production.origin(), sandbox.origin());
    let plan = format!("api.product-api.default_plan={plan}");
    (Bitting::example_with("product-api", &[upstream, plan]), production, sandbox)
}

/// Whoever holds a key, and where they manage keys.
struct Manager {
    at: SocketAddr,
    base: String,
    bearer: String,
    traces: crate::harness::Traces,
}

impl Manager {
    /// On the gateway, with a key.
    fn holder(bitting: &Bitting, key: &str) -> Self {
        Self::new(bitting.gateway, "/v1/api-keys", key, bitting)
    }

    /// On the service listener, with an operator token.
    fn operator(bitting: &Bitting, permissions: &[&str]) -> Self {
        let options: Vec<&str> = permissions.iter().flat_map(|permission| ["--permission", permission]).collect();
        let token = bitting.key(&[&["--api", "bitting"], &options[..]].concat()).key;
        Self::new(bitting.service, "/v1/apis/product-api/api-keys", &token, bitting)
    }

    fn new(at: SocketAddr, base: &str, key: &str, bitting: &Bitting) -> Self {
        Self { at, base: base.to_owned(), bearer: format!("Bearer {key}"), traces: bitting.traces.clone() }
    }

    async fn send(&self, method: &str, below: &str, more: &[(&str, &str)], body: &str) -> Reply {
        let path = if below.starts_with("/v1/") { below.to_owned() } else { format!("{}{below}", self.base) };
        let mut headers = vec![("authorization", &*self.bearer)];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        headers.extend_from_slice(more);
        let reply = request(self.at, method, &path, &headers, body).await;
        // Keys that were made are told to the search for leaked ones; nothing else that is answered may hold one.
        match serde_json::from_str::<Value>(&reply.body).ok().and_then(|body| body["key"].as_str().map(str::to_owned)) {
            Some(key) => self.traces.issued(&key),
            None => self.traces.answered(&reply.body),
        }
        reply
    }

    async fn get(&self, below: &str) -> Reply {
        self.send("GET", below, &[], "").await
    }

    async fn post(&self, below: &str, body: &Value) -> Reply {
        self.send("POST", below, &[], &body.to_string()).await
    }

    async fn patch(&self, id: &str, body: &Value) -> Reply {
        self.send("PATCH", &format!("/{id}"), &[], &body.to_string()).await
    }

    async fn delete(&self, below: &str) -> Reply {
        self.send("DELETE", below, &[], "").await
    }

    /// A key that must be made: its text and its id.
    async fn make(&self, body: &Value) -> (String, String) {
        let reply = self.post("", body).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let made = reply.json();
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    }
}

/// A key of the product API that may manage others and has some rights of its own.
pub(crate) fn manager_key(bitting: &Bitting, options: &[&str]) -> crate::harness::Issued {
    let may = ["--permission", "api-keys:read", "--permission", "api-keys:write"];
    bitting.key(&[&may, options].concat())
}

fn named(name: &str, permissions: &[&str]) -> Value {
    json!({"name": name, "permissions": permissions})
}
