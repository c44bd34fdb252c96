//! When a key ends, as people choose it.

use std::time::Duration;

use bitting_core::api::Policy;
use bitting_core::duration;
use bitting_core::time::Timestamp;

use super::{Bounds, KeyDraft, lasting};
use crate::dashboard::view::Moment;

/// What is chosen of the ends that a key can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// As it is.
    Keep,
    /// After a time from now.
    In(Duration),
    /// On the date beside it, whose last second is the key's last.
    On,
    /// Not by itself.
    Never,
}

const fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

impl Expiry {
    /// The value in the form.
    pub(crate) fn value(self) -> String {
        match self {
            Self::Keep => "keep".to_owned(),
            Self::In(time) => format!("{}s", time.as_secs()),
            Self::On => "on".to_owned(),
            Self::Never => "never".to_owned(),
        }
    }

    /// Reads the value of the form. What is none of them is a date that is not there, which is wrong and says so.
    pub(super) fn read(value: &str) -> Self {
        match value {
            "keep" => Self::Keep,
            "never" => Self::Never,
            other => duration::parse(other).map_or(Self::On, Self::In),
        }
    }

    /// The times that the form offers: 30 and 90 days, and the longest that the API allows where that is less.
    pub(crate) fn offered(policy: &Policy) -> Vec<Duration> {
        let longest = policy.max_lifetime.unwrap_or(Duration::MAX);
        let mut times: Vec<Duration> = [days(30), days(90)].into_iter().filter(|time| *time <= longest).collect();
        if longest < days(90) && !times.contains(&longest) {
            times.push(longest);
        }
        times
    }

    /// What a new key gets unless somebody chooses: 90 days, or the longest that the API allows.
    pub(super) fn usual(policy: &Policy) -> Self {
        Self::offered(policy).last().map_or(Self::Never, |time| Self::In(*time))
    }

    /// Whether a key may go on for ever.
    pub(crate) fn may_be_never(policy: &Policy) -> bool {
        policy.max_lifetime.is_none() && !policy.expiry_required
    }
}

impl KeyDraft {
    /// The end that was chosen: `None` if it stays as it is, `Some(None)` if there is none.
    ///
    /// # Errors
    /// What is wrong with it.
    #[expect(clippy::option_option, reason = "the outer one is whether it changes")]
    pub(super) fn end(&self, bounds: Bounds<'_>) -> Result<Option<Option<Timestamp>>, String> {
        let Bounds { api, now, row, .. } = bounds;
        let end = match self.expiry {
            Expiry::Keep if row.is_some() => return Ok(None),
            Expiry::Keep => return Err("Choose when it ends.".to_owned()),
            Expiry::Never => None,
            Expiry::In(time) => Some(now.plus(time)),
            Expiry::On if self.expires_on.is_empty() => return Err("Choose the date, or one of the other ends.".to_owned()),
            Expiry::On => {
                let last_second = format!("{}T23:59:59Z", self.expires_on).parse();
                Some(last_second.map_err(|_| format!("Write the date as in {}.", Moment::date_field(now.plus(days(90)))))?)
            }
        };
        if end.is_some_and(|end| end <= now) {
            return Err("This date is over. Choose one that lies ahead.".to_owned());
        }
        let made_at = row.map_or(now, |row| row.created_at);
        match (end, api.policy.max_lifetime) {
            (None, Some(longest)) => Err(format!("Keys of {} end after {} at the latest.", api.labels.title, lasting(longest))),
            (None, None) if api.policy.expiry_required => Err(format!("Every key of {} has an end.", api.labels.title)),
            (Some(end), Some(longest)) if end > made_at.plus(longest) => {
                // The last date whose last second is allowed.
                let last = Timestamp::from_millis(made_at.plus(longest).as_millis().saturating_sub(86_399_000));
                let (last, longest) = (Moment::day(last), lasting(longest));
                Err(format!("At the latest {}: keys of {} live for {longest}.", last.words(), api.labels.title))
            }
            (end, _) => Ok(Some(end)),
        }
    }
}
