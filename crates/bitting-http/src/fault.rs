//! Requests that were let through and cannot be done, with what is wrong with them.
//!
//! On the service listener a fault is an RFC 9457 problem that names the fields. On the gateway it is the dialect's answer to
//! the same reason; whoever serves the gateway finds the fault among the response's extensions.

use axum::response::{IntoResponse, Response};
use bitting_core::reason::Reason;
use bitting_engine::{CommitError, InvalidChange, Violation};
use bitting_store::{Refusal, StoreError};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request is not done.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    errors: Vec<Violation>,
}

/// Why a request is not done (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    #[schema(examples("about:blank"))]
    r#type: &'static str,
    #[schema(examples("Bad Request"))]
    title: &'static str,
    #[schema(minimum = 400, maximum = 599, examples(400))]
    status: u16,
    /// What happened and, where it helps, what to do.
    #[schema(examples("name: write 1 to 200 characters"))]
    detail: String,
    /// The reason, for programs.
    #[schema(examples("invalid_request"))]
    code: &'static str,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<WrongField>,
}

/// One field that is wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct WrongField {
    #[schema(examples("name"))]
    field: String,
    #[schema(examples("write 1 to 200 characters"))]
    message: String,
}

impl Fault {
    /// For a reason, in words for this request.
    pub(crate) fn of(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), errors: Vec::new() }
    }

    /// A request that makes no sense.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::of(Reason::InvalidRequest, detail)
    }

    /// One field that is wrong.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![Violation { field: field.to_owned(), message: message.into() }])
    }

    fn fields(errors: Vec<Violation>) -> Self {
        let detail = errors.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.message)).collect::<Vec<_>>().join("; ");
        Self { reason: Reason::InvalidRequest, detail, errors }
    }

    /// As it is told on the service listener.
    pub(crate) fn problem(&self) -> Problem {
        let status = self.reason.default_status();
        let wrong = |error: &Violation| WrongField { field: error.field.clone(), message: error.message.clone() };
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.detail.clone(),
            code: self.reason.name(),
            errors: self.errors.iter().map(wrong).collect(),
        }
    }

    /// Very many things that are wrong, some of which are named.
    pub(crate) fn some_of(detail: impl Into<String>, errors: Vec<Violation>) -> Self {
        Self { errors, ..Self::invalid(detail) }
    }

    /// Something that is not there, or that is not the caller's to see.
    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::of(Reason::NotFound, format!("There is no {what}."))
    }
}

impl Problem {
    pub(crate) const CONTENT_TYPE: &str = "application/problem+json";
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let reason = match &refusal {
            Refusal::NoSuchAccount(_) | Refusal::NoSuchKey(_) | Refusal::NoSuchMember(_) | Refusal::NoSuchWebhook(_) => {
                Reason::NotFound
            }
            Refusal::NotYours | Refusal::MemberDisabled => Reason::InsufficientPermission,
            Refusal::IdempotencyKeyReused => Reason::IdempotencyKeyReused,
            Refusal::Damaged(_) => Reason::StoreUnavailable,
            Refusal::AccountExists(_)
            | Refusal::KeyExists(_)
            | Refusal::KeyRevoked(_)
            | Refusal::TooManyKeys(..)
            | Refusal::Changed(_)
            | Refusal::AlreadyRotated(..)
            | Refusal::NotRenewed(_)
            | Refusal::MemberExists
            | Refusal::LinkSpent
            | Refusal::CodeUsed
            | Refusal::TooManyWebhooks(_)
            | Refusal::TooManyTests(..)
            | Refusal::LastOperator => Reason::Conflict,
        };
        Self::of(reason, refusal.to_string())
    }
}

impl From<InvalidChange> for Fault {
    fn from(invalid: InvalidChange) -> Self {
        match invalid {
            InvalidChange::Fields(errors) => Self::fields(errors),
            InvalidChange::Entropy(error) => Self::of(Reason::StoreUnavailable, error.to_string()),
        }
    }
}

impl From<CommitError> for Fault {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Invalid(invalid) => invalid.into(),
            CommitError::Refused(refusal) => refusal.into(),
            CommitError::Exceeds(_) => Self::of(Reason::InsufficientPermission, error.to_string()),
            CommitError::Store(_) | CommitError::Stopping | CommitError::Broken => {
                tracing::warn!(%error, "a change could not be written");
                Self::of(Reason::StoreUnavailable, "The change could not be written. Try again shortly.")
            }
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store could not be read");
        Self::of(Reason::StoreUnavailable, "The store cannot be read at the moment. Try again shortly.")
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = self.reason.default_status();
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self.reason);
        response.extensions_mut().insert(self);
        response
    }
}
