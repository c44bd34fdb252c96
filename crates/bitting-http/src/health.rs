//! Whether the process lives, and whether it can decide.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::json::Json;
use crate::service::Shared;

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    keys: usize,
    /// The last jump of the machine's clock over a minute, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<String>,
}

#[derive(Serialize)]
struct Liveness {
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Response {
    Json(Liveness { status: "alive" }).into_response()
}

/// `GET /readyz`: every key is in memory, so requests can be decided.
pub(crate) async fn ready(State(shared): State<Shared>) -> Response {
    let status = shared.engine.status();
    let (code, word) = if status.loaded { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "loading") };
    (code, Json(Readiness { status: word, keys: status.keys, clock: status.clock_jump })).into_response()
}
