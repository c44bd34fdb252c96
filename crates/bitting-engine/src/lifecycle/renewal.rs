//! Keys that renew themselves: another term of the same length, before the present one ends.
//!
//! A key is renewed if it is switched on, was not replaced, and its account is enabled and on a plan that allows it at that moment. The
//! writer checks all of it once more. Whoever may not renew when it is time is looked at again until the end: an account may get another
//! plan. A key that has ended is renewed only if its time came while nobody looked: the server was down, or the clock has jumped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::account::AccountId;
use bitting_core::api::{Api, Lifecycle};
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_store::{AccountRow, Change, Conditions, KeyRow, Line, Place, Span, StoreError};

use super::agenda::{Item, Task};
use super::{CHUNK, Keeper, Outcome, unwritten};
use crate::apis::ServedApi;

/// Keys are gathered for so long ahead, so that they need not be looked for each second.
const AHEAD: Duration = Duration::from_mins(1);

/// A key that lives for a shorter time could not be renewed before its end.
const LEAST_TERM: Duration = Duration::from_secs(10);

/// Why a key does not renew itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRenewed {
    /// It does not say so.
    Off,
    /// Another has taken its place.
    Replaced,
    /// Its account is suspended.
    AccountDisabled,
    /// The plan of its account does not allow it.
    Plan,
}

impl NotRenewed {
    /// The word that events say.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Replaced => "replaced",
            Self::AccountDisabled => "account_disabled",
            Self::Plan => "plan",
        }
    }
}

/// When a key will be renewed as everything stands, or why it will not.
///
/// # Errors
/// Why it will not.
pub fn renewal(api: &Api, key: &KeyRow, account: Option<&AccountRow>) -> Result<Timestamp, NotRenewed> {
    let due = renews_at(&api.lifecycle, key).filter(|_| key.auto_renew).ok_or(NotRenewed::Off)?;
    if key.replaced_by.is_some() {
        return Err(NotRenewed::Replaced);
    }
    let account = account.filter(|account| account.enabled).ok_or(NotRenewed::AccountDisabled)?;
    let named = account.plan.as_deref().and_then(|plan| api.plans.named(plan));
    if named.unwrap_or_else(|| api.plans.fallback()).renews_keys() { Ok(due) } else { Err(NotRenewed::Plan) }
}

fn renews_at(lifecycle: &Lifecycle, key: &KeyRow) -> Option<Timestamp> {
    let (term, end) = (key.term()?, key.expires_at?);
    (term >= LEAST_TERM).then(|| lifecycle.renews_at(key.term_began_at.unwrap_or(key.created_at), end))
}

/// The next term of a key whose present one ends then: when it begins and ends. Terms that were missed are over.
fn next_term(ends_at: Timestamp, term: Duration, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let missed = now.since(ends_at).as_millis() / term.as_millis().max(1);
    let begins_at = ends_at.plus(term.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX)));
    let until = begins_at.plus(term);
    (until > now && until > ends_at).then_some((begins_at, until))
}

impl Keeper {
    /// Takes keys whose renewal comes near onto the agenda, some of them. Whether there are more.
    pub(super) async fn gather(&mut self, api: &Arc<ServedApi>, now: Timestamp) -> Result<bool, StoreError> {
        let floor = self.floor;
        let until = now.plus(api.lifecycle.renew_before).plus(AHEAD);
        let stages = self.stages_of(api, now).await?;
        let after = *stages.gathered.get_or_insert_with(|| Place::end_of(floor));
        // Half of what was gathered ahead is left, so nothing is late.
        if until <= after.at.plus(AHEAD / 2) {
            return Ok(false);
        }
        let found = self.store.along(&api.name, Line::Renewing, Span { after, until }, CHUNK).await?;
        let more = found.len() == CHUNK;
        let reached = found.last().filter(|_| more).map_or(Place::end_of(until), |(place, _)| *place);
        self.stages_of(api, now).await?.gathered = Some(reached);
        for (_, key) in &found {
            self.plan_renewal(api, key, true);
        }
        Ok(more)
    }

    /// Takes a key onto the agenda that says that it renews itself, unless its end is so far that it is gathered later.
    pub(super) fn plan_renewal(&mut self, api: &ServedApi, key: &KeyRow, is_owed: bool) {
        let gathered = self.stages.get(&api.id).and_then(|stages| stages.gathered);
        let is_gathered = gathered.is_some_and(|place| key.expires_at.is_some_and(|end| end <= place.at));
        if let Some(due) = renews_at(&api.lifecycle, key).filter(|_| is_gathered) {
            self.agenda.add(Item { due, key: key.id, api: api.id, task: Task::Renew { is_owed } });
        }
    }

    /// Renews those that may, and looks at the others later.
    pub(super) async fn renew(&mut self, api: &Arc<ServedApi>, items: &[Item], now: Timestamp) -> Result<(), StoreError> {
        if items.is_empty() {
            return Ok(());
        }
        let is_owed: HashMap<KeyId, bool> =
            items.iter().map(|item| (item.key, matches!(item.task, Task::Renew { is_owed: true }))).collect();
        let mut accounts: HashMap<AccountId, Option<AccountRow>> = HashMap::new();
        let mut handed_over = Vec::new();
        for key in self.store.named(&api.name, is_owed.keys().copied().collect()).await? {
            let is_owed = is_owed.get(&key.id).copied().unwrap_or_default();
            let (Some(ends_at), Some(term)) = (key.expires_at, key.term()) else { continue };
            // What is switched off, replaced or ended comes back here when that changes.
            if !key.auto_renew || !key.enabled || key.revoked_at.is_some() || (ends_at <= now && !is_owed) {
                continue;
            }
            if !accounts.contains_key(&key.account) {
                let row = self.store.account(&api.name, &key.account).await?;
                accounts.insert(key.account.clone(), row);
            }
            let account = accounts.get(&key.account).and_then(Option::as_ref);
            match (renewal(api, &key, account), next_term(ends_at, term, now)) {
                (Ok(due), _) if due > now => self.plan_renewal(api, &key, true),
                (Ok(_), Some((begins_at, until))) => {
                    let plan = account.and_then(|account| account.plan.clone());
                    let change = Change::RenewKey { api: api.name.to_string(), key: key.id, plan, ends_at, begins_at, until };
                    handed_over.push((key, term, self.hand_over(change, Conditions::default(), now).await));
                }
                (Err(NotRenewed::AccountDisabled | NotRenewed::Plan), _) if ends_at > now => {
                    self.look_again(api, &key, term, now);
                }
                _ => {}
            }
        }
        let mut failed = false;
        for (key, term, answered) in handed_over {
            match Outcome::of(answered).await {
                // The next renewal is found by the change that this one was.
                Outcome::Done => {}
                Outcome::Refused => self.look_again(api, &key, term, now),
                Outcome::Failed => failed = true,
            }
        }
        if failed { Err(unwritten()) } else { Ok(()) }
    }

    /// Looks at a key once more that could not be renewed, a few times until its end.
    fn look_again(&mut self, api: &ServedApi, key: &KeyRow, term: Duration, now: Timestamp) {
        let pause = (api.lifecycle.lead(term) / 16).max(Duration::from_secs(1));
        let item = Item { due: now.plus(pause), key: key.id, api: api.id, task: Task::Renew { is_owed: false } };
        self.agenda.add(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_hours(hours))
    }

    #[test]
    fn the_next_term_follows_the_present_one_and_missed_terms_are_passed_over() {
        let term = Duration::from_hours(10);
        assert_eq!(next_term(at(10), term, at(9)), Some((at(10), at(20))));
        assert_eq!(next_term(at(10), term, at(10)), Some((at(10), at(20))));
        assert_eq!(next_term(at(10), term, at(20)), Some((at(20), at(30))));
        assert_eq!(next_term(at(10), term, at(57)), Some((at(50), at(60))));
        assert_eq!(next_term(Timestamp::MAX, term, at(57)), None);
    }
}
