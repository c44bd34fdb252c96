//! Why a request is refused.

use std::fmt;
use std::str::FromStr;

use http::StatusCode;

/// Every reason for which Bitting answers instead of the protected API. A dialect says for each how it sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each name says what happened; `detail` has the sentence")]
pub enum Reason {
    UnknownHost,
    MisdirectedRequest,
    InvalidPath,
    InvalidRequest,
    MissingKey,
    ForeignKey,
    MalformedKey,
    UnknownKey,
    RevokedKey,
    DisabledKey,
    DisabledAccount,
    ExpiredKey,
    AmbiguousCredential,
    AddressBanned,
    AddressNotAllowed,
    InsufficientPermission,
    RateLimited,
    QuotaExceeded,
    CostExceedsLimit,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyKeyReused,
    StoreUnavailable,
    UpstreamUnreachable,
    UpstreamTimeout,
}

/// Reasons that a dialect usually answers alike, so that one entry in the configuration covers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReasonGroup {
    /// Who is asking is not established.
    Unauthenticated,
    /// The key is good, but not for this.
    Forbidden,
    /// Too much, too often.
    Limited,
    /// The request cannot be understood, or asks for nothing that exists.
    Invalid,
    /// Bitting or the upstream cannot answer now.
    Unavailable,
}

impl Reason {
    /// All reasons, each at the position of its number.
    pub const ALL: [Self; 30] = [
        Self::UnknownHost,
        Self::MisdirectedRequest,
        Self::InvalidPath,
        Self::InvalidRequest,
        Self::MissingKey,
        Self::ForeignKey,
        Self::MalformedKey,
        Self::UnknownKey,
        Self::RevokedKey,
        Self::DisabledKey,
        Self::DisabledAccount,
        Self::ExpiredKey,
        Self::AmbiguousCredential,
        Self::AddressBanned,
        Self::AddressNotAllowed,
        Self::InsufficientPermission,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::CostExceedsLimit,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyKeyReused,
        Self::StoreUnavailable,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
    ];

    /// The name in configuration, logs and metrics, as in `unknown_key`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The group whose entry in the configuration covers it.
    pub fn group(self) -> ReasonGroup {
        self.row().1
    }

    /// The status where the dialect names none.
    pub fn default_status(self) -> StatusCode {
        StatusCode::from_u16(self.row().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The sentence where the dialect has none: what happened and, where it helps, what to do. It may have placeholders.
    pub fn default_detail(self) -> &'static str {
        self.row().3
    }

    const fn row(self) -> (&'static str, ReasonGroup, u16, &'static str) {
        use ReasonGroup::{Forbidden, Invalid, Limited, Unauthenticated, Unavailable};
        match self {
            Self::UnknownHost => ("unknown_host", Invalid, 421, "No API is served under this host."),
            Self::MisdirectedRequest => {
                ("misdirected_request", Invalid, 421, "This connection was made for another host; connect anew for this one.")
            }
            Self::InvalidPath => {
                ("invalid_path", Invalid, 400, "The path could be read in more than one way, or is not well-formed.")
            }
            Self::InvalidRequest => ("invalid_request", Invalid, 400, "The request is not well-formed."),
            Self::MissingKey => ("missing_key", Unauthenticated, 401, "An API key is required."),
            Self::ForeignKey => ("foreign_key", Unauthenticated, 401, "The credential is not a key of this API."),
            Self::MalformedKey => ("malformed_key", Unauthenticated, 401, "The API key is damaged or incomplete."),
            Self::UnknownKey => ("unknown_key", Unauthenticated, 401, "The API key is not known."),
            Self::RevokedKey => ("revoked_key", Unauthenticated, 401, "The API key has been revoked."),
            Self::DisabledKey => ("disabled_key", Unauthenticated, 401, "The API key is disabled."),
            Self::DisabledAccount => ("disabled_account", Unauthenticated, 401, "The key's account is suspended."),
            Self::ExpiredKey => ("expired_key", Unauthenticated, 401, "The API key has expired."),
            Self::AmbiguousCredential => {
                ("ambiguous_credential", Invalid, 400, "The request carries several different credentials.")
            }
            Self::AddressBanned => ("address_banned", Limited, 429, "Too many failed attempts from this address."),
            Self::AddressNotAllowed => {
                ("address_not_allowed", Forbidden, 403, "The API key may not be used from this address.")
            }
            Self::InsufficientPermission => ("insufficient_permission", Forbidden, 403, "The API key lacks {needed}."),
            Self::RateLimited => ("rate_limited", Limited, 429, "Too many requests."),
            Self::QuotaExceeded => ("quota_exceeded", Limited, 429, "The quota is used up."),
            Self::CostExceedsLimit => ("cost_exceeds_limit", Forbidden, 403, "The request costs more than the limit allows."),
            Self::NotFound => ("not_found", Invalid, 404, "There is nothing here."),
            Self::MethodNotAllowed => ("method_not_allowed", Invalid, 405, "This cannot be done here."),
            Self::RequestTimeout => ("request_timeout", Invalid, 408, "The body did not arrive in time."),
            Self::PreconditionFailed => {
                ("precondition_failed", Invalid, 412, "It was changed since it was read; read it again and decide anew.")
            }
            Self::PayloadTooLarge => ("payload_too_large", Invalid, 413, "The body is too large."),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", Invalid, 415, "The body is of a kind that is not read here.")
            }
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", Invalid, 422, "The idempotency key was used for another request.")
            }
            Self::Conflict => ("conflict", Invalid, 409, "The request conflicts with the present state."),
            Self::StoreUnavailable => {
                ("store_unavailable", Unavailable, 503, "The key cannot be checked at the moment. Try again shortly.")
            }
            Self::UpstreamUnreachable => ("upstream_unreachable", Unavailable, 502, "The API cannot be reached."),
            Self::UpstreamTimeout => ("upstream_timeout", Unavailable, 504, "The API did not answer in time."),
        }
    }
}

impl ReasonGroup {
    /// All groups.
    pub const ALL: [Self; 5] = [Self::Unauthenticated, Self::Forbidden, Self::Limited, Self::Invalid, Self::Unavailable];

    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Limited => "limited",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Reason {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|reason| reason.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_the_position_of_its_number() {
        for (position, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, position, "{reason}");
            assert_eq!(reason.name().parse(), Ok(reason));
            assert!(reason.default_status().is_client_error() || reason.default_status().is_server_error());
        }
    }
}
