//! Metrics in Prometheus' text format.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::service::Shared;

/// Writes down all metrics. Whoever installs the recorder knows how.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Metrics in Prometheus' text format
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "scrape",
    tag = "health",
    security(()),
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain; version=0.0.4; charset=utf-8")),
)]
pub(crate) async fn scrape(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (shared.metrics)()).into_response()
}
