//! What is left of a key's limits.

use bitting_core::dialect::{LimitHeaders, Standing};
use bitting_core::limit::{Limit, LimitScope, Reading};
use bitting_core::time::Timestamp;
use bitting_engine::Permit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::words;

/// What is left, of the limit that the headers tell of and of all others.
#[derive(Serialize)]
pub(crate) struct LimitsView {
    /// What the limit allows; null for a key without limits, as are the next three.
    limit: Option<u64>,
    remaining: Option<u64>,
    /// When all of it is free again, in seconds since 1970.
    reset: Option<i64>,
    /// The same instant in RFC 3339.
    reset_at: Option<Timestamp>,
    plan: Option<String>,
    limits: Vec<LimitView>,
}

/// One limit and what is left of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitView {
    /// Its name.
    #[schema(examples("hour"))]
    name: String,
    /// Who shares it: `key`, `account` or `api`.
    #[schema(examples("key"))]
    scope: &'static str,
    /// What it allows.
    limit: u64,
    /// What is left of it.
    remaining: u64,
    /// When all of it is free again.
    #[schema(value_type = words::Time)]
    reset_at: Timestamp,
}

impl LimitsView {
    pub(crate) fn new(permit: &Permit) -> Self {
        let standing = permit.limited().map(|limited| limited.standing(permit.api()));
        Self::of(standing.as_ref(), &permit.api().limit_headers)
    }

    /// What is left after a decision; none for a key without limits.
    pub(crate) fn of(standing: Option<&Standing<'_>>, headers: &LimitHeaders) -> Self {
        let shown = standing.and_then(|standing| headers.shown(standing));
        // A second has begun to count when it is written, so a part of one is a whole one.
        let reset_ms = shown.map(|(_, reading)| reading.reset.as_millis().saturating_add(999) / 1_000 * 1_000);
        Self {
            limit: shown.map(|(_, reading)| reading.allowed),
            remaining: shown.map(|(_, reading)| reading.remaining),
            reset: reset_ms.map(|ms| ms / 1_000),
            reset_at: reset_ms.map(Timestamp::from_millis),
            plan: standing.map(|standing| standing.plan.name.to_string()),
            limits: standing.map_or_else(Vec::new, of_standing),
        }
    }
}

/// All limits and what is left of them.
pub(crate) fn of_standing(standing: &Standing<'_>) -> Vec<LimitView> {
    let view = |(limit, reading): (&Limit, &Reading)| LimitView {
        name: limit.name.to_string(),
        scope: match limit.scope {
            LimitScope::Key => "key",
            LimitScope::Account => "account",
            LimitScope::Api => "api",
        },
        limit: reading.allowed,
        remaining: reading.remaining,
        reset_at: reading.reset,
    };
    standing.plan.limits().iter().zip(standing.readings).map(view).collect()
}
