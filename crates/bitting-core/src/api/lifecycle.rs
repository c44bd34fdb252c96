//! How the keys of an API age: when somebody is told, when they renew, and what ends them by itself.

use std::time::Duration;

use crate::time::Timestamp;

/// What time does to the keys of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// How long before its end a key is told of, the longest first. Of those that apply at once only the shortest is told.
    pub expiring: Vec<Duration>,
    /// How long nobody uses a key that is unused, which may be since it was made.
    pub unused_after: Duration,
    /// At which age keys are overdue, by the names of environments.
    pub rotation_of: Vec<(Box<str>, Duration)>,
    /// At which age those of every other environment are.
    pub rotation: Duration,
    /// How long before its end a key renews, unless its [lead](Self::lead) is shorter.
    pub renew_before: Duration,
    /// Whether new keys that end renew, where nothing is said. Their account's plan must allow it all the same.
    pub renews_new_keys: bool,
    /// How long a key that was rotated must be unused to end before its overlap is over, where nothing is said; `None` is that it
    /// does not.
    pub end_overlap_when_unused_for: Option<Duration>,
}

const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

/// The age at which keys with real data behind them are overdue.
const PRODUCTION: Duration = days(90);

/// The age at which all others are.
const DEVELOPMENT: Duration = days(180);

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            expiring: vec![days(30), days(7), days(1)],
            unused_after: days(90),
            rotation_of: Vec::new(),
            rotation: DEVELOPMENT,
            renew_before: days(1),
            renews_new_keys: false,
            end_overlap_when_unused_for: None,
        }
    }
}

impl Lifecycle {
    /// The ages at which keys of these environments are overdue where nothing is said.
    pub fn usual_rotation(environments: &[&str]) -> Vec<(Box<str>, Duration)> {
        let age = |name: &str| if is_production(environments, name) { PRODUCTION } else { DEVELOPMENT };
        environments.iter().map(|name| ((*name).into(), age(name))).collect()
    }

    /// How long before their end keys are told of where nothing is said. Where keys live for a short time, the last third of it is soon
    /// enough.
    pub fn usual_notices(max_lifetime: Option<Duration>) -> Vec<Duration> {
        let mut notices = Self::default().expiring;
        if let Some(longest) = max_lifetime {
            notices = notices.into_iter().map(|notice| notice.min(longest / 3)).collect();
        }
        notices.dedup();
        notices
    }

    /// The age at which keys of an environment are overdue.
    pub fn rotation_age(&self, environment: &str) -> Duration {
        let own = self.rotation_of.iter().find(|(name, _)| **name == *environment);
        own.map_or(self.rotation, |(_, age)| *age)
    }

    /// How long before its end a key renews whose term is so long. A key that lives for a day must not renew as soon as it is made, so
    /// it is a tenth of the term at most.
    pub fn lead(&self, term: Duration) -> Duration {
        self.renew_before.min(term / 10)
    }

    /// When a key renews, if it does, whose present term has this beginning and end.
    pub fn renews_at(&self, began_at: Timestamp, ends_at: Timestamp) -> Timestamp {
        let lead = i64::try_from(self.lead(ends_at.since(began_at)).as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(ends_at.as_millis().saturating_sub(lead))
    }

    /// How long before its end a key is told of at the earliest.
    pub fn longest_notice(&self) -> Duration {
        self.expiring.iter().copied().max().unwrap_or_default()
    }

    /// How long before its end a key is told of that has so long to live: the shortest notice that is due.
    pub fn notice_due(&self, left: Duration) -> Option<Duration> {
        self.expiring.iter().copied().filter(|notice| left <= *notice).min()
    }
}

/// Whether real data stands behind an environment, one of these: the one that is called so, or the first where none is.
pub(super) fn is_production(environments: &[&str], name: &str) -> bool {
    let is_called_so = |name: &str| ["live", "prod", "production"].contains(&name);
    if environments.iter().any(|name| is_called_so(name)) {
        return is_called_so(name);
    }
    environments.first() == Some(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_production_are_overdue_after_half_the_time() {
        let ages = Lifecycle::usual_rotation(&["staging", "production"]);
        assert_eq!(ages, [("staging".into(), days(180)), ("production".into(), days(90))]);
        let lifecycle = Lifecycle { rotation_of: Lifecycle::usual_rotation(&["one", "two"]), ..Lifecycle::default() };
        let of = |name| lifecycle.rotation_age(name);
        assert_eq!([of("one"), of("two"), of("gone")], [days(90), days(180), days(180)]);
    }

    #[test]
    fn a_key_renews_a_day_before_its_end_or_a_tenth_of_a_short_life_before() {
        let lifecycle = Lifecycle::default();
        let at = |hours: u64| Timestamp::from_millis(0).plus(Duration::from_hours(hours));
        assert_eq!(lifecycle.renews_at(at(0), at(90 * 24)), at(89 * 24));
        assert_eq!(lifecycle.renews_at(at(0), at(240)), at(216));
        assert_eq!(lifecycle.renews_at(at(100), at(120)), at(118));
    }

    #[test]
    fn of_the_notices_that_are_due_the_tightest_is_told() {
        let lifecycle = Lifecycle::default();
        let due = |left| lifecycle.notice_due(left);
        assert_eq!(
            [due(days(31)), due(days(30)), due(days(7)), due(days(1))],
            [None, Some(days(30)), Some(days(7)), Some(days(1))]
        );
        assert_eq!(due(Duration::ZERO), Some(days(1)));
    }

    #[test]
    fn where_keys_live_for_a_month_nobody_is_told_of_their_end_on_the_first_day() {
        assert_eq!(Lifecycle::usual_notices(None), Lifecycle::default().expiring);
        assert_eq!(Lifecycle::usual_notices(Some(days(30))), [days(10), days(7), days(1)]);
        assert_eq!(Lifecycle::usual_notices(Some(Duration::from_hours(3))), [Duration::from_hours(1)]);
    }
}
