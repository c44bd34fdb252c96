//! One request's way through the gateway.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::dialect::Carriage;
use bitting_core::reason::Reason;
use bitting_core::route::Target;
use bitting_engine::{
    Admission, AnswerFor, Apis, Decision, Denial, Engine, Inquiry, OpenStream, Permit, Presented, RequestIds, Scope,
};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use tokio::time::Instant;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::access_line::AccessLine;
use crate::arriving::Arriving;
use crate::body::{GatewayBody, LocalBody};
use crate::caller::Caller;
use crate::expectation::Expectation;
use crate::outgoing::take;
use crate::trailers::Announced;
use crate::tunnel::{Tunnel, Tunnels};
use crate::unread::{Unread, stays_unread};
use crate::upgrade::{Agreed, Upgrade};
use crate::upstream::{Answer, Upstreams};
use crate::{authority, hop_by_hop, outgoing, trailers};

/// Answers the requests that an API leaves to Bitting. It finds the [`Permit`] among the request's extensions, as an
/// [`Admission`].
pub type LocalService = BoxCloneSyncService<Request<Arriving>, Response<LocalBody>, Infallible>;

/// The gateway: everything that its connections share.
pub struct Gateway {
    engine: Arc<Engine>,
    ids: Arc<RequestIds>,
    upstreams: Upstreams,
    local: LocalService,
    tunnels: Tunnels,
}

/// What is kept of a request while its head is on the way upstream.
struct Exchange {
    line: AccessLine,
    id_header: HeaderValue,
    origin: Option<HeaderValue>,
    carriage: Carriage,
    /// What becomes of the connection once the answer is sent.
    upgrade: Option<Box<Upgraded>>,
}

/// An upgrade that has come about.
struct Upgraded {
    ends: Agreed,
    stream: Option<OpenStream>,
    idle: Duration,
}

impl Gateway {
    /// A gateway for the APIs of an engine.
    pub fn new(engine: Arc<Engine>, ids: Arc<RequestIds>, local: LocalService) -> Self {
        let upstreams = Upstreams::new(&engine.apis());
        Self { engine, ids, upstreams, local, tunnels: Tunnels::default() }
    }

    /// Makes ready for another generation of APIs, right before or after the engine takes it: connections to upstreams whose
    /// settings are the same are kept, and requests that were decided by the generation before finish as they began.
    pub fn adopt(&self, apis: &Apis) {
        self.upstreams.adopt(apis);
    }

    /// Answers a request.
    pub async fn handle(&self, request: Request<Arriving>, caller: &Caller) -> Response<GatewayBody> {
        let (mut head, body) = request.into_parts();
        let id = self.ids.next();
        let mut exchange = Exchange {
            line: AccessLine::begin(id, caller.client(&head.headers), &head),
            id_header: id.to_header(),
            origin: head.headers.get(header::ORIGIN).cloned(),
            carriage: Carriage::default(),
            upgrade: None,
        };
        let mut response = self.answer(&mut head, body, caller, &mut exchange).await;
        let Exchange { line, id_header, upgrade, .. } = exchange;
        let line = line.answered(response.status());
        if let Some(upgrade) = upgrade {
            let Upgraded { ends, stream, idle } = *upgrade;
            self.tunnels.open(Tunnel { ends, change: caller.change().clone(), stream, idle, line });
        }
        response.headers_mut().insert(outgoing::REQUEST_ID, id_header);
        response
    }

    /// Lets upgraded connections end by themselves until an instant, after nobody is let in any more. Then cuts those that are left and
    /// says how many.
    pub async fn close(&self, deadline: Instant) -> usize {
        self.tunnels.close(deadline).await
    }

    async fn answer(
        &self,
        head: &mut Parts,
        body: Arriving,
        caller: &Caller,
        exchange: &mut Exchange,
    ) -> Response<GatewayBody> {
        let Some(authority) = authority::of(head).filter(|_| authority::is_plainly_coded(&head.headers)) else {
            let mut refusal = exchange.refuse(&self.engine.refuse(Reason::InvalidRequest));
            // Where this request ends is not certain, so what comes after it is not read.
            refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return refusal;
        };
        if let Some(denial) = caller.server_name().and_then(|name| self.engine.refuse_misdirected(name, authority)) {
            let mut refusal = exchange.refuse(&denial);
            Unread::of(head).settle(body, &mut refusal).await;
            return refusal;
        }
        let inquiry = Inquiry {
            scope: caller.api().map_or(Scope::Authority(authority), Scope::Api),
            method: &head.method,
            path: head.uri.path(),
            presented: Presented::Request { headers: &head.headers, query: head.uri.query() },
            client: Some(exchange.line.client()),
        };
        match self.engine.decide(&inquiry).await {
            Decision::Denial(denial) => {
                let mut refusal = exchange.refuse(&denial);
                Unread::of(head).settle(body, &mut refusal).await;
                refusal
            }
            Decision::Preflight(api, answer) => {
                exchange.line.concerns(api);
                let mut answer = answer.map(GatewayBody::from);
                Unread::of(head).settle(body, &mut answer).await;
                answer
            }
            Decision::Permit(permit) if permit.target() == Target::Upstream => {
                exchange.line.admitted(&permit);
                caller.last_api().note(permit.api());
                exchange.note_carriage(head, &permit);
                let unread = Unread::of(head);
                match self.forward(head, body, &permit, caller, exchange).await {
                    Ok(Answered { response, agreed }) => {
                        let response = exchange.readable(response, &permit);
                        self.watch_over(Answered { response, agreed }, permit, exchange).await
                    }
                    Err(reason) => {
                        let mut refusal = exchange.refuse(&permit.fail(reason));
                        if stays_unread(reason) {
                            unread.leave(&mut refusal);
                        }
                        refusal
                    }
                }
            }
            Decision::Permit(permit) => {
                exchange.line.admitted(&permit);
                exchange.note_carriage(head, &permit);
                let permit = Arc::new(permit);
                let line = &exchange.line;
                let client = line.client().address();
                let admission = Admission { permit: Arc::clone(&permit), request_id: line.request_id(), client };
                let response = self.answer_locally(Request::from_parts(take(head), body), admission).await;
                exchange.readable(response, &permit)
            }
        }
    }

    async fn forward(
        &self,
        head: &mut Parts,
        mut body: Arriving,
        permit: &Permit,
        caller: &Caller,
        exchange: &Exchange,
    ) -> Result<Answered, Reason> {
        let upstream = permit.upstream().ok_or(Reason::UpstreamUnreachable)?;
        body.limit(permit.body_limit()).map_err(|_| Reason::PayloadTooLarge)?;
        let unread = Unread::of(head);
        let expectation = Expectation::of(head, &body);
        let wants_trailers = trailers::are_wanted(&head.headers);
        let upgrade = Upgrade::asked(head, &body, permit.upgrades());
        outgoing::prepare(head, &body, permit, upstream, (caller, exchange.line.client()), &exchange.id_header)
            .ok_or(Reason::InvalidRequest)?;
        let mut offered = Vec::new();
        if let Some(upgrade) = &upgrade {
            upgrade.write(&mut head.headers);
            offered.extend(head.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().cloned());
        } else if wants_trailers {
            trailers::ask(&mut head.headers);
        }
        if let Some(expectation) = &expectation {
            expectation.accompany(head);
        }
        let mut response = self.upstreams.send(permit, upstream, head, body).await?;
        // The version is each hop's own (RFC 9110, section 2.5).
        *response.version_mut() = Version::HTTP_11;
        if !authority::is_plainly_coded(response.headers()) {
            // Nobody asked for a coding that nobody here undoes.
            return Err(Reason::UpstreamUnreachable);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return switch(upgrade, &offered, response).ok_or_else(|| {
                tracing::warn!(api = &*permit.api().name, "the upstream changed to a protocol that it was not asked for");
                Reason::UpstreamUnreachable
            });
        }
        let headers = response.headers_mut();
        if headers.contains_key(header::TRANSFER_ENCODING) {
            // It says the length; a second length would be believed by some (RFC 9112, section 6.3).
            headers.remove(header::CONTENT_LENGTH);
        }
        hop_by_hop::remove(headers, |_| false);
        let announced = if wants_trailers { Announced::by(headers) } else { None };
        response.body_mut().may_end_with(announced);
        if expectation.is_some_and(|expectation| !expectation.was_asked()) {
            // Whether the body comes all the same nobody knows, so it ends here, on both sides.
            unread.leave(&mut response);
            response.body_mut().close_after();
        }
        Ok(Answered { response, agreed: None })
    }

    /// What goes on for long goes on for as long as its key is good.
    async fn watch_over(&self, answered: Answered, permit: Permit, exchange: &mut Exchange) -> Response<GatewayBody> {
        let Answered { response, agreed } = answered;
        let is_of_events = |kind: &HeaderValue| permit.api().streams.events.include(kind.as_bytes());
        if agreed.is_none() && !response.headers().get(header::CONTENT_TYPE).is_some_and(is_of_events) {
            return response.map(GatewayBody::Upstream);
        }
        let idle = permit.timeouts().upgraded_idle;
        // In a box, so that other requests do not carry room for it.
        let stream = Box::pin(self.engine.open_stream(permit, exchange.line.client().address())).await;
        match (agreed, stream) {
            (Some(ends), stream) => {
                exchange.upgrade = Some(Box::new(Upgraded { ends, stream, idle }));
                response.map(GatewayBody::Upstream)
            }
            (None, Some(stream)) => response.map(|body| GatewayBody::events(body, stream)),
            (None, None) => response.map(GatewayBody::Upstream),
        }
    }

    async fn answer_locally(&self, mut request: Request<Arriving>, admission: Admission) -> Response<GatewayBody> {
        request.extensions_mut().insert(admission);
        match self.local.clone().oneshot(request).await {
            Ok(response) => response.map(GatewayBody::Local),
            Err(never) => match never {},
        }
    }
}

/// The head of an upstream's answer as it goes to the caller, and what comes after it.
struct Answered {
    response: Response<Answer>,
    agreed: Option<Agreed>,
}

/// The answer of an upstream that has changed the protocol; `None` if it was not asked to, or for another.
fn switch(upgrade: Option<Upgrade>, offered: &[HeaderValue], mut response: Response<Answer>) -> Option<Answered> {
    let agreed = upgrade?.agreed(offered, &mut response)?;
    let headers = response.headers_mut();
    hop_by_hop::remove(headers, |_| false);
    agreed.write(headers);
    Some(Answered { response, agreed: Some(agreed) })
}

impl Exchange {
    /// Notes what the answer's headers will depend on, while the head is whole.
    fn note_carriage(&mut self, head: &Parts, permit: &Permit) {
        self.carriage = permit.api().discretion().look_at(&head.headers, head.uri.query());
    }

    /// Whoever answered, callers learn of their limits, caches of whose it is, and scripts may read it alike; a refusal sees to that
    /// itself.
    fn readable<B>(&self, mut response: Response<B>, permit: &Permit) -> Response<B> {
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
