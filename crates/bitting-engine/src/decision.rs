//! What the engine answers.

use std::net::IpAddr;
use std::sync::Arc;

use bitting_core::api::{Environment, Upstream, UpstreamTimeouts};
use bitting_core::dialect::{AnswerContext, Carriage, IdentityHeaders};
use bitting_core::key::Digest;
use bitting_core::limit::Outcome;
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::rights::Need;
use bitting_core::route::{Access, Route, Target, Upgrades};
use bitting_core::time::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};

use crate::apis::ServedApi;
use crate::metering::Limited;
use crate::request_id::RequestId;

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It may pass.
    Permit(Permit),
    /// It is refused.
    Denial(Denial),
    /// It asked whether a script of another origin may ask; this is the answer.
    Preflight(Arc<ServedApi>, Box<Response<Bytes>>),
}

/// Proof that a request was decided on and may pass. Only the pipeline makes one.
#[derive(Debug)]
pub struct Permit {
    api: Arc<ServedApi>,
    bearer: Bearer,
    route: Arc<Route>,
    /// What the key was looked up by.
    digest: Option<Digest>,
    /// What the key's limits say.
    limited: Option<Box<Limited>>,
    at: Timestamp,
}

/// Who is let through.
#[derive(Debug, Clone)]
pub enum Bearer {
    /// The holder of a key.
    Key(Arc<Record>),
    /// Somebody without a credential, where none is needed.
    Anonymous,
    /// Somebody with a credential that is none of Bitting's, where the API lets those pass for its upstream to check.
    Foreign,
}

/// Why a request is refused, and in whose words.
#[derive(Debug)]
pub struct Denial {
    api: Arc<ServedApi>,
    reason: Reason,
    key: Option<Arc<Record>>,
    /// The permission, role or capability that was missing, and the route that asked for it.
    missing: Option<(Box<str>, Arc<Route>)>,
    /// The route that it fell to, if one was found.
    route: Option<Arc<Route>>,
    /// What is wrong with this one request, instead of the dialect's general words.
    problem: Option<Box<str>>,
    /// What the key's limits say.
    limited: Option<Box<Limited>>,
    /// After how many seconds the client is free again, if it is banned.
    free_in: Option<i64>,
}

/// A request that was let through, for whoever answers it inside Bitting: the gateway and the service listener put it among
/// the request's extensions.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The proof.
    pub permit: Arc<Permit>,
    /// The request's id.
    pub request_id: RequestId,
    /// Where it came from.
    pub client: IpAddr,
}

/// What a denial's answer depends on.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnswerFor<'r> {
    /// The request's id.
    pub request_id: &'r str,
    /// The request's `Origin`.
    pub origin: Option<&'r HeaderValue>,
}

impl Permit {
    /// For somebody without a key.
    pub(crate) fn keyless(api: &Arc<ServedApi>, bearer: Bearer, route: &Arc<Route>, at: Timestamp) -> Self {
        Self { api: Arc::clone(api), bearer, route: Arc::clone(route), digest: None, limited: None, at }
    }

    /// For the holder of a key, of whose limits it was charged.
    pub(crate) fn of_key(
        api: &Arc<ServedApi>,
        (record, digest): (Arc<Record>, Digest),
        route: &Arc<Route>,
        limited: Option<Box<Limited>>,
        at: Timestamp,
    ) -> Self {
        Self { api: Arc::clone(api), bearer: Bearer::Key(record), route: Arc::clone(route), digest: Some(digest), limited, at }
    }

    /// Whether its key, as it is by now, would be let through.
    pub(crate) fn still_holds_for(&self, record: &Record, now: Timestamp, client: Option<IpAddr>) -> bool {
        let meets = |need: &Need| need.unmet_by(record.holdings.grants()).is_none();
        record.refusal(now, client).is_none()
            && match &self.route.access {
                Access::Public => true,
                Access::Key(need) | Access::Optional(need) => meets(need),
                Access::Closed => false,
            }
    }

    /// The API that it is for.
    pub fn api(&self) -> &Arc<ServedApi> {
        &self.api
    }

    /// Who is let through.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// The key's record, if a key was presented.
    pub fn key(&self) -> Option<&Arc<Record>> {
        match &self.bearer {
            Bearer::Key(record) => Some(record),
            Bearer::Anonymous | Bearer::Foreign => None,
        }
    }

    /// What the key was looked up by, if a key was presented.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The most bytes that the request's body may have.
    pub fn body_limit(&self) -> u64 {
        self.route.body_limit
    }

    /// What the connection may be upgraded to.
    pub fn upgrades(&self) -> &Upgrades {
        &self.route.upgrades
    }

    /// Who answers.
    pub fn target(&self) -> Target {
        self.route.target
    }

    /// Counts a request that was let through without a key. With one it was counted when it was charged.
    pub(crate) fn count_keyless(&self) {
        if self.key().is_none() {
            let outcome = if self.route.target == Target::Upstream { Outcome::Admitted } else { Outcome::Answered };
            self.api.metering().note_keyless(&self.api, Some(&self.route.label), outcome, self.at);
        }
    }

    /// What the key's limits say; `None` without a key, and for a key without limits.
    pub fn limited(&self) -> Option<&Limited> {
        self.limited.as_deref()
    }

    /// Tells the caller of the limits.
    pub fn tell_limits(&self, headers: &mut HeaderMap) {
        if let Some(limited) = &self.limited {
            self.api.limit_headers.write(&limited.standing(&self.api), headers);
        }
    }

    /// Tells caches and browsers what an answer depends on and whose it is. A public route's is everybody's.
    pub fn tell_discretion(&self, carriage: Carriage, headers: &mut HeaderMap) {
        let discretion = self.api.discretion();
        if self.route.access != Access::Public {
            discretion.tell(carriage, self.key().is_some(), headers);
        }
        discretion.conceal_address(carriage, headers);
    }

    /// The key's environment, if a key was presented.
    pub fn environment(&self) -> Option<&Environment> {
        self.key().and_then(|record| self.api.environment(record.environment))
    }

    /// Where the request goes: the environment's own upstream, or the API's.
    pub fn upstream(&self) -> Option<&Arc<Upstream>> {
        match self.environment() {
            Some(environment) => environment.upstream.as_ref().or(self.api.upstream.as_ref()),
            None => self.api.upstream.as_ref(),
        }
    }

    /// How long to wait for it: as the route says, or else the API.
    pub fn timeouts(&self) -> &UpstreamTimeouts {
        self.route.timeouts.as_deref().unwrap_or(&self.api.timeouts)
    }

    /// Sets who the caller is. What the caller says of that must be gone by then:
    /// [`is_forged`](IdentityHeaders::is_forged) tells it.
    pub fn identify(&self, headers: &mut HeaderMap) {
        let identity = &self.api.identity;
        let (Some(record), Some(environment)) = (self.key(), self.environment()) else { return };
        let key_id = identity.key_id.as_ref().and_then(|_| HeaderValue::from_bytes(&record.id.text()).ok());
        IdentityHeaders::set(identity.key_id.as_ref(), key_id, headers);
        IdentityHeaders::set(identity.account.as_ref(), Some(record.account.header().clone()), headers);
        IdentityHeaders::set(identity.environment.as_ref(), Some(environment.header.clone()), headers);
        let (role, permissions) = record.holdings.headers(&self.api.catalogue);
        IdentityHeaders::set(identity.role.as_ref(), role, headers);
        IdentityHeaders::set(identity.permissions.as_ref(), permissions, headers);
    }

    /// The request was admitted, but nobody could answer it.
    pub fn fail(&self, reason: Reason) -> Denial {
        self.api.meters().failed(reason);
        match self.key() {
            Some(record) => self.api.metering().note(&self.api, record, &self.route.label, reason, self.at),
            None => self.api.metering().note_keyless(&self.api, Some(&self.route.label), Outcome::Refused(reason), self.at),
        }
        self.refuse(reason)
    }

    /// The request was admitted, and whoever answers it has found a reason of their own to refuse it.
    pub fn refuse(&self, reason: Reason) -> Denial {
        let limited = self.limited.clone();
        Denial { key: self.key().cloned(), limited, ..Denial::new(&self.api, reason) }
    }
}

impl Denial {
    pub(crate) fn new(api: &Arc<ServedApi>, reason: Reason) -> Self {
        Self {
            api: Arc::clone(api),
            reason,
            key: None,
            missing: None,
            route: None,
            problem: None,
            limited: None,
            free_in: None,
        }
    }

    pub(crate) fn of_key(api: &Arc<ServedApi>, reason: Reason, key: Arc<Record>) -> Self {
        Self { key: Some(key), ..Self::new(api, reason) }
    }

    /// Of a client who is held off for so many seconds more.
    pub(crate) fn banned(api: &Arc<ServedApi>, seconds: i64) -> Self {
        Self { free_in: Some(seconds), ..Self::new(api, Reason::AddressBanned) }
    }

    pub(crate) fn lacking(api: &Arc<ServedApi>, key: Arc<Record>, asked: &str, route: &Arc<Route>) -> Self {
        let missing = Some((asked.into(), Arc::clone(route)));
        Self { key: Some(key), missing, ..Self::new(api, Reason::InsufficientPermission) }
    }

    /// Of a request that fell to a route.
    pub(crate) fn on(mut self, route: &Arc<Route>) -> Self {
        self.route = Some(Arc::clone(route));
        self
    }

    /// With what the key's limits say.
    pub(crate) fn at(mut self, limited: Option<Box<Limited>>) -> Self {
        self.limited = limited;
        self
    }

    /// With what is wrong with this one request instead of the dialect's general words.
    #[must_use]
    pub fn because(mut self, problem: &str) -> Self {
        self.problem = Some(problem.into());
        self
    }

    /// The API in whose words the answer is.
    pub fn api(&self) -> &Arc<ServedApi> {
        &self.api
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The route that the request fell to, if one was found before it was refused.
    pub(crate) fn route(&self) -> Option<&Arc<Route>> {
        self.route.as_ref()
    }

    /// The key's record, if the key is known.
    pub fn key(&self) -> Option<&Arc<Record>> {
        self.key.as_ref()
    }

    /// The answer in the API's dialect.
    pub fn response(&self, to: AnswerFor<'_>) -> Response<Bytes> {
        let own = self.missing.as_ref().and_then(|(_, route)| route.denied.as_ref());
        let answer = own.unwrap_or_else(|| self.api.answer(self.reason));
        let needed = self.missing.as_ref().map(|(asked, _)| &**asked);
        let problem = self.problem.as_deref();
        let mut response = answer.response(AnswerContext { request_id: to.request_id, needed, problem });
        if let Some(limited) = &self.limited {
            self.api.limit_headers.write(&limited.standing(&self.api), response.headers_mut());
        }
        if let Some(seconds) = self.free_in {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        self.api.discretion().conceal_any_address(response.headers_mut());
        if let Some(cors) = &self.api.cors {
            cors.decorate(to.origin, response.headers_mut());
        }
        response
    }
}
