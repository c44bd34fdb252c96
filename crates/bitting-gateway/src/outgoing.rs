//! What of a request goes upstream.

use bitting_core::address::Client;
use bitting_core::api::{Upstream, UpstreamHost};
use bitting_core::dialect::is_spelled_like;
use bitting_engine::Permit;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri, Version, header};
use http_body::Body;

use crate::caller::Caller;
use crate::hop_by_hop;

/// The request's id, upstream and back.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many headers are added to a request, so that its map grows once.
const ADDED: usize = 10;

/// Whether a header asks whoever is next for something before the body is sent. What is waited for here is said again by
/// [`Expectation`](crate::expectation::Expectation), and nothing else.
fn expects(name: &HeaderName) -> bool {
    *name == header::EXPECT
}

/// Whether a header names fields that follow the body. They would come after everything here has been decided, identity and
/// credentials included; without this header hyper's client does not send them on.
fn announces_trailers(name: &HeaderName) -> bool {
    *name == header::TRAILER
}

/// Turns the head of a permitted request into the one that goes upstream. `None` if it cannot be written as one, which no
/// request that could be read is. The body is only asked whether and how it ends.
pub(crate) fn prepare(
    head: &mut Parts,
    body: &impl Body,
    permit: &Permit,
    upstream: &Upstream,
    (caller, client): (&Caller, Client),
    id: &HeaderValue,
) -> Option<()> {
    let api = permit.api();
    let host = host_header(&head.uri, head.headers.get(header::HOST));
    head.uri = upstream_uri(&head.uri, |query| api.credentials.remove_from_query(query, &api.format))?;
    head.version = Version::HTTP_11;
    let headers = &mut head.headers;
    headers.reserve(ADDED);
    hop_by_hop::remove(headers, |name| {
        announces_trailers(name)
            || expects(name)
            || is_spelled_like(name, REQUEST_ID.as_str())
            || api.heads.overrides.bar(name)
            || caller.is_pretence(name)
            || api.identity.is_forged(name)
    });
    if !body.is_end_stream() && !headers.contains_key(header::CONTENT_LENGTH) {
        // Left to itself, hyper's client would send GET and HEAD without the body.
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    api.credentials.remove_from_headers(headers, &api.format);
    permit.identify(headers);
    caller.tell_upstream(api.heads.forwards, client, host.as_ref(), headers);
    match &upstream.host {
        UpstreamHost::Preserve => host.map(|host| headers.insert(header::HOST, host)),
        UpstreamHost::Fixed(host) => headers.insert(header::HOST, host.clone()).map(Some),
        // Which server it will be is not known yet.
        UpstreamHost::Upstream => headers.remove(header::HOST).map(Some),
    };
    headers.insert(REQUEST_ID, id.clone());
    Some(())
}

/// Takes a head out of the place that it is kept in. It is large, so that requests hand on where it is and not the head itself.
pub(crate) fn take(head: &mut Parts) -> Parts {
    std::mem::replace(head, Request::new(()).into_parts().0)
}

/// The authority of the request line beats `Host` (RFC 9112, section 3.2.2).
fn host_header(uri: &Uri, host: Option<&HeaderValue>) -> Option<HeaderValue> {
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => host.cloned(),
    }
}

/// The raw path, and the query without credentials.
fn upstream_uri(uri: &Uri, clean: impl Fn(&str) -> Option<String>) -> Option<Uri> {
    let target = uri.path_and_query()?;
    let target = match target.query().and_then(clean) {
        None => target.clone(),
        Some(query) if query.is_empty() => PathAndQuery::try_from(target.path()).ok()?,
        Some(query) => PathAndQuery::try_from(format!("{}?{query}", target.path())).ok()?,
    };
    Some(Uri::from(target))
}
