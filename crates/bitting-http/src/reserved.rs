//! The paths that a protected API leaves to Bitting, on the gateway.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bitting_core::route::Target;
use bitting_engine::Permit;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Serialize;
use tower::util::BoxCloneSyncService;

use crate::json::Json;
use crate::whoami::KeyView;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

/// The service that answers them. It finds the request's permit among its extensions, as an `Arc<Permit>`.
pub fn reserved<B: Send + 'static>()
-> BoxCloneSyncService<Request<B>, http::Response<UnsyncBoxBody<Bytes, BoxError>>, Infallible> {
    BoxCloneSyncService::new(tower::service_fn(|request: Request<B>| async move {
        let answer = request.extensions().get::<Arc<Permit>>().map_or_else(
            // Without a permit there is nothing to say; the gateway never asks without one.
            || StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            |permit| answer(permit),
        );
        Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
    }))
}

fn answer(permit: &Permit) -> Response {
    match (permit.target(), permit.key()) {
        (Target::Health, _) => Json(Alive { status: "alive" }).into_response(),
        (Target::Whoami, Some(record)) => Json(KeyView::new(permit.api(), record)).into_response(),
        (Target::Whoami | Target::Upstream | Target::Management, _) => StatusCode::NOT_FOUND.into_response(),
    }
}
