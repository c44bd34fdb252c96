//! Why requests were refused, in words, and what to do about it.

use std::net::IpAddr;

use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;

use super::{ApiLinks, Moment};
use bitting_core::key::KeyId;

/// Requests that were refused alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// When the last of them came.
    pub(crate) at: Timestamp,
    pub(crate) reason: Reason,
    /// The right that was missing, or the limit that refused in words ("500 a minute").
    pub(crate) wanted: String,
    /// The method and the route's pattern; empty where none was looked for.
    pub(crate) request: String,
    /// From where, if that is known.
    pub(crate) address: Option<IpAddr>,
    pub(crate) times: u64,
    /// The status that callers were given.
    pub(crate) status: u16,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusalLine {
    pub(crate) at: Moment,
    pub(crate) why: &'static str,
    /// What was missing, as code.
    pub(crate) missing: String,
    pub(crate) rest: String,
    pub(crate) status: u16,
    /// What to do, and where.
    pub(crate) cure: Option<(String, &'static str)>,
    pub(crate) request: String,
    pub(crate) address: String,
    pub(crate) times: String,
}

impl RefusalLine {
    /// The line for refusals of one key, with what cures them.
    pub(crate) fn of_key(refusal: &Refusal, key: KeyId, links: &ApiLinks, now: Timestamp) -> Self {
        Self { cure: cure(refusal.reason, key, links), ..Self::of_nobody(refusal, now) }
    }

    /// The line for refusals of which no key is known.
    pub(crate) fn of_nobody(refusal: &Refusal, now: Timestamp) -> Self {
        let (why, missing, rest) = match refusal.reason {
            Reason::InsufficientPermission if !refusal.wanted.is_empty() => ("Lacks", refusal.wanted.clone(), String::new()),
            Reason::RateLimited | Reason::QuotaExceeded if !refusal.wanted.is_empty() => {
                ("Over", String::new(), format!(" {}", refusal.wanted))
            }
            reason => (reason_words(reason), String::new(), String::new()),
        };
        Self {
            at: Moment::clock(refusal.at, now),
            why,
            missing,
            rest,
            status: refusal.status,
            cure: None,
            request: if refusal.request.is_empty() { "Any".to_owned() } else { refusal.request.clone() },
            address: refusal.address.map_or_else(|| "Not known".to_owned(), |address| address.to_string()),
            times: super::thousands(refusal.times),
        }
    }
}

/// What whoever holds a key can do about a reason.
fn cure(reason: Reason, key: KeyId, links: &ApiLinks) -> Option<(String, &'static str)> {
    match reason {
        Reason::InsufficientPermission => Some((links.key_action(key, "edit"), "Change permissions")),
        Reason::AddressNotAllowed => Some((links.key_action(key, "edit"), "Change addresses")),
        Reason::DisabledKey => Some((links.key_action(key, "edit"), "Switch on")),
        Reason::ExpiredKey => Some((format!("{}#extend", links.key(key)), "Extend")),
        _ => None,
    }
}

/// A reason in a few words.
pub(crate) fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::UnknownHost => "Unknown host",
        Reason::InvalidPath => "Path that can be read in two ways",
        Reason::InvalidRequest => "Request not well-formed",
        Reason::MisdirectedRequest => "Connected for another host",
        Reason::MissingKey => "No key",
        Reason::ForeignKey => "Not a key of this API",
        Reason::MalformedKey => "Damaged key",
        Reason::UnknownKey => "Unknown key",
        Reason::RevokedKey => "Revoked key",
        Reason::DisabledKey => "Disabled key",
        Reason::DisabledAccount => "Suspended account",
        Reason::ExpiredKey => "Expired key",
        Reason::AmbiguousCredential => "Two different keys",
        Reason::AddressBanned => "Banned address",
        Reason::AddressNotAllowed => "Address not allowed",
        Reason::InsufficientPermission => "Missing permission",
        Reason::RateLimited => "Over the limit",
        Reason::QuotaExceeded => "Quota used up",
        Reason::CostExceedsLimit => "Dearer than the limit",
        Reason::NotFound => "Nothing there",
        Reason::MethodNotAllowed => "Method not allowed",
        Reason::RequestTimeout => "Body too slow",
        Reason::Conflict => "Conflict",
        Reason::PreconditionFailed => "Changed meanwhile",
        Reason::PayloadTooLarge => "Too much sent",
        Reason::UnsupportedMediaType => "Format not read",
        Reason::IdempotencyKeyReused => "Idempotency key used twice",
        Reason::StoreUnavailable => "Store not available",
        Reason::UpstreamUnreachable => "API not reachable",
        Reason::UpstreamTimeout => "API too slow",
    }
}
