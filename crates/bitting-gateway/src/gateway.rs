//! One request's way through the gateway.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::route::Target;
use bitting_engine::access::Access;
use bitting_engine::{
    AnswerFor, Decision, Denial, Engine, Inquiry, Permit, Presented, RequestId, RequestIds, Scope, ServedApi,
};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Uri, Version, header};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::body::{GatewayBody, LocalBody};
use crate::caller::Caller;
use crate::upstream::Upstreams;
use crate::{hop_by_hop, outgoing};

/// Answers the requests that an API leaves to Bitting. It finds the [`Permit`] among the request's extensions, as an
/// `Arc<Permit>`.
pub type LocalService = BoxCloneSyncService<Request<Incoming>, Response<LocalBody>, Infallible>;

/// The gateway: everything that its connections share.
pub struct Gateway {
    engine: Arc<Engine>,
    ids: Arc<RequestIds>,
    upstreams: Upstreams,
    local: LocalService,
}

/// An answer, and what the access log says about it.
struct Outcome {
    response: Response<GatewayBody>,
    api: Arc<ServedApi>,
    reason: Option<Reason>,
    key: Option<Arc<Record>>,
}

/// What is kept of a request while its head is on the way upstream.
struct Exchange<'r> {
    id: &'r RequestId,
    id_header: HeaderValue,
    client: IpAddr,
    method: Method,
    uri: Uri,
    origin: Option<HeaderValue>,
}

impl Gateway {
    /// A gateway for the APIs of an engine.
    pub fn new(engine: Arc<Engine>, ids: Arc<RequestIds>, local: LocalService) -> Self {
        let upstreams = Upstreams::new(&engine.apis());
        Self { engine, ids, upstreams, local }
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Incoming>, caller: &Caller) -> Response<GatewayBody> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let id = self.ids.next();
        let exchange = Exchange {
            id: &id,
            id_header: id.to_header(),
            client: caller.client(&head.headers),
            method: head.method.clone(),
            uri: head.uri.clone(),
            origin: head.headers.get(header::ORIGIN).cloned(),
        };
        let mut outcome = self.answer(head, body, caller, &exchange).await;
        Access {
            request_id: &id,
            api: &outcome.api,
            client: exchange.client,
            method: &exchange.method,
            path: exchange.uri.path(),
            status: outcome.response.status(),
            reason: outcome.reason,
            key: outcome.key.as_deref(),
            elapsed: started.elapsed(),
        }
        .log();
        outcome.response.headers_mut().insert(outgoing::REQUEST_ID, exchange.id_header);
        outcome.response
    }

    async fn answer(&self, head: Parts, body: Incoming, caller: &Caller, exchange: &Exchange<'_>) -> Outcome {
        let Some(authority) = authority(&head) else {
            return exchange.refuse(&self.engine.refuse(Reason::InvalidRequest));
        };
        let decision = self.engine.decide(&Inquiry {
            scope: caller.api().map_or(Scope::Authority(authority), Scope::Api),
            method: &head.method,
            path: head.uri.path(),
            presented: Presented::Request { headers: &head.headers, query: head.uri.query() },
            client: Some(exchange.client),
        });
        match decision {
            Decision::Denial(denial) => exchange.refuse(&denial),
            Decision::Preflight(api, answer) => {
                Outcome { response: answer.map(GatewayBody::from), api, reason: None, key: None }
            }
            Decision::Permit(permit) if permit.target() == Target::Upstream => {
                match self.forward(head, body, &permit, caller, exchange).await {
                    Ok(response) => exchange.admit(response, &permit),
                    Err(reason) => exchange.refuse(&permit.fail(reason)),
                }
            }
            Decision::Permit(permit) => {
                let permit = Arc::new(permit);
                let response = self.answer_locally(Request::from_parts(head, body), Arc::clone(&permit)).await;
                exchange.admit(response, &permit)
            }
        }
    }

    async fn forward(
        &self,
        mut head: Parts,
        body: Incoming,
        permit: &Permit,
        caller: &Caller,
        exchange: &Exchange<'_>,
    ) -> Result<Response<GatewayBody>, Reason> {
        let upstream = permit.upstream().ok_or(Reason::UpstreamUnreachable)?;
        outgoing::prepare(&mut head, &body, permit, upstream, caller, &exchange.id_header).ok_or(Reason::InvalidRequest)?;
        let response = self.upstreams.send(permit.api(), Request::from_parts(head, body)).await?;
        let mut response = response.map(GatewayBody::Upstream);
        // The version is each hop's own (RFC 9110, section 2.5).
        *response.version_mut() = Version::HTTP_11;
        hop_by_hop::remove(response.headers_mut(), |_| false);
        Ok(response)
    }

    async fn answer_locally(&self, mut request: Request<Incoming>, permit: Arc<Permit>) -> Response<GatewayBody> {
        request.extensions_mut().insert(permit);
        match self.local.clone().oneshot(request).await {
            Ok(response) => response.map(GatewayBody::Local),
            Err(never) => match never {},
        }
    }
}

impl Exchange<'_> {
    /// Whoever answered, scripts may read it alike; a refusal sees to that itself.
    fn admit(&self, mut response: Response<GatewayBody>, permit: &Permit) -> Outcome {
        if let Some(cors) = &permit.api().cors {
            cors.decorate(self.origin.as_ref(), response.headers_mut());
        }
        Outcome { response, api: Arc::clone(permit.api()), reason: None, key: permit.key().cloned() }
    }

    fn refuse(&self, denial: &Denial) -> Outcome {
        let response = denial.response(AnswerFor { request_id: self.id.as_str(), origin: self.origin.as_ref() });
        Outcome {
            response: response.map(GatewayBody::from),
            api: Arc::clone(denial.api()),
            reason: Some(denial.reason()),
            key: denial.key().cloned(),
        }
    }
}

/// The authority that a request is for; `None` if that cannot be said: no `Host` in HTTP/1.1, several of them, or one that
/// contradicts the request line (RFC 9112, section 3.2).
fn authority(head: &Parts) -> Option<&str> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() || head.method == Method::CONNECT {
        return None;
    }
    let host = match host {
        Some(host) => Some(host.to_str().ok()?),
        None => None,
    };
    match (head.uri.authority(), host) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host).then_some(host),
        (Some(authority), None) => Some(authority.as_str()),
        (None, Some(host)) => Some(host),
        (None, None) => (head.version < Version::HTTP_11).then_some(""),
    }
}
