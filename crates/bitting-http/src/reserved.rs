//! The paths that a protected API leaves to Bitting, on the gateway.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bitting_core::route::Target;
use bitting_engine::{Admission, AnswerFor, Engine, RequestIds};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Serialize;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::dashboard::{DashboardSettings, Reception};
use crate::fault::Fault;
use crate::idempotency::InFlight;
use crate::json::Json;
use crate::service::Shared;
use crate::standing::LimitsView;
use crate::whoami::KeyView;
use crate::{guard, management};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Serialize)]
struct Alive {
    status: &'static str,
}

/// The service that answers them. It finds the request's [`Admission`] among its extensions.
pub fn reserved<B>(
    engine: Arc<Engine>,
    ids: Arc<RequestIds>,
) -> BoxCloneSyncService<Request<B>, http::Response<UnsyncBoxBody<Bytes, BoxError>>, Infallible>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let shared = Shared {
        engine,
        ids,
        metrics: Arc::new(String::new),
        in_flight: InFlight::default(),
        followers: management::Followers::default(),
        importing: Arc::default(),
        reception: Arc::new(Reception::new(DashboardSettings::default())),
        document: Bytes::new(),
    };
    let keys = axum::Router::from(management::keys())
        .method_not_allowed_fallback(guard::method_not_allowed)
        .fallback(guard::nothing_here)
        .with_state(shared);
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<B>| {
        let keys = keys.clone();
        async move {
            let answer = match request.extensions().get::<Admission>().cloned() {
                // Without an admission there is nothing to say; the gateway never asks without one.
                None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                Some(admission) => in_dialect(answer(request, &admission, keys).await, &admission),
            };
            Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
        }
    }))
}

async fn answer<B>(request: Request<B>, admission: &Admission, keys: axum::Router) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let permit = &admission.permit;
    match (permit.target(), permit.key(), &permit.api().management_path) {
        (Target::Health, _, _) => Json(Alive { status: "alive" }).into_response(),
        (Target::RateLimit, Some(_), _) => Json(LimitsView::new(permit)).into_response(),
        (Target::Whoami, Some(record), _) => Json(KeyView::new(permit.api(), record)).into_response(),
        (Target::Management, Some(_), Some(base)) => {
            let Some(below) = below(request.uri(), base) else { return Fault::not_found("such thing here").into_response() };
            let mut request = request.map(Body::new);
            *request.uri_mut() = below;
            match keys.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        _ => Fault::not_found("such thing here").into_response(),
    }
}

/// The rest of a path below the one at which keys are managed. `None` if that is written with needless escapes.
fn below(uri: &Uri, base: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(base)?;
    let rest = if rest.is_empty() { "/" } else { rest };
    uri.query().map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}")).parse().ok()
}

/// A fault as the API itself would tell it.
fn in_dialect(answer: Response, admission: &Admission) -> Response {
    let Some(fault) = answer.extensions().get::<Fault>() else { return answer };
    let denial = admission.permit.refuse(fault.reason).because(&fault.detail);
    let mut told = denial.response(AnswerFor { request_id: admission.request_id.as_str(), origin: None }).map(Body::from);
    // Which methods there are is no matter of words (RFC 9110, section 15.5.6).
    if let Some(allow) = answer.headers().get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, allow.clone());
    }
    told.extensions_mut().insert(fault.reason);
    told
}
