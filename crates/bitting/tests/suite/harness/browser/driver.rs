//! The program that drives Chromium.
//!
//! Each browser has its own: it starts in 30 ms, and what one test does cannot reach another. Chromium hangs on it by a pipe, so
//! that it ends with its driver however that ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use crate::harness::Traces;

/// A running `chromedriver`, killed with this.
pub(super) struct Driver {
    child: Child,
    address: SocketAddr,
    /// Kept open, so that the driver may go on writing.
    _lines: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts one on a port that nobody uses.
    pub(super) fn start(traces: &Traces) -> Self {
        let errors = File::create(traces.path("chromium.err")).unwrap();
        // The zone and the language decide how times and date fields look.
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .envs([("TZ", "UTC"), ("LANG", "en_US.UTF-8")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver: {error}: run the tests with `cargo xtask test`"));
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let port = (&mut lines).lines().map_while(Result::ok).find_map(|line| port(&line)).unwrap();
        Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _lines: lines }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens a Chromium whose profile lies among the traces, where it is searched for keys.
    pub(super) async fn session(&self, traces: &Traces) -> Client {
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&argument| argument.to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", traces.path("profile").display()));
        let preferences = json!({"credentials_enable_service": false, "profile.password_manager_leak_detection": false});
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments, "prefs": preferences},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"implicit": 0, "pageLoad": 30_000, "script": 30_000},
        });
        let capabilities: Map<String, Value> = serde_json::from_value(capabilities).unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&format!("http://{}", self.address)).await;
        let client = client.unwrap_or_else(|error| {
            let said = std::fs::read_to_string(traces.path("chromium.err")).unwrap_or_default();
            panic!("Chromium does not start: {error}\n{said}")
        });
        // Whoever ends it is the driver; the client would try on a runtime that is about to end.
        client.persist().await.unwrap();
        client
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `ChromeDriver was started successfully on port 40151.`
fn port(line: &str) -> Option<u16> {
    line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok()
}

const ARGUMENTS: &[&str] = &[
    "--headless",
    // Root needs the first, a container with little shared memory the second.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    // Ends with its driver.
    "--remote-debugging-pipe",
    // Speaks with this machine and nobody else.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pings",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--disable-sync",
    "--disable-gpu-shader-disk-cache",
    // Looks the same everywhere.
    "--force-color-profile=srgb",
    "--lang=en-US",
    // Tells scripts what a screen reader would call an element, by which the tests find it.
    "--enable-blink-features=ComputedAccessibilityInfo",
];
