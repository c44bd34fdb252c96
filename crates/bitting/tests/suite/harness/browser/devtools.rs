//! What `WebDriver` has no word for: Chromium's own protocol, through its driver.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::http::request;

/// The way to one session of a driver.
#[derive(Debug, Clone)]
pub(super) struct Devtools {
    driver: SocketAddr,
    session: String,
}

impl Devtools {
    pub(super) fn new(driver: SocketAddr, session: String) -> Self {
        Self { driver, session }
    }

    /// Sends a command of the `DevTools` protocol, and returns its result.
    pub(super) async fn command(&self, name: &str, parameters: Value) -> Value {
        let reply = self.send("POST", "goog/cdp/execute", &json!({"cmd": name, "params": parameters})).await;
        reply.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Computes an expression beside the page, where the page's own policy does not apply, and waits for its promise.
    pub(super) async fn evaluate(&self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut reply = self.command("Runtime.evaluate", parameters).await;
        assert!(reply["exceptionDetails"].is_null(), "{}", reply["exceptionDetails"]);
        reply["result"]["value"].take()
    }

    /// What the browser wrote on its console since it was last asked.
    pub(super) async fn console(&self) -> Result<Vec<Value>, String> {
        let lines = self.send("POST", "se/log", &json!({"type": "browser"})).await?;
        Ok(lines.as_array().cloned().unwrap_or_default())
    }

    /// Sends a command of `WebDriver`.
    pub(super) async fn send(&self, method: &str, command: &str, body: &Value) -> Result<Value, String> {
        let target = format!("/session/{}/{command}", self.session);
        let target = target.trim_end_matches('/');
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let reply = request(self.driver, method, target, &[("content-type", "application/json")], &body).await;
        let mut answer = reply.json();
        if reply.status == 200 { Ok(answer["value"].take()) } else { Err(answer["value"]["message"].to_string()) }
    }
}
