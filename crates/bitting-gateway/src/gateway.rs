//! One request's way through the gateway.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::route::Target;
use bitting_engine::access::Access;
use bitting_engine::{
    AnswerFor, Decision, Denial, Engine, Inquiry, Permit, Presented, RequestId, RequestIds, Scope, ServedApi,
};
use http::{HeaderValue, Method, Request, Response, Version, header};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::body::{GatewayBody, LocalBody};
use crate::client_address::Caller;
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

impl Gateway {
    /// A gateway for the APIs of an engine.
    pub fn new(engine: Arc<Engine>, ids: Arc<RequestIds>, local: LocalService) -> Self {
        let upstreams = Upstreams::new(&engine.apis());
        Self { engine, ids, upstreams, local }
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Incoming>, caller: &Caller) -> Response<GatewayBody> {
        let started = Instant::now();
        let id = self.ids.next();
        let client = caller.client(request.headers());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let mut outcome = self.answer(request, caller, client, &id).await;
        outcome.response.headers_mut().insert(outgoing::REQUEST_ID, id.to_header());
        Access {
            request_id: &id,
            api: &outcome.api,
            client,
            method: &method,
            path: uri.path(),
            status: outcome.response.status(),
            reason: outcome.reason,
            key: outcome.key.as_deref(),
            elapsed: started.elapsed(),
        }
        .log();
        outcome.response
    }

    async fn answer(&self, request: Request<Incoming>, caller: &Caller, client: std::net::IpAddr, id: &RequestId) -> Outcome {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let refused = |denial: &Denial| refuse(denial, id, origin.as_ref());
        let Some(authority) = authority(&request) else { return refused(&self.engine.refuse(Reason::InvalidRequest)) };
        let decision = self.engine.decide(&Inquiry {
            scope: caller.api.as_deref().map_or(Scope::Authority(authority), Scope::Api),
            method: request.method(),
            path: request.uri().path(),
            presented: Presented::Request { headers: request.headers(), query: request.uri().query() },
            client: Some(client),
        });
        match decision {
            Decision::Denial(denial) => refused(&denial),
            Decision::Preflight(api, answer) => {
                Outcome { response: answer.map(GatewayBody::from), api, reason: None, key: None }
            }
            Decision::Permit(permit) if permit.target() == Target::Upstream => {
                match self.forward(request, &permit, caller, id).await {
                    Ok(mut response) => {
                        if let Some(cors) = &permit.api().cors {
                            cors.decorate(origin.as_ref(), response.headers_mut());
                        }
                        admitted(response, &permit)
                    }
                    Err(reason) => refused(&permit.fail(reason)),
                }
            }
            Decision::Permit(permit) => self.answer_locally(request, permit).await,
        }
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        permit: &Permit,
        caller: &Caller,
        id: &RequestId,
    ) -> Result<Response<GatewayBody>, Reason> {
        let upstream = permit.upstream().ok_or(Reason::UpstreamUnreachable)?;
        let request = outgoing::prepare(request, permit, upstream, caller, id).ok_or(Reason::InvalidRequest)?;
        let response = self.upstreams.send(permit.api(), request).await?;
        let (mut head, body) = response.into_parts();
        hop_by_hop::remove(&mut head.headers);
        Ok(Response::from_parts(head, GatewayBody::Upstream(body)))
    }

    async fn answer_locally(&self, mut request: Request<Incoming>, permit: Permit) -> Outcome {
        let permit = Arc::new(permit);
        request.extensions_mut().insert(Arc::clone(&permit));
        let answered = self.local.clone().oneshot(request).await;
        let response = match answered {
            Ok(response) => response.map(GatewayBody::Local),
            Err(never) => match never {},
        };
        admitted(response, &permit)
    }
}

fn admitted(response: Response<GatewayBody>, permit: &Permit) -> Outcome {
    Outcome { response, api: Arc::clone(permit.api()), reason: None, key: permit.key().cloned() }
}

fn refuse(denial: &Denial, id: &RequestId, origin: Option<&HeaderValue>) -> Outcome {
    let response = denial.response(AnswerFor { request_id: id.as_str(), origin });
    Outcome {
        response: response.map(GatewayBody::from),
        api: Arc::clone(denial.api()),
        reason: Some(denial.reason()),
        key: denial.key().cloned(),
    }
}

/// The authority that a request is for; `None` if that cannot be said: no `Host` in HTTP/1.1, several of them, or one that
/// contradicts the request line (RFC 9112, section 3.2).
fn authority<B>(request: &Request<B>) -> Option<&str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() || *request.method() == Method::CONNECT {
        return None;
    }
    let host = match host {
        Some(host) => Some(host.to_str().ok()?),
        None => None,
    };
    match (request.uri().authority(), host) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host).then_some(host),
        (Some(authority), None) => Some(authority.as_str()),
        (None, Some(host)) => Some(host),
        (None, None) => (request.version() < Version::HTTP_11).then_some(""),
    }
}
