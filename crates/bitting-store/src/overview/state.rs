//! How a key is, in one word, and when it asks for a decision.

use std::collections::BTreeMap;
use std::time::Duration;

use bitting_core::api::Api;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::View;
use crate::row::KeyRow;

/// A key's state in one word: the most urgent that is true of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It works.
    Active,
    /// It works, and nobody has used it for a long time.
    Unused,
    /// It works and is older than keys should get.
    Overdue,
    /// It works and ends soon.
    Expiring,
    /// It works until its overlap with its successor is over.
    Replaced,
    /// It is switched off.
    Disabled,
    /// Its time is over.
    Expired,
    /// It is ended for good.
    Revoked,
}

/// When keys ask for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ages {
    /// At which age keys are overdue, by the names of environments.
    pub rotation_of: BTreeMap<String, Duration>,
    /// At which age those of every other environment are.
    pub rotation: Duration,
    /// How long nobody uses a key that is unused, which may be since it was made.
    pub unused: Duration,
    /// How long before its end a key is expiring.
    pub expiring: Duration,
}

impl Default for Ages {
    /// `live` keys are rotated every 90 days and others every 180; keys are unused after 90 days, and expire soon within 30.
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            rotation_of: BTreeMap::from([("live".to_owned(), days(90))]),
            rotation: days(180),
            unused: days(90),
            expiring: days(30),
        }
    }
}

impl Ages {
    /// Those of an API.
    pub fn of(api: &Api) -> Self {
        let lifecycle = &api.lifecycle;
        Self {
            rotation_of: lifecycle.rotation_of.iter().map(|(name, age)| (name.to_string(), *age)).collect(),
            rotation: lifecycle.rotation,
            unused: lifecycle.unused_after,
            expiring: lifecycle.expiring.first().copied().unwrap_or_default(),
        }
    }
}

impl KeyState {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Unused => "unused",
            Self::Overdue => "overdue",
            Self::Expiring => "expiring",
            Self::Replaced => "replaced",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Of a key that was last used then, if it ever was.
    pub fn of(key: &KeyRow, last_use: Option<Timestamp>, ages: &Ages, now: Timestamp) -> Self {
        let horizon = Horizon::new(ages, now);
        let vitals = Vitals {
            standing: match (key.revoked_at, key.enabled) {
                (Some(_), _) => Standing::Revoked,
                (None, false) => Standing::Resting,
                (None, true) => Standing::Working,
            },
            is_replaced: key.replaced_by.is_some(),
            created_at: key.created_at.as_millis(),
            expires_at: key.expires_at.map_or(NEVER, Timestamp::as_millis),
            used_at: last_use.map_or_else(|| unused_since(key.created_at.as_millis()), Timestamp::as_millis),
        };
        let overdue_before = horizon.overdue_before(&key.environment);
        match vitals.standing {
            Standing::Revoked => Self::Revoked,
            _ if vitals.expires_at <= horizon.now => Self::Expired,
            Standing::Resting => Self::Disabled,
            Standing::Working if vitals.is_replaced => Self::Replaced,
            Standing::Working if vitals.expires_at <= horizon.expiring_until => Self::Expiring,
            Standing::Working if vitals.created_at <= overdue_before => Self::Overdue,
            Standing::Working if vitals.is_in(View::Unused, &horizon, overdue_before) => Self::Unused,
            Standing::Working => Self::Active,
        }
    }
}

/// The end of a key that has none.
pub(crate) const NEVER: i64 = i64::MAX;

/// Before all times at which a key can have been used.
const UNUSED: i64 = 1 << 53;

/// Stands for the last use of a key that was made then and never used: before all uses, and in the order of creation.
pub(crate) fn unused_since(created_at: i64) -> i64 {
    created_at.saturating_sub(UNUSED)
}

/// What tells how a key is. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vitals {
    pub(crate) standing: Standing,
    pub(crate) is_replaced: bool,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    /// Of a key that was never used, as [`unused_since`] says it.
    pub(crate) used_at: i64,
}

/// Whether a key works, its end aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It never will again.
    Revoked,
    /// It is switched off, or known to have expired.
    Resting,
    /// It does.
    Working,
}

/// The times on which views depend, in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Horizon {
    pub(crate) now: i64,
    /// A key is unused if it was not used after this; never, if it was made no later than this.
    pub(crate) unused_since: i64,
    /// Keys that end no later than this are expiring.
    pub(crate) expiring_until: i64,
    /// Keys of other environments that were made no later than this are overdue.
    pub(crate) overdue_elsewhere: i64,
    /// Those of these environments.
    pub(crate) overdue_of: Vec<(String, i64)>,
}

impl Standing {
    /// From its column.
    pub(crate) fn read(number: i64) -> Self {
        match number {
            0 => Self::Revoked,
            1 => Self::Resting,
            _ => Self::Working,
        }
    }
}

impl Horizon {
    pub(crate) fn new(ages: &Ages, now: Timestamp) -> Self {
        let now = now.as_millis();
        let millis = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let ago = |age: Duration| now.saturating_sub(millis(age));
        Self {
            now,
            unused_since: ago(ages.unused),
            // A key that never ends is not expiring, however long the time.
            expiring_until: now.saturating_add(millis(ages.expiring)).min(NEVER - 1),
            overdue_elsewhere: ago(ages.rotation),
            overdue_of: ages.rotation_of.iter().map(|(name, age)| (name.clone(), ago(*age))).collect(),
        }
    }

    /// Keys of an environment that were made no later than this are overdue.
    pub(crate) fn overdue_before(&self, environment: &str) -> i64 {
        let own = self.overdue_of.iter().find(|(name, _)| name == environment);
        own.map_or(self.overdue_elsewhere, |(_, before)| *before)
    }

    /// The same for a key that was made then, if it is overdue in every environment or in none.
    pub(crate) fn overdue_everywhere_or_nowhere(&self, created_at: i64) -> Option<i64> {
        let least = self.overdue_of.iter().map(|(_, before)| *before).fold(self.overdue_elsewhere, i64::min);
        let most = self.overdue_at_most();
        if created_at <= least {
            return Some(least);
        }
        (created_at > most).then_some(most)
    }

    /// No key that was made after this is overdue.
    pub(crate) fn overdue_at_most(&self) -> i64 {
        self.overdue_of.iter().map(|(_, before)| *before).fold(self.overdue_elsewhere, i64::max)
    }

    /// No key that was never used and stands after this is unused.
    pub(crate) fn never_used_until(&self) -> i64 {
        unused_since(self.unused_since)
    }
}

impl Vitals {
    /// Whether a key is in a view, given what makes keys of its environment overdue.
    pub(crate) fn is_in(&self, view: View, horizon: &Horizon, overdue_before: i64) -> bool {
        let works = self.standing == Standing::Working && self.expires_at > horizon.now;
        match view {
            View::All => true,
            View::Revoked => self.standing == Standing::Revoked,
            View::Attention => {
                works && (self.is_replaced || self.expires_at <= horizon.expiring_until || self.created_at <= overdue_before)
            }
            View::Unused => {
                let until = if self.used_at < 0 { horizon.never_used_until() } else { horizon.unused_since };
                works && self.used_at <= until
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const NOW: i64 = 1_000 * DAY;

    /// A working key that was made so many days ago, never ends and was used an hour ago.
    fn vitals(days: i64) -> Vitals {
        let standing = Standing::Working;
        Vitals { standing, is_replaced: false, created_at: NOW - days * DAY, expires_at: NEVER, used_at: NOW - DAY / 24 }
    }

    fn is_in(view: View, vitals: Vitals, environment: &str) -> bool {
        let horizon = Horizon::new(&Ages::default(), Timestamp::from_millis(NOW));
        let overdue_before = horizon.overdue_before(environment);
        assert!(overdue_before <= horizon.overdue_at_most());
        vitals.is_in(view, &horizon, overdue_before)
    }

    #[test]
    fn a_key_is_overdue_at_the_age_of_its_environment() {
        for (days, environment, expected) in
            [(89, "live", false), (90, "live", true), (179, "test", false), (180, "test", true), (500, "staging", true)]
        {
            assert_eq!(is_in(View::Attention, vitals(days), environment), expected, "{days} {environment}");
        }
    }

    #[test]
    fn a_key_that_ends_soon_or_is_replaced_wants_attention_until_it_has_ended() {
        let ending = |ms| Vitals { expires_at: NOW + ms, ..vitals(1) };
        for (ms, expected) in [(-1, false), (0, false), (1, true), (30 * DAY, true), (30 * DAY + 1, false)] {
            assert_eq!(is_in(View::Attention, ending(ms), "live"), expected, "{ms}");
        }
        let replaced = |ms| Vitals { is_replaced: true, ..ending(ms) };
        assert!(is_in(View::Attention, replaced(40 * DAY), "live") && !is_in(View::Attention, replaced(0), "live"));
    }

    #[test]
    fn a_key_is_unused_only_when_it_is_old_enough_to_have_been_used() {
        let last_used = |days: i64| Vitals { used_at: NOW - days * DAY, ..vitals(400) };
        assert!(is_in(View::Unused, last_used(90), "live") && !is_in(View::Unused, last_used(89), "live"));
        let never = |days: i64| Vitals { used_at: unused_since(NOW - days * DAY), ..vitals(days) };
        assert!(is_in(View::Unused, never(90), "live") && !is_in(View::Unused, never(89), "live"));
    }

    #[test]
    fn what_does_not_work_asks_for_nothing() {
        for standing in [Standing::Revoked, Standing::Resting] {
            let old = Vitals { standing, used_at: 0, ..vitals(900) };
            assert!(!is_in(View::Attention, old, "live") && !is_in(View::Unused, old, "live"));
            assert_eq!(is_in(View::Revoked, old, "live"), standing == Standing::Revoked);
        }
    }
}
