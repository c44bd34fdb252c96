//! The same pipeline before Bitting's own handlers as before any upstream.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bitting_core::address::Client;
use bitting_core::reason::Reason;
use bitting_engine::access::Access;
use bitting_engine::{Admission, AnswerFor, Decision, Denial, Inquiry, Presented, RequestId, Scope};
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri};

use crate::dashboard;
use crate::fault::Fault;
use crate::service::{Peer, Shared};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request that the pipeline let through. A handler that takes one as an argument cannot be reached without a permit.
pub(crate) struct Permitted(pub(crate) Admission);

impl<S: Sync> FromRequestParts<S> for Permitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        // Only a router without the guard would lack it, and that must not become an open door.
        let admission = parts.extensions.get::<Admission>().cloned();
        admission.map(Self).ok_or_else(|| http::StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
}

/// Decides about a request to Bitting's own API, and writes its line in the access log.
pub(crate) async fn guard(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = shared.ids.next();
    let apis = shared.engine.apis();
    let own = apis.own();
    let Some(peer) = request.extensions().get::<Peer>() else {
        return http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let client = Client::of(peer.address, request.headers(), &peer.trusted_proxies, peer.forwarded_header);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let inquiry = Inquiry {
        scope: Scope::Api(&own.name),
        method: &method,
        path: uri.path(),
        presented: Presented::Request { headers: request.headers(), query: uri.query() },
        client: Some(client),
    };
    let decision = shared.engine.decide(&inquiry).await;
    let (mut reason, mut key) = (None, None);
    let mut response = match decision {
        Decision::Denial(denial) => {
            (reason, key) = (Some(denial.reason()), denial.key().cloned());
            if matches!(denial.reason(), Reason::NotFound | Reason::InvalidPath) && wants_page(request.headers()) {
                dashboard::nothing_here(&shared, request.headers())
            } else {
                refuse(&denial, &request_id)
            }
        }
        Decision::Preflight(_, answer) => answer.map(Body::from),
        Decision::Permit(permit) => {
            key = permit.key().cloned();
            request.extensions_mut().insert(Admission { permit: Arc::new(permit), request_id, client: client.address() });
            let response = next.run(request).await;
            reason = response.extensions().get::<Reason>().copied();
            response
        }
    };
    response.headers_mut().insert(REQUEST_ID, request_id.to_header());
    let status = response.status();
    let elapsed = started.elapsed();
    let (key, client) = (key.as_deref(), client.address());
    Access { request_id: &request_id, api: own, client, method: &method, path: uri.path(), status, reason, key, elapsed }.log();
    response
}

/// A route that exists, but not on this listener; for people a page that says so.
pub(crate) async fn not_found(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Permitted(admission): Permitted,
) -> Response {
    if let Some(page) = dashboard::elsewhere(&shared, uri.path()) {
        return page;
    }
    if wants_page(&headers) {
        return dashboard::nothing_here(&shared, &headers);
    }
    refuse(&admission.permit.refuse(Reason::NotFound), &admission.request_id)
}

/// Whether somebody looks with a browser.
fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|kinds| kinds.contains("text/html"))
}

/// A path that exists, asked in a way in which it cannot be asked.
pub(crate) async fn method_not_allowed() -> Fault {
    no_such_method()
}

/// What is said of such a way.
pub(crate) fn no_such_method() -> Fault {
    Fault::of(Reason::MethodNotAllowed, Reason::MethodNotAllowed.default_detail())
}

/// A path below one that exists.
pub(crate) async fn nothing_here() -> Fault {
    Fault::not_found("such thing here")
}

/// A refusal, with its reason for the access log.
fn refuse(denial: &Denial, request_id: &RequestId) -> Response {
    let mut response = denial.response(AnswerFor { request_id: request_id.as_str(), origin: None }).map(Body::from);
    response.extensions_mut().insert(denial.reason());
    response
}
