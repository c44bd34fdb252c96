//! Which refusals an API can give at all.

use bitting_core::api::Api;
use bitting_core::dialect::{Answer, Foreign};
use bitting_core::limit::Plan;
use bitting_core::reason::Reason;
use bitting_core::rights::Need;
use bitting_core::route::{Access, Route, Target};

use super::cause::{Cause, cures};
use super::{REQUEST_ID, body, respond};
use crate::docs::subject::Subject;
use crate::docs::text::Text;
use crate::docs::{anchor, rights};

/// Something that can go wrong, and the answer to it.
pub(in crate::docs) struct Situation<'a> {
    pub(in crate::docs) reason: Reason,
    pub(in crate::docs) answer: &'a Answer,
    /// The right that is missing.
    pub(in crate::docs) needed: Option<String>,
    /// What is said of this one request.
    pub(in crate::docs) problem: Option<String>,
    pub(in crate::docs) cause: Cause,
    pub(in crate::docs) cures: Vec<Text>,
}

/// Those of everyday calls, the most frequent first. `unknown_host` is not among them: whoever calls the API reaches it.
const EVERYDAY: [Reason; 21] = [
    Reason::MissingKey,
    Reason::ForeignKey,
    Reason::MalformedKey,
    Reason::UnknownKey,
    Reason::RevokedKey,
    Reason::DisabledKey,
    Reason::ExpiredKey,
    Reason::DisabledAccount,
    Reason::InsufficientPermission,
    Reason::AddressNotAllowed,
    Reason::AddressBanned,
    Reason::CostExceedsLimit,
    Reason::RateLimited,
    Reason::QuotaExceeded,
    Reason::AmbiguousCredential,
    Reason::InvalidPath,
    Reason::InvalidRequest,
    Reason::NotFound,
    Reason::UpstreamUnreachable,
    Reason::StoreUnavailable,
    Reason::UpstreamTimeout,
];

/// Everything that can go wrong with any call.
pub(super) fn of_calls<'a>(subject: &Subject<'a>) -> Vec<Situation<'a>> {
    let there_are = EVERYDAY.into_iter().filter(|reason| can_happen(*reason, subject.api));
    there_are
        .flat_map(|reason| match reason {
            Reason::InsufficientPermission => lacking(subject),
            reason => vec![plain(reason, subject)],
        })
        .collect()
}

fn plain<'a>(reason: Reason, subject: &Subject<'a>) -> Situation<'a> {
    let (cause, cures) = (Cause::of(reason, subject), cures(reason, subject));
    Situation { reason, answer: subject.api.answer(reason), needed: None, problem: None, cause, cures }
}

fn can_happen(reason: Reason, api: &Api) -> bool {
    let limits = || api.plans.iter().flat_map(Plan::limits);
    match reason {
        Reason::ForeignKey => api.credentials.foreign == Foreign::Refuse && !api.format.accepts_any_prefix(),
        Reason::RateLimited => limits().any(|limit| !limit.is_quota),
        Reason::QuotaExceeded => limits().any(|limit| limit.is_quota),
        // What costs one request is never too much; a key's own number can be as low as one.
        Reason::CostExceedsLimit => limits().next().is_some() && all_routes(api).any(|route| route.cost > 1),
        Reason::AddressBanned => api.bans.is_some(),
        Reason::NotFound => all_routes(api).any(|route| route.access == Access::Closed),
        _ => true,
    }
}

fn all_routes(api: &Api) -> impl Iterator<Item = &Route> {
    api.routes.rules().map(|(_, _, route)| route).chain([api.routes.default()])
}

/// One for each answer to a missing right: the dialect's own, and those of routes.
fn lacking<'a>(subject: &Subject<'a>) -> Vec<Situation<'a>> {
    let general = subject.api.answer(Reason::InsufficientPermission);
    let mut kinds: Vec<(&Answer, Vec<&Need>)> = Vec::new();
    // Those of the API itself first: of what Bitting answers there are fewer calls.
    let (own, others): (Vec<&Route>, Vec<&Route>) = all_routes(subject.api).partition(|route| route.target == Target::Upstream);
    for route in own.into_iter().chain(others) {
        let (Access::Key(need) | Access::Optional(need)) = &route.access else { continue };
        if need.is_empty() {
            continue;
        }
        let answer = route.denied.as_ref().unwrap_or(general);
        match kinds.iter_mut().find(|(known, _)| is_same(known, answer)) {
            Some((_, needs)) => needs.push(need),
            None => kinds.push((answer, vec![need])),
        }
    }
    kinds.into_iter().map(|(answer, needs)| of_needs(subject, answer, &needs)).collect()
}

/// How calls are refused for want of one right, as in `403 trading_not_enabled`.
pub(in crate::docs) fn told_without(right: &str, api: &Api) -> Option<String> {
    let needs_it = |route: &&Route| match &route.access {
        Access::Key(need) | Access::Optional(need) => need.asked().any(|asked| asked == right),
        Access::Public | Access::Closed => false,
    };
    let route = all_routes(api).find(needs_it)?;
    let answer = route.denied.as_ref().unwrap_or(api.answer(Reason::InsufficientPermission));
    let (head, body) = respond(answer, Some(right), None).into_parts();
    let code = body::code(&String::from_utf8_lossy(&body)).map(|(_, code)| format!(" {code}"));
    Some(format!("{}{}", head.status.as_str(), code.unwrap_or_default()))
}

fn is_same(one: &Answer, other: &Answer) -> bool {
    let sent = |answer: &Answer| {
        let response = respond(answer, Some(REQUEST_ID), None);
        (response.status(), response.headers().clone(), response.into_body())
    };
    sent(one) == sent(other)
}

fn of_needs<'a>(subject: &Subject<'a>, answer: &'a Answer, needs: &[&Need]) -> Situation<'a> {
    let catalogue = &subject.api.catalogue;
    let first = needs.iter().find_map(|need| need.asked().next()).unwrap_or_default().to_owned();
    let only = needs.iter().all(|need| need.asked().all(|asked| asked == first));
    let says_which = respond(answer, Some(&first), None).body() != respond(answer, Some(""), None).body();
    let section = rights::title(catalogue);
    let capability = catalogue.capabilities().iter().find(|capability| *capability.name == *first);
    let (clause, cure) = match (only, capability) {
        (true, Some(switch)) => (
            Text::say("the key does not have ").strong(&*switch.label),
            Text::say("Switch ").strong(&*switch.label).and(" on for the key, or use another key."),
        ),
        (true, None) => (
            Text::say("the key lacks ").code(&*first),
            Text::say("Use a key that has it; see ").link(section.clone(), format!("#{}", anchor(&section))).and("."),
        ),
        (false, _) => {
            let lacks = Text::say("the key lacks what the call needs");
            let example = Text::default().and(", here ").code(&*first);
            (
                if says_which { lacks.then(example) } else { lacks },
                Text::say("Use a key that has it; what each call needs stands under ")
                    .link(section.clone(), format!("#{}", anchor(&section)))
                    .and("."),
            )
        }
    };
    Situation {
        reason: Reason::InsufficientPermission,
        answer,
        needed: Some(first),
        problem: None,
        cause: Cause::Clause(clause),
        cures: vec![cure],
    }
}
