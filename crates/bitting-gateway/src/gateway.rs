//! One request's way through the gateway.

use std::convert::Infallible;
use std::sync::Arc;

use bitting_core::dialect::Carriage;
use bitting_core::reason::Reason;
use bitting_core::route::Target;
use bitting_engine::{Admission, AnswerFor, Apis, Decision, Denial, Engine, Inquiry, Permit, Presented, RequestIds, Scope};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::access_line::AccessLine;
use crate::body::{GatewayBody, LocalBody};
use crate::caller::Caller;
use crate::upstream::Upstreams;
use crate::{authority, hop_by_hop, outgoing};

/// Answers the requests that an API leaves to Bitting. It finds the [`Permit`] among the request's extensions, as an
/// [`Admission`].
pub type LocalService = BoxCloneSyncService<Request<Incoming>, Response<LocalBody>, Infallible>;

/// The gateway: everything that its connections share.
pub struct Gateway {
    engine: Arc<Engine>,
    ids: Arc<RequestIds>,
    upstreams: Upstreams,
    local: LocalService,
}

/// What is kept of a request while its head is on the way upstream.
struct Exchange {
    line: AccessLine,
    id_header: HeaderValue,
    origin: Option<HeaderValue>,
    carriage: Carriage,
}

impl Gateway {
    /// A gateway for the APIs of an engine.
    pub fn new(engine: Arc<Engine>, ids: Arc<RequestIds>, local: LocalService) -> Self {
        let upstreams = Upstreams::new(&engine.apis());
        Self { engine, ids, upstreams, local }
    }

    /// Makes ready for another generation of APIs, right before or after the engine takes it: connections to upstreams whose
    /// settings are the same are kept, and requests that were decided by the generation before finish as they began.
    pub fn adopt(&self, apis: &Apis) {
        self.upstreams.adopt(apis);
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Incoming>, caller: &Caller) -> Response<GatewayBody> {
        let (head, body) = request.into_parts();
        let id = self.ids.next();
        let mut exchange = Exchange {
            line: AccessLine::begin(id, caller.client(&head.headers), &head),
            id_header: id.to_header(),
            origin: head.headers.get(header::ORIGIN).cloned(),
            carriage: Carriage::default(),
        };
        let mut response = self.answer(head, body, caller, &mut exchange).await;
        exchange.line.answered(response.status());
        response.headers_mut().insert(outgoing::REQUEST_ID, exchange.id_header);
        response
    }

    async fn answer(&self, head: Parts, body: Incoming, caller: &Caller, exchange: &mut Exchange) -> Response<GatewayBody> {
        let Some(authority) = authority::of(&head).filter(|_| authority::is_plainly_coded(&head.headers)) else {
            let mut refusal = exchange.refuse(&self.engine.refuse(Reason::InvalidRequest));
            // Where this request ends is not certain, so what comes after it is not read.
            refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refusal;
        };
        let inquiry = Inquiry {
            scope: caller.api().map_or(Scope::Authority(authority), Scope::Api),
            method: &head.method,
            path: head.uri.path(),
            presented: Presented::Request { headers: &head.headers, query: head.uri.query() },
            client: Some(exchange.line.client()),
        };
        match self.engine.decide(&inquiry).await {
            Decision::Denial(denial) => exchange.refuse(&denial),
            Decision::Preflight(api, answer) => {
                exchange.line.concerns(api);
                answer.map(GatewayBody::from)
            }
            Decision::Permit(permit) if permit.target() == Target::Upstream => {
                exchange.line.admitted(&permit);
                exchange.note_carriage(&head, &permit);
                match self.forward(head, body, &permit, caller, exchange).await {
                    Ok(response) => exchange.readable(response, &permit),
                    Err(reason) => exchange.refuse(&permit.fail(reason)),
                }
            }
            Decision::Permit(permit) => {
                exchange.line.admitted(&permit);
                exchange.note_carriage(&head, &permit);
                let permit = Arc::new(permit);
                let line = &exchange.line;
                let client = line.client().address();
                let admission = Admission { permit: Arc::clone(&permit), request_id: line.request_id(), client };
                let response = self.answer_locally(Request::from_parts(head, body), admission).await;
                exchange.readable(response, &permit)
            }
        }
    }

    async fn forward(
        &self,
        mut head: Parts,
        body: Incoming,
        permit: &Permit,
        caller: &Caller,
        exchange: &Exchange,
    ) -> Result<Response<GatewayBody>, Reason> {
        let upstream = permit.upstream().ok_or(Reason::UpstreamUnreachable)?;
        outgoing::prepare(&mut head, &body, permit, upstream, (caller, exchange.line.client()), &exchange.id_header)
            .ok_or(Reason::InvalidRequest)?;
        let response = self.upstreams.send(permit, upstream, head, body).await?;
        let mut response = response.map(GatewayBody::Upstream);
        // The version is each hop's own (RFC 9110, section 2.5).
        *response.version_mut() = Version::HTTP_11;
        if !authority::is_plainly_coded(response.headers()) || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            // What was not asked for: a coding that nobody here undoes, or another protocol.
            return Err(Reason::UpstreamUnreachable);
        }
        let headers = response.headers_mut();
        if headers.contains_key(header::TRANSFER_ENCODING) {
            // It says the length; a second length would be believed by some (RFC 9112, section 6.3).
            headers.remove(header::CONTENT_LENGTH);
        }
        hop_by_hop::remove(headers, |_| false);
        Ok(response)
    }

    async fn answer_locally(&self, mut request: Request<Incoming>, admission: Admission) -> Response<GatewayBody> {
        request.extensions_mut().insert(admission);
        match self.local.clone().oneshot(request).await {
            Ok(response) => response.map(GatewayBody::Local),
            Err(never) => match never {},
        }
    }
}

impl Exchange {
    /// Notes what the answer's headers will depend on, while the head is whole.
    fn note_carriage(&mut self, head: &Parts, permit: &Permit) {
        self.carriage = permit.api().discretion().look_at(&head.headers, head.uri.query());
    }

    /// Whoever answered, callers learn of their limits, caches of whose it is, and scripts may read it alike; a refusal sees to that
    /// itself.
    fn readable(&self, mut response: Response<GatewayBody>, permit: &Permit) -> Response<GatewayBody> {
        permit.tell_limits(response.headers_mut());
        permit.tell_discretion(self.carriage, response.headers_mut());
        if let Some(cors) = &permit.api().cors {
            cors.decorate(self.origin.as_ref(), response.headers_mut());
        }
        response
    }

    fn refuse(&mut self, denial: &Denial) -> Response<GatewayBody> {
        self.line.refused(denial);
        let id = self.line.request_id();
        let to = AnswerFor { request_id: id.as_str(), origin: self.origin.as_ref() };
        denial.response(to).map(GatewayBody::from)
    }
}
