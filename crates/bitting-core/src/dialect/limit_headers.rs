//! What a caller is told of the limits.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::limit::{Limit, Plan, Reading};
use crate::time::Timestamp;

/// The headers that tell of limits. All of them are on every answer to a recognised key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHeaders {
    /// What the limit allows, as in `X-RateLimit-Limit`.
    pub limit: Option<HeaderName>,
    /// What is left of it.
    pub remaining: Option<HeaderName>,
    /// When all of it is free again.
    pub reset: Option<HeaderName>,
    /// How that is written.
    pub reset_format: ResetFormat,
    /// Which limit they tell of, if it does not refuse; without one the first of the plan.
    pub shows: Option<Box<str>>,
    /// Whether `RateLimit` and `RateLimit-Policy` tell of all limits (draft-ietf-httpapi-ratelimit-headers-10).
    pub standard: bool,
}

/// How a reset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetFormat {
    /// Seconds since 1970.
    Unix,
    /// Whole seconds from now.
    Seconds,
    /// RFC 3339.
    Rfc3339,
}

/// What all limits of a plan say after a decision, in the plan's order, and which of them refused.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'s> {
    /// The plan.
    pub plan: &'s Plan,
    /// What each of its limits says.
    pub readings: &'s [Reading],
    /// The one that refused, and the moment from which the request would be let through.
    pub refused: Option<(usize, Option<Timestamp>)>,
    /// When that was decided.
    pub now: Timestamp,
}

impl Default for LimitHeaders {
    fn default() -> Self {
        Self {
            limit: Some(HeaderName::from_static("x-ratelimit-limit")),
            remaining: Some(HeaderName::from_static("x-ratelimit-remaining")),
            reset: Some(HeaderName::from_static("x-ratelimit-reset")),
            reset_format: ResetFormat::Unix,
            shows: None,
            standard: false,
        }
    }
}

impl LimitHeaders {
    /// The limit that is told of.
    pub fn shown<'s>(&self, standing: &Standing<'s>) -> Option<(&'s Limit, Reading)> {
        let named = |name: &str| standing.plan.limits().iter().position(|limit| *limit.name == *name);
        let refused = standing.refused.map(|(position, _)| position);
        let position = refused.or_else(|| self.shows.as_deref().and_then(named)).unwrap_or(0);
        Some((standing.plan.limits().get(position)?, *standing.readings.get(position)?))
    }

    /// Sets the headers. What an upstream says under the same names is not about these limits.
    pub fn write(&self, standing: &Standing<'_>, headers: &mut HeaderMap) {
        let Some((_, shown)) = self.shown(standing) else { return };
        for (name, value) in [(&self.limit, shown.allowed), (&self.remaining, shown.remaining)] {
            if let Some(name) = name {
                headers.insert(name.clone(), HeaderValue::from(value));
            }
        }
        if let Some(name) = &self.reset {
            let value = match self.reset_format {
                ResetFormat::Unix => Some(HeaderValue::from(whole_seconds(shown.reset.as_millis()))),
                ResetFormat::Seconds => Some(HeaderValue::from(seconds_until(standing.now, shown.reset))),
                ResetFormat::Rfc3339 => HeaderValue::from_str(&shown.reset.to_string()).ok(),
            };
            value.map(|value| headers.insert(name.clone(), value));
        }
        if let Some((_, Some(retry_at))) = standing.refused {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds_until(standing.now, retry_at)));
        }
        if self.standard {
            let (policies, levels) = standard(standing);
            for (name, text) in [("ratelimit-policy", policies), ("ratelimit", levels)] {
                if let Ok(value) = HeaderValue::from_str(&text) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
        }
    }

    /// The names of all of them, for scripts of other origins to read.
    pub fn names(&self) -> Vec<HeaderName> {
        let own = [&self.limit, &self.remaining, &self.reset].into_iter().flatten().cloned();
        let standard = ["ratelimit", "ratelimit-policy"].map(HeaderName::from_static);
        own.chain(standard.into_iter().filter(|_| self.standard)).chain([header::RETRY_AFTER]).collect()
    }
}

/// Whole seconds from one moment until another, never too few.
pub fn seconds_until(now: Timestamp, then: Timestamp) -> i64 {
    whole_seconds(then.as_millis().saturating_sub(now.as_millis()).max(0))
}

/// A caller who comes at that second must be let through, so it is rounded up.
fn whole_seconds(ms: i64) -> i64 {
    ms.div_euclid(1_000) + i64::from(ms.rem_euclid(1_000) > 0)
}

/// `RateLimit-Policy` and `RateLimit`: lists of structured items (RFC 9651). A limit's name is made of characters that need no
/// escape.
fn standard(standing: &Standing<'_>) -> (String, String) {
    let (mut policies, mut levels) = (String::new(), String::new());
    for (limit, reading) in standing.plan.limits().iter().zip(standing.readings) {
        let separator = if policies.is_empty() { "" } else { ", " };
        let window = limit.pace.length().as_millis().div_ceil(1_000);
        let reset = seconds_until(standing.now, reading.reset);
        // Writing to a string does not fail.
        let _ = write!(policies, "{separator}\"{}\";q={};w={window}", limit.name, reading.allowed);
        let _ = write!(levels, "{separator}\"{}\";r={};t={reset}", limit.name, reading.remaining);
    }
    (policies, levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{LimitScope, LimitSpec, Pace, Period};
    use crate::name::Names;

    fn plan() -> Plan {
        let names = Names::default();
        let limit = |name: &str, allowed, period| {
            let pace = Pace::Window(period);
            let spec = LimitSpec { name: name.into(), allowed, pace, scope: LimitScope::Key, is_quota: false };
            Limit::new(spec, &names).unwrap()
        };
        Plan::new("free", vec![limit("minute", 100, Period::Minute), limit("hour", 1_000, Period::Hour)], &names)
    }

    fn told(headers: &LimitHeaders, refused: Option<(usize, Option<Timestamp>)>) -> Vec<String> {
        let at = Timestamp::from_millis;
        let readings = [
            Reading { allowed: 100, remaining: 0, reset: at(60_000) },
            Reading { allowed: 1_000, remaining: 640, reset: at(3_600_000) },
        ];
        let plan = plan();
        let mut map = HeaderMap::new();
        headers.write(&Standing { plan: &plan, readings: &readings, refused, now: at(59_001) }, &mut map);
        map.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn the_first_limit_is_told_of_or_the_one_that_is_chosen_or_the_one_that_refused() {
        let first = ["x-ratelimit-limit: 100", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 60"];
        assert_eq!(told(&LimitHeaders::default(), None), first);
        let hour = LimitHeaders { shows: Some("hour".into()), ..LimitHeaders::default() };
        assert_eq!(told(&hour, None), ["x-ratelimit-limit: 1000", "x-ratelimit-remaining: 640", "x-ratelimit-reset: 3600"]);
        let refused = Some((0, Some(Timestamp::from_millis(60_000))));
        assert_eq!(told(&hour, refused), [&first[..], &["retry-after: 1"]].concat());
        assert_eq!(told(&hour, Some((0, None))), first, "whoever asks for too much need not come again");
    }

    #[test]
    fn a_reset_is_written_as_the_dialect_likes_it() {
        let reset = |reset_format| {
            let headers = LimitHeaders { reset_format, limit: None, remaining: None, ..LimitHeaders::default() };
            told(&headers, None).pop().unwrap()
        };
        assert_eq!(reset(ResetFormat::Seconds), "x-ratelimit-reset: 1", "whole seconds, rounded up");
        assert_eq!(reset(ResetFormat::Rfc3339), "x-ratelimit-reset: 1970-01-01T00:01:00Z");
    }

    #[test]
    fn the_draft_of_the_ietf_tells_of_all_limits() {
        let headers = LimitHeaders { limit: None, remaining: None, reset: None, standard: true, ..LimitHeaders::default() };
        let policies = "ratelimit-policy: \"minute\";q=100;w=60, \"hour\";q=1000;w=3600";
        assert_eq!(told(&headers, None), [policies, "ratelimit: \"minute\";r=0;t=1, \"hour\";r=640;t=3541"]);
        assert_eq!(headers.names(), ["ratelimit", "ratelimit-policy", "retry-after"]);
    }
}
