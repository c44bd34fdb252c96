//! How a key stands: the one state, the most urgent of all, that list, page and events say of it, and what cures it.

use std::time::Duration;

use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_store::{Ages, KeyRow, KeyState};

use super::rights::capitalised;
use super::{Moment, Status, Tone, ahead, plural};

const DAY: u64 = 24 * 60 * 60;

/// A key's state. Each is a shape and a word, and stands with its cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It works.
    Active,
    /// It works, and is older than it should become.
    Overdue {
        /// How old it is.
        days: u64,
        /// How old it should become.
        of: u64,
    },
    /// It works, and ends soon.
    Expiring {
        /// When.
        at: Timestamp,
    },
    /// It works, and nobody has used it for long.
    Unused {
        /// For how long.
        days: u64,
    },
    /// Another has taken its place, and it works until its overlap ends.
    Replaced {
        /// When it ends, where that is known.
        ends_at: Option<Timestamp>,
        /// Whether somebody has used it since.
        is_in_use: bool,
    },
    /// It is switched off, and can be switched on again.
    Disabled,
    /// It is good, and its account is not.
    Suspended,
    /// Its time is over.
    Expired,
    /// It is ended for good.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

/// What a state wants done, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cure {
    /// What to do: the end of the link to the key's page, and the words.
    pub(crate) steps: Vec<(&'static str, &'static str)>,
    /// How far it has come, as in "286 days old".
    pub(crate) note: String,
}

impl Standing {
    /// That of a key at a time. `last_used` is when it was used last; `ages` say when keys ask for a decision.
    pub(crate) fn of(
        row: &KeyRow,
        last_used: Option<Timestamp>,
        is_account_enabled: bool,
        ages: &Ages,
        now: Timestamp,
    ) -> Self {
        let days = |time: Duration| time.as_secs() / DAY;
        let suspended = |standing| if is_account_enabled { standing } else { Self::Suspended };
        let working = match KeyState::of(row, last_used, ages, now) {
            KeyState::Revoked => return Self::Revoked { at: row.revoked_at.unwrap_or(now) },
            KeyState::Expired => return Self::Expired,
            KeyState::Disabled => Self::Disabled,
            KeyState::Active => Self::Active,
            KeyState::Unused => Self::Unused { days: days(now.since(last_used.unwrap_or(row.created_at))) },
            KeyState::Expiring => row.expires_at.map_or(Self::Active, |at| Self::Expiring { at }),
            KeyState::Overdue => {
                let of = ages.rotation_of.get(&row.environment).copied().unwrap_or(ages.rotation);
                Self::Overdue { days: days(now.since(row.created_at)), of: days(of) }
            }
            KeyState::Replaced => {
                let since = row.replaced_by.map_or(now, made_at);
                Self::Replaced { ends_at: row.expires_at, is_in_use: last_used.is_some_and(|used| used > since) }
            }
        };
        suspended(working)
    }

    /// Its shape and word.
    pub(crate) fn status(self) -> Status {
        let (tone, icon, word) = match self {
            Self::Active => (Tone::Plain, "active", "Active"),
            Self::Overdue { .. } => (Tone::Warn, "rotate", "Overdue"),
            Self::Expiring { .. } => (Tone::Warn, "warn", "Expiring"),
            Self::Unused { .. } => (Tone::Plain, "hollow", "Unused"),
            Self::Replaced { .. } => (Tone::Plain, "half", "Replaced"),
            Self::Disabled => (Tone::Off, "pause", "Disabled"),
            Self::Suspended => (Tone::Off, "stop", "Suspended"),
            Self::Expired => (Tone::Off, "clock", "Expired"),
            Self::Revoked { .. } => (Tone::Off, "cross", "Revoked"),
        };
        Status::new(tone, icon, word)
    }

    /// What it wants done.
    pub(crate) fn cure(self) -> Cure {
        match self {
            Self::Overdue { days, .. } => {
                Cure { steps: vec![("#rotate", "Rotate")], note: format!("{} old", plural(days, "day")) }
            }
            Self::Expiring { .. } => Cure { steps: vec![("#extend", "Extend"), ("#rotate", "rotate")], note: String::new() },
            Self::Unused { days } => Cure { steps: vec![("#revoke", "Revoke")], note: format!("idle {}", plural(days, "day")) },
            Self::Replaced { .. } => Cure { steps: vec![("#revoke", "End now")], note: String::new() },
            Self::Disabled => Cure { steps: vec![("/edit", "Switch on")], note: String::new() },
            Self::Active | Self::Suspended | Self::Expired | Self::Revoked { .. } => Cure::default(),
        }
    }

    /// The sentence that its page says first, where it wants something.
    pub(crate) fn sentence(self, environment: &str, now: Timestamp) -> Option<String> {
        let sentence = match self {
            Self::Overdue { days, of } => {
                let (days, environment) = (plural(days, "day"), capitalised(environment));
                format!("This key is {days} old. {environment} keys should be rotated every {of} days.")
            }
            Self::Expiring { at } => {
                let end = Moment::full(at);
                format!("This key ends {}, on {}. From then on its requests are refused.", ahead(at, now), end.words())
            }
            Self::Unused { days } => {
                format!("Nobody has used this key for {}. What is not needed is better revoked.", plural(days, "day"))
            }
            Self::Replaced { ends_at, is_in_use } => {
                let end = ends_at.map_or_else(String::new, |at| format!(" until {}", Moment::full(at).words()));
                let use_of_it = if is_in_use { "It is still in use." } else { "Nothing has used it since." };
                format!("Another key has taken this one’s place. It works{end}. {use_of_it}")
            }
            Self::Disabled => "This key is switched off. Its requests are refused until somebody switches it on.".to_owned(),
            Self::Suspended => {
                "This key’s account is suspended. Its requests are refused until the account is enabled.".to_owned()
            }
            Self::Active | Self::Expired | Self::Revoked { .. } => return None,
        };
        Some(sentence)
    }

    /// Whether its requests are let through.
    pub(crate) fn works(self) -> bool {
        !matches!(self, Self::Disabled | Self::Suspended | Self::Expired | Self::Revoked { .. })
    }

    /// Whether it can still be changed, rotated and ended.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Revoked { .. })
    }
}

/// When a key was made: the first six bytes of its id say it in milliseconds.
pub(super) fn made_at(id: KeyId) -> Timestamp {
    let millis = u128::from_be_bytes(id.to_bytes()) >> 80;
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::fixture::{at, now};

    fn key(made: &str) -> KeyRow {
        crate::dashboard::fixture::key("Production App", made)
    }

    fn used_today(row: &KeyRow) -> Standing {
        Standing::of(row, Some(at("2025-10-14T10:40:00Z")), true, &Ages::default(), now())
    }

    #[test]
    fn a_key_in_use_is_active_until_it_is_older_than_its_environment_allows() {
        assert_eq!(used_today(&key("2025-07-16T10:42:01Z")), Standing::Active);
        assert_eq!(used_today(&key("2025-07-16T10:42:00Z")), Standing::Overdue { days: 90, of: 90 });
        let of_test = |made| {
            let row = KeyRow { environment: "test".to_owned(), ..key(made) };
            Standing::of(&row, Some(now()), true, &Ages::default(), now())
        };
        assert_eq!(of_test("2025-07-15T10:42:00Z"), Standing::Active);
        assert_eq!(of_test("2025-01-01T00:00:00Z"), Standing::Overdue { days: 286, of: 180 });
    }

    #[test]
    fn a_key_that_ends_soon_asks_for_a_decision() {
        let ending = |made, end| used_today(&KeyRow { expires_at: Some(at(end)), ..key(made) });
        let end = "2025-11-13T10:42:00Z";
        assert_eq!(ending("2025-01-01T00:00:00Z", end), Standing::Expiring { at: at(end) }, "in 30 days, and overdue too");
        assert_eq!(ending("2025-09-01T00:00:00Z", "2025-11-13T10:42:01Z"), Standing::Active);
    }

    #[test]
    fn a_key_that_nobody_uses_is_better_ended() {
        let idle = |made, used: Option<&str>| {
            let row = KeyRow { environment: "test".to_owned(), ..key(made) };
            Standing::of(&row, used.map(at), true, &Ages::default(), now())
        };
        assert_eq!(idle("2025-07-02T10:00:00Z", None), Standing::Unused { days: 104 });
        assert_eq!(idle("2025-07-02T10:00:00Z", Some("2025-07-16T10:42:00Z")), Standing::Unused { days: 90 });
        assert_eq!(idle("2025-10-14T10:30:00Z", None), Standing::Active, "made today");
        assert_eq!(idle("2025-01-01T10:00:00Z", None).status().word, "Overdue", "which is more urgent");
        assert_eq!(idle("2025-07-02T10:00:00Z", None).cure().note, "idle 104 days");
    }

    #[test]
    fn a_replaced_key_says_whether_somebody_still_uses_it() {
        let successor = KeyId::new(at("2025-10-13T09:00:00Z"), 1);
        let ends_at = Some(at("2025-10-15T09:00:00Z"));
        let row = KeyRow { replaced_by: Some(successor), expires_at: ends_at, ..key("2025-01-01T00:00:00Z") };
        assert_eq!(used_today(&row), Standing::Replaced { ends_at, is_in_use: true });
        let before = Standing::of(&row, Some(at("2025-10-13T08:59:00Z")), true, &Ages::default(), now());
        assert_eq!(before, Standing::Replaced { ends_at, is_in_use: false });
        assert_eq!(made_at(successor), at("2025-10-13T09:00:00Z"));
    }

    #[test]
    fn of_what_is_refused_the_final_reason_is_said() {
        let revoked_at = Some(at("2025-09-02T00:00:00Z"));
        let expires_at = Some(at("2025-09-30T00:00:00Z"));
        let old = key("2025-01-01T00:00:00Z");
        assert_eq!(used_today(&KeyRow { enabled: false, ..old.clone() }), Standing::Disabled);
        let suspended = Standing::of(&KeyRow { enabled: false, ..old.clone() }, None, false, &Ages::default(), now());
        assert_eq!(suspended, Standing::Suspended);
        let expired = KeyRow { expires_at, enabled: false, ..old.clone() };
        assert_eq!(Standing::of(&expired, None, false, &Ages::default(), now()), Standing::Expired);
        let revoked = KeyRow { revoked_at, expires_at, ..old };
        assert_eq!(used_today(&revoked), Standing::Revoked { at: at("2025-09-02T00:00:00Z") });
        assert!(!used_today(&revoked).is_open() && used_today(&expired).is_open() && !used_today(&expired).works());
    }
}
