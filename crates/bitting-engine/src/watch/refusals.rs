//! What is refused, and what of it is worth telling.

use std::collections::HashMap;

use bitting_core::limit::{Outcome, Plan, Refused, Tallied};
use bitting_core::location::Location;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_store::{Raised, RefusedBearer};

use super::episode::{Episode, Hit, Threshold};
use super::subject::Subject;
use crate::apis::ServedApi;

/// What was refused since the last time, of a key or of callers whose key nobody knows.
pub(crate) struct Refusals<'r> {
    pub(crate) api: &'r ServedApi,
    /// The key, if it is known.
    pub(crate) bearer: Option<&'r RefusedBearer>,
    /// The plan of its account.
    pub(crate) plan: &'r Plan,
    /// How many there were of each outcome, exactly.
    pub(crate) tallies: &'r [Tallied],
    /// What is known of them, of which some may have found no room.
    pub(crate) refused: &'r [Refused],
}

/// What goes on. It takes no more memory than it has subjects, of which there are at most [`SUBJECTS`], however many requests there are.
#[derive(Debug, Default)]
pub(crate) struct RefusalWatch {
    episodes: HashMap<Subject, Episode>,
    /// When it was last looked for what is over.
    trimmed: Option<Timestamp>,
}

/// How many subjects are told apart. Of more keys at once it is told that there are some.
const SUBJECTS: usize = 5_000;

/// How often what is over is forgotten.
const TRIM_MS: u128 = 60_000;

/// Reasons that may be worth telling, those of limits aside.
const REASONS: [Reason; 7] = [
    Reason::MalformedKey,
    Reason::UnknownKey,
    Reason::RevokedKey,
    Reason::DisabledKey,
    Reason::ExpiredKey,
    Reason::DisabledAccount,
    Reason::AddressNotAllowed,
];

impl RefusalWatch {
    /// Takes over what was refused.
    pub(crate) fn note(&mut self, refusals: &Refusals<'_>, now: Timestamp) {
        let Refusals { api, bearer, plan, refused, .. } = *refusals;
        for reason in REASONS {
            let Some(count) = refusals.count(reason) else { continue };
            if let Some(subject) = Subject::of(api, bearer, reason) {
                let hits = hits(reason, count, refused.iter().filter(|refused| refused.reason == reason));
                // A key that is known is a matter of its own from the first request on.
                let threshold = api.alerts.failures.filter(|_| bearer.is_none());
                let threshold = threshold.map(|alert| Threshold { after: alert.after, within: alert.within });
                self.add(subject, hits, threshold, now);
            }
        }
        let Some(bearer) = bearer else { return };
        for reason in [Reason::RateLimited, Reason::QuotaExceeded] {
            let Some(mut count) = refusals.count(reason) else { continue };
            let mut of_reason: Vec<&Refused> = refused.iter().filter(|refused| refused.reason == reason).collect();
            of_reason.sort_by_key(|refused| &refused.wanted);
            let limits: Vec<_> = of_reason.chunk_by(|one, other| one.wanted == other.wanted).collect();
            for (position, of_limit) in limits.iter().enumerate() {
                let Some(name) = of_limit.first().and_then(|refused| refused.wanted.as_deref()) else { continue };
                let known = of_limit.iter().map(|refused| refused.times).fold(0, u64::saturating_add);
                // Those of which nothing else is known were probably refused by the same.
                let of_it = if position + 1 == limits.len() { count.max(known) } else { known };
                count = count.saturating_sub(known);
                if let Some(subject) = Subject::of_limit(api, bearer, plan, name, reason) {
                    self.add(subject, hits(reason, of_it, of_limit.iter().copied()), None, now);
                }
            }
        }
    }

    fn add(&mut self, mut subject: Subject, hits: Vec<Hit>, threshold: Option<Threshold>, now: Timestamp) {
        if self.episodes.len() >= SUBJECTS && !self.episodes.contains_key(&subject) {
            subject = subject.others();
        }
        self.episodes.entry(subject).or_insert_with(|| Episode::new(now)).add(hits, threshold, now);
    }

    /// What is to be told now, at most so much of it.
    pub(crate) fn due(&mut self, now: Timestamp, most: usize) -> Vec<Raised> {
        if self.trimmed.is_none_or(|trimmed| now.since(trimmed).as_millis() >= TRIM_MS) {
            self.trimmed = Some(now);
            self.episodes.retain(|_, episode| !episode.is_over(now));
        }
        let due = self.episodes.iter_mut().filter(|(_, episode)| episode.is_due(now)).take(most);
        in_order(due.map(|(subject, episode)| episode.tell(subject, now)).collect())
    }

    /// What was not told, at most so much of it, whether or not it was told a moment ago.
    pub(crate) fn rest(&mut self, now: Timestamp, most: usize) -> Vec<Raised> {
        let untold = self.episodes.iter_mut().filter(|(_, episode)| episode.is_untold()).take(most);
        in_order(untold.map(|(subject, episode)| episode.tell(subject, now)).collect())
    }
}

/// What happened first comes first.
fn in_order(mut raised: Vec<Raised>) -> Vec<Raised> {
    raised.sort_by_key(|raised| (raised.at, raised.kind));
    raised
}

impl Refusals<'_> {
    fn count(&self, reason: Reason) -> Option<u64> {
        let of_reason = self.tallies.iter().filter(|tallied| tallied.outcome == Outcome::Refused(reason));
        Some(of_reason.map(|tallied| tallied.count).fold(0, u64::saturating_add)).filter(|count| *count > 0)
    }
}

/// So many requests, from where they are known to have come.
fn hits<'r>(reason: Reason, count: u64, refused: impl Iterator<Item = &'r Refused>) -> Vec<Hit> {
    let mut rest = count;
    let mut hits: Vec<Hit> = refused
        .map(|refused| {
            rest = rest.saturating_sub(refused.times);
            Hit { reason, location: refused.address.map(Location::from), times: refused.times }
        })
        .collect();
    if rest > 0 {
        hits.push(Hit { reason, location: None, times: rest });
    }
    hits
}
