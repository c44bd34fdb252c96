//! What an API is told of how it is used.

use std::time::Duration;

use crate::traffic::TrafficPolicy;

/// What is worth an event. Everything is by default: what nobody wants to hear of is switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// Keys that are not good, in numbers; and keys that are not good any more, at once.
    pub failures: Option<FailureAlert>,
    /// Good keys that are used from outside of their address list.
    pub refused_addresses: bool,
    /// Limits and quotas that refuse requests.
    pub limits: bool,
    /// For how long it is learned from where a key is used, counted from its first use, before a new network is told.
    pub learning: Option<Duration>,
    /// Keys that are used much more or much less than usual.
    pub traffic: Option<TrafficPolicy>,
}

/// When requests with keys that nobody knows are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureAlert {
    /// So many of them…
    pub after: u64,
    /// …within this time, to a tenth of it.
    pub within: Duration,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            failures: Some(FailureAlert::default()),
            refused_addresses: true,
            limits: true,
            learning: Some(Duration::from_hours(7 * 24)),
            traffic: Some(TrafficPolicy::default()),
        }
    }
}

impl Default for FailureAlert {
    fn default() -> Self {
        Self { after: 10, within: Duration::from_mins(1) }
    }
}

impl Alerts {
    /// None at all.
    pub const NONE: Self = Self { failures: None, refused_addresses: false, limits: false, learning: None, traffic: None };
}
