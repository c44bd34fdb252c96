//! The way of a request, from its head to a permit or a denial.
//!
//! One function, read top-down, in the order that `ARCHITECTURE.md` gives. Each step takes the type that only the step
//! before it makes: a [`RequestPath`] is well-formed, a `PresentedKey` fits the API's format, a digest can only be had from
//! that, and a look-up only from a trusted ring. Nothing waits here, so nothing can change between the look-up and the
//! permit.

mod overrides;

use std::sync::Arc;

use bitting_core::address::Client;
use bitting_core::dialect::{Credential, Foreign, Found};
use bitting_core::key::{Digest, Misfit, PresentedKey};
use bitting_core::limit::{Refusal, Refused};
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_core::rights::Need;
use bitting_core::route::{Access, RequestPath, Route, Target};
use http::Method;
use http::header::CONTENT_LENGTH;

use crate::apis::{Apis, ServedApi};
use crate::bans;
use crate::clock::SteadyClock;
use crate::decision::{Bearer, Decision, Denial, Permit};
use crate::imported::proof::Unproven;
use crate::inquiry::{Inquiry, Presented};
use crate::metering::{Charge, Charged, IfShort, Metering};
use crate::ring::{Ring, Unseen};

/// What stands between a request and its decision: something has to be waited for, and then the request is decided anew.
#[derive(Debug)]
pub(crate) enum Wait {
    /// Whether a key is the one that its beginning says.
    Proof(Unproven),
    /// More of a limit that must last.
    Supply,
}

/// What the running key ring decides with.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'b> {
    pub(crate) ring: &'b Ring,
    pub(crate) clock: &'b SteadyClock,
    pub(crate) metering: &'b Metering,
}

/// How patient a request still is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) unproven: IfUnproven,
    pub(crate) short: IfShort,
}

impl Patience {
    /// It waits for whatever is needed.
    pub(crate) const WHOLE: Self = Self { unproven: IfUnproven::Wait, short: IfShort::Wait };
}

/// What becomes of a request that would have to wait for a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfUnproven {
    /// It says what it waits for.
    Wait,
    /// The key was refuted, so it is none that anybody knows.
    Refuse,
    /// Nobody could find out.
    Unavailable,
}

/// A key that is known, and the SHA-256 by which it is, or will be once it was seen.
pub(crate) struct Recognised {
    pub(crate) record: Arc<Record>,
    digest: Digest,
}

/// Why no record was found.
pub(crate) enum Miss {
    Refused(Reason),
    Unproven(Unproven),
}

impl From<Reason> for Miss {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

/// Decides about one request under one generation of the configuration.
pub(crate) fn decide(apis: &Apis, bench: Bench<'_>, inquiry: &Inquiry<'_>, patience: Patience) -> Result<Decision, Wait> {
    let (api, path) = match apis.select(inquiry.scope, inquiry.path) {
        Ok(selected) => selected,
        Err((reason, speaker)) => return Ok(Decision::Denial(Denial::new(speaker, reason))),
    };
    if let (Some(cors), Presented::Request { headers, .. }) = (&api.cors, inquiry.presented)
        && let Some(answer) = cors.preflight(inquiry.method, headers)
    {
        return Ok(Decision::Preflight(Arc::clone(api), Box::new(answer)));
    }
    match admit(api, &path, bench, inquiry, patience) {
        Ok(permit) => Ok(Decision::Permit(permit)),
        Err(Halt::Denied(denial)) => Ok(Decision::Denial(denial)),
        Err(Halt::Wait(wait)) => Err(wait),
    }
}

/// Why a request goes no further for now.
enum Halt {
    Denied(Denial),
    Wait(Wait),
}

impl From<Denial> for Halt {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

fn admit(
    api: &Arc<ServedApi>,
    path: &RequestPath<'_>,
    bench: Bench<'_>,
    inquiry: &Inquiry<'_>,
    patience: Patience,
) -> Result<Permit, Halt> {
    let refuse = |reason| Halt::Denied(Denial::new(api, reason));
    // Methods are case-sensitive, but not every upstream knows that: `delete` must not pass where DELETE would not. CONNECT has no
    // path.
    let is_small = inquiry.method.as_str().bytes().any(|b| b.is_ascii_lowercase());
    if is_small || *inquiry.method == Method::CONNECT {
        return Err(refuse(Reason::InvalidRequest));
    }
    let route = api.routes.find(inquiry.method, path).map_err(|_| refuse(Reason::InvalidPath))?;
    // It would have the upstream send back what it was told of the caller. What Bitting answers itself says which methods there are.
    if *inquiry.method == Method::TRACE && route.target == Target::Upstream && api.has_upstream() {
        return Err(refuse(Reason::InvalidRequest));
    }
    if !overrides::lead_nowhere_else(api, route, path, inquiry) {
        return Err(refuse(Reason::InvalidRequest));
    }
    let refuse = |reason| Halt::Denied(Denial::new(api, reason).on(route));
    let (need, optional) = match &route.access {
        Access::Public => return Ok(Permit::keyless(api, Bearer::Anonymous, route, bench.clock.latest())),
        Access::Closed => return Err(refuse(Reason::NotFound)),
        Access::Optional(need) => (need, true),
        Access::Key(need) => (need, false),
    };
    // Before the credential is looked for, so that holding somebody off costs less than letting them in.
    if let Some(seconds) = bans::held_off(api, bench.clock, inquiry) {
        return Err(Halt::Denied(Denial::banned(api, seconds).on(route)));
    }
    let credential = match find_credential(api, inquiry.presented).map_err(refuse)? {
        Found::One(credential) => credential,
        Found::Foreign => return Ok(Permit::keyless(api, Bearer::Foreign, route, bench.clock.latest())),
        Found::Missing if optional => return Ok(Permit::keyless(api, Bearer::Anonymous, route, bench.clock.latest())),
        Found::Missing => return Err(refuse(Reason::MissingKey)),
    };
    let recognised = recognise(api, &credential, bench.ring, patience.unproven).map_err(|miss| match miss {
        Miss::Refused(reason) => refuse(reason),
        Miss::Unproven(unproven) => Halt::Wait(Wait::Proof(unproven)),
    })?;
    authorise(api, recognised, need, route, bench, inquiry, patience.short)
}

fn find_credential<'r>(api: &ServedApi, presented: Presented<'r>) -> Result<Found<'r>, Reason> {
    match presented {
        Presented::Request { headers, query } => {
            api.credentials.find(headers, query, &api.format).map_err(|_| Reason::AmbiguousCredential)
        }
        Presented::Key([]) => Ok(Found::Missing),
        Presented::Key(key) if api.credentials.foreign == Foreign::Pass && !api.format.claims(key) => Ok(Found::Foreign),
        Presented::Key(key) => Ok(Found::One(Credential::Borrowed(key))),
    }
}

/// Prefix, length, characters, checksum; then the digest; then the look-up, which the trust gate guards. Imported keys are
/// as others made them, so an API that has some looks up what does not fit its format among these.
pub(crate) fn recognise(
    api: &ServedApi,
    credential: &Credential<'_>,
    ring: &Ring,
    unproven: IfUnproven,
) -> Result<Recognised, Miss> {
    let (presented, misfit) = match api.format.parse(credential.bytes()) {
        Ok(presented) => (presented, None),
        Err(misfit) => {
            let reason = match misfit {
                Misfit::Foreign => Reason::ForeignKey,
                Misfit::Malformed => Reason::MalformedKey,
            };
            let among_imported = ring.may_hold_imports(api.id).then(|| PresentedKey::of_imported(credential.bytes()));
            (among_imported.flatten().ok_or(reason)?, Some(reason))
        }
    };
    let trusted = ring.trusted().map_err(|_| Reason::StoreUnavailable)?;
    // A key of another API, or of an environment that is no longer configured, is no key of this one. Neither is one that was
    // issued here in a format that is no longer accepted.
    let is_known = |record: &Arc<Record>| {
        record.api == api.id && (record.imported || misfit.is_none()) && api.environment(record.environment).is_some()
    };
    let unknown = misfit.unwrap_or(Reason::UnknownKey);
    let digest = presented.digest();
    if let Some(record) = trusted.find(&digest).filter(is_known) {
        return Ok(Recognised { record, digest });
    }
    match (trusted.find_unseen(api, &presented), unproven) {
        (Some(Unseen::Found(record)), _) if is_known(&record) => Ok(Recognised { record, digest }),
        (Some(Unseen::Unproven(_)), IfUnproven::Unavailable) => Err(Reason::StoreUnavailable.into()),
        (Some(Unseen::Unproven(record)), IfUnproven::Wait) if is_known(&record) => {
            Err(Miss::Unproven(Unproven { key: record.id, api: api.name.clone(), claim: presented.claim() }))
        }
        _ => Err(unknown.into()),
    }
}

/// Account, key, address, rights, the size of the body; then the limits, last because they alone consume. A refusal for want of rights
/// is told what is left of them, and one of a key that is not in force is not.
fn authorise(
    api: &Arc<ServedApi>,
    Recognised { record, digest }: Recognised,
    need: &Need,
    route: &Arc<Route>,
    bench: Bench<'_>,
    inquiry: &Inquiry<'_>,
    short: IfShort,
) -> Result<Permit, Halt> {
    let now = bench.clock.now();
    let (method, client) = (inquiry.method, inquiry.client.map(Client::address));
    let unmet = match record.refusal(now, client) {
        Some(Reason::AddressNotAllowed) => Some(Unmet::Address),
        Some(reason) => {
            let address = client;
            let refusal = Refusal { reason, wanted: None, method, route: None, address, now, within: Refused::WITHIN };
            bench.metering.refuse(api, &record, &route.label, refusal);
            return Err(Denial::of_key(api, reason, record).into());
        }
        None => match need.unmet_by(record.holdings.grants()) {
            Some(clause) => Some(Unmet::Rights(clause.asked())),
            None => says_too_large(route, inquiry).then_some(Unmet::Body),
        },
    };
    let refused = unmet.as_ref().map(|unmet| match unmet {
        Unmet::Address => (Reason::AddressNotAllowed, None),
        Unmet::Rights(asked) => (Reason::InsufficientPermission, Some(*asked)),
        Unmet::Body => (Reason::PayloadTooLarge, None),
    });
    let charge = Charge { api, record: &record, route, refused, now, method, client };
    let (reason, limited) = match (bench.metering.charge(&charge, short), unmet) {
        (Charged::Short, _) => return Err(Halt::Wait(Wait::Supply)),
        (Charged::Admitted(limited), None) => return Ok(Permit::of_key(api, (record, digest), route, limited, now)),
        (Charged::Admitted(limited), Some(Unmet::Rights(asked))) => {
            return Err(Denial::lacking(api, record, asked, route).at(limited).into());
        }
        (Charged::Admitted(limited), Some(Unmet::Address)) => (Reason::AddressNotAllowed, limited),
        (Charged::Admitted(limited), Some(Unmet::Body)) => (Reason::PayloadTooLarge, limited),
        (Charged::Refused(reason, limited), _) => (reason, limited),
    };
    Err(Denial::of_key(api, reason, record).at(limited).into())
}

/// What a good key is refused for.
enum Unmet<'n> {
    Address,
    /// The clause that asks for more than the key holds.
    Rights(&'n str),
    /// It says that it has more than the route takes.
    Body,
}

/// Whether a request for the upstream says itself that its body is larger than it may be. One that does not say is measured as it comes,
/// when it is charged already.
fn says_too_large(route: &Route, inquiry: &Inquiry<'_>) -> bool {
    let (Presented::Request { headers, .. }, Target::Upstream) = (inquiry.presented, route.target) else { return false };
    let length = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
    // Mostly there is no limit, and nothing is looked up.
    route.body_limit < u64::MAX && length().is_some_and(|length| length > route.body_limit)
}
