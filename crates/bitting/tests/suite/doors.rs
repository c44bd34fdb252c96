//! The listener's side of connections: TLS, HTTP/2, the PROXY protocol, limits, and what callers are told who speak something else.

mod certified;
mod frames;
mod loaded;
mod proxied;
mod securing;
mod sized;
mod slow;
mod speaking;

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::gateway::config;
use crate::harness::{Bitting, Traces, Upstream};

pub(crate) use self::certified::Certified;

/// One API before a gateway whose listener has more settings.
async fn start(more: &str) -> (Bitting, Upstream, String) {
    start_among(Traces::new(), more).await
}

async fn start_among(traces: Traces, more: &str) -> (Bitting, Upstream, String) {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_door(&config(&upstream, ""), more, traces);
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    (bitting, upstream, bearer)
}

/// The same with TLS for `api.example`, whose authority is in the file `authority.pem` among the traces.
async fn start_secured(more: &str) -> (Bitting, Upstream, String) {
    let traces = Traces::new();
    Certified::authority(&traces).certify("own", &["api.example"]);
    start_among(traces, &format!("tls = {{ certificate = \"own.pem\", key = \"own.key\" }}\n{more}")).await
}

/// What curl prints: `%{http_version} %{http_code}` and the body, or why it failed.
async fn curl(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_version} %{http_code}"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
