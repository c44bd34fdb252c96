//! What of a request goes upstream.

use bitting_core::api::Upstream;
use bitting_engine::{Permit, RequestId};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Request, Uri, Version, header};
use hyper::body::Incoming;

use crate::client_address::Caller;
use crate::hop_by_hop;

/// The request's id, upstream and back.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that make some frameworks see another method or path than the one that was decided about.
const OVERRIDES: [HeaderName; 7] = [
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-method"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// Turns a permitted request into the one that goes upstream. `None` if it cannot be written as one, which no request that
/// could be read is.
pub(crate) fn prepare(
    request: Request<Incoming>,
    permit: &Permit,
    upstream: &Upstream,
    caller: &Caller,
    id: &RequestId,
) -> Option<Request<Incoming>> {
    let (mut head, body) = request.into_parts();
    let api = permit.api();
    let host = host_header(&head.uri, head.headers.get(header::HOST));
    head.uri = upstream_uri(&head.uri, upstream, |query| api.credentials.remove_from_query(query, &api.format))?;
    head.version = Version::HTTP_11;
    let headers = &mut head.headers;
    hop_by_hop::remove(headers);
    api.credentials.remove_from_headers(headers, &api.format);
    for name in OVERRIDES {
        headers.remove(name);
    }
    permit.identify(headers);
    caller.tell_upstream(host.as_ref(), headers);
    if let Some(host) = host {
        headers.insert(header::HOST, host);
    }
    headers.insert(REQUEST_ID, id.to_header());
    Some(Request::from_parts(head, body))
}

/// The authority of the request line beats `Host` (RFC 9112, section 3.2.2).
fn host_header(uri: &Uri, host: Option<&HeaderValue>) -> Option<HeaderValue> {
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => host.cloned(),
    }
}

/// The raw path under the upstream's origin, and the query without credentials.
fn upstream_uri(uri: &Uri, upstream: &Upstream, clean: impl Fn(&str) -> Option<String>) -> Option<Uri> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(upstream.scheme().clone());
    parts.authority = Some(Authority::clone(upstream.authority()));
    let target = uri.path_and_query()?;
    parts.path_and_query = Some(match target.query().and_then(clean) {
        None => target.clone(),
        Some(query) if query.is_empty() => PathAndQuery::try_from(target.path()).ok()?,
        Some(query) => PathAndQuery::try_from(format!("{}?{query}", target.path())).ok()?,
    });
    Uri::from_parts(parts).ok()
}
