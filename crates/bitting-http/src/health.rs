//! Whether the process lives, and whether it can decide.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bitting_engine::EngineStatus;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::json::Json;
use crate::service::Shared;

#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready`, `loading`, `stopping` or `broken`.
    #[schema(examples("ready"))]
    status: &'static str,
    /// How many keys are in memory.
    #[schema(value_type = u64)]
    keys: usize,
    /// What was last odd about the machine's clock, by over a minute, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Liveness {
    #[schema(examples("alive"))]
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "alive",
    tag = "health",
    security(()),
    responses((status = 200, description = "It does", body = Liveness)),
)]
pub(crate) async fn alive() -> Response {
    Json(Liveness { status: "alive" }).into_response()
}

/// Whether requests can be decided
///
/// They can if every key is in memory and changes reach it.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    tag = "health",
    security(()),
    responses(
        (status = 200, description = "They can", body = Readiness),
        (status = 503, description = "They cannot: not yet, or not before a restart", body = Readiness),
    ),
)]
pub(crate) async fn ready(State(shared): State<Shared>) -> Response {
    let status = shared.engine.status();
    let (code, word) = readiness(&status);
    (code, Json(Readiness { status: word, keys: status.keys, clock: status.clock })).into_response()
}

fn readiness(status: &EngineStatus) -> (StatusCode, &'static str) {
    let word = status.word();
    (if word == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_whose_writer_is_gone_is_not_ready_though_it_has_every_key() {
        let word = |loaded, broken| readiness(&EngineStatus { loaded, broken, stopping: false, keys: 1, clock: None });
        assert_eq!(word(true, false), (StatusCode::OK, "ready"));
        assert_eq!(word(false, false), (StatusCode::SERVICE_UNAVAILABLE, "loading"));
        assert_eq!(word(true, true), (StatusCode::SERVICE_UNAVAILABLE, "broken"));
    }

    #[test]
    fn a_server_that_is_about_to_stop_is_not_ready_though_it_still_decides() {
        let status = EngineStatus { loaded: true, broken: false, stopping: true, keys: 1, clock: None };
        assert_eq!(readiness(&status), (StatusCode::SERVICE_UNAVAILABLE, "stopping"));
    }
}
