//! When the keys of an API ask for a decision.

use std::time::Duration;

use bitting_core::api::Api;
use bitting_store::Ages;

use crate::dashboard::view::Environment;

const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

/// Keys with real data behind them are rotated every 90 days, others every 180. Where keys live for a short time, the last third of
/// it is soon enough to be told of their end.
pub(super) fn of(api: &Api) -> Ages {
    let usual = Ages::default();
    let is_live = |name: &str| Environment::of(name, api).is_live();
    let live = api.environments.iter().filter(|environment| is_live(&environment.name));
    Ages {
        rotation_of: live.map(|environment| (environment.name.to_string(), days(90))).collect(),
        expiring: api.policy.max_lifetime.map_or(usual.expiring, |longest| usual.expiring.min(longest / 3)),
        ..usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::fixture::{launchboard, product};

    #[test]
    fn keys_that_live_for_a_month_are_not_expiring_from_their_first_day_on() {
        assert_eq!(of(&product()), Ages::default());
        let short = of(&launchboard());
        assert_eq!((short.expiring, short.rotation_of.get("production")), (days(10), Some(&days(90))));
    }
}
