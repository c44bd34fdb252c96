//! Usage on its way to the store.

use std::collections::HashMap;

use bitting_core::account::Account;
use bitting_core::key::KeyId;
use bitting_core::limit::{self, Tallied};
use bitting_core::name::NameId;
use bitting_core::time::Timestamp;
use bitting_store::{
    Holder, LastUse, Refused, RefusedBearer, RefusedRequest, RefusedRow, SeenFrom, Store, StoreError, Tally, UsageBatch, Whose,
};

use super::raised::RaisedBook;
use super::{Counted, Metering};
use crate::apis::ServedApi;
use crate::watch::{RefusalWatch, Refusals};

/// What was used and is not written down: added up, so that a store that fails for a long time costs no more memory than it
/// has keys and routes.
#[derive(Default)]
pub(super) struct Unwritten {
    tallies: HashMap<(Holder, u32), Vec<Tallied>>,
    last_uses: HashMap<KeyId, LastUse>,
    refused: HashMap<RefusedRequest, Refused>,
    seen: HashMap<KeyId, SeenFrom>,
    raised: RaisedBook,
    /// What is refused again and again.
    watch: RefusalWatch,
    /// What was tried to be written and may have been.
    batch: Option<UsageBatch>,
    /// The number of the last batch that is known to be written.
    last_number: Option<u64>,
}

/// How many tallies are written at once: so many that the writer is not held over 20 ms.
const CHUNK: usize = 500;

/// How many refused requests are.
const REFUSED_CHUNK: usize = 100;

/// The networks of how many keys are.
const SEEN_CHUNK: usize = 200;

/// How many events are.
const RAISED_CHUNK: usize = 100;

/// How many kinds of refused requests may wait to be written. Of more only the number is known, which usage has.
const REFUSED: usize = 5_000;

impl Unwritten {
    /// Takes over everything that was counted until now.
    pub(super) fn take_from(&mut self, metering: &Metering, now: Timestamp) {
        self.raised.append(metering.take_raised());
        let dirty = std::mem::take(&mut *metering.dirty());
        for counted in dirty {
            match counted {
                Counted::Account(api, account) => {
                    for Drained { key, environment, tallies, refused } in self.drain(&api, &account) {
                        let whose = [Whose::Key(key), Whose::Account(account.id().clone()), Whose::Api];
                        self.add(&api, Some(environment), &whose, &tallies);
                        let environment = environment_name(&api, Some(environment)).into();
                        let bearer = RefusedBearer { key, account: account.id().clone(), environment };
                        let plan = api.plans.of(account.plan());
                        let refusals =
                            Refusals { api: &api, bearer: Some(&bearer), plan, tallies: &tallies, refused: &refused };
                        self.watch.note(&refusals, now);
                        self.add_refused(&api, Some(&bearer), refused);
                    }
                }
                Counted::Keyless(api) => {
                    let (tallies, refused) = api.book().take_keyless();
                    self.add(&api, None, &[Whose::Api], &tallies);
                    let plan = api.plans.of(None);
                    let refusals = Refusals { api: &api, bearer: None, plan, tallies: &tallies, refused: &refused };
                    self.watch.note(&refusals, now);
                    self.add_refused(&api, None, refused);
                }
            }
        }
        if self.raised.has_room() {
            self.watch.due(now, RAISED_CHUNK).into_iter().for_each(|raised| self.raised.add(raised));
        }
    }

    /// Has some of that told which waits for its turn, since there is no later one. Whether there was any.
    pub(super) fn tell_of_the_rest(&mut self, now: Timestamp) -> bool {
        let rest = self.watch.rest(now, RAISED_CHUNK);
        let is_some = !rest.is_empty();
        for raised in rest {
            self.raised.add(raised);
        }
        is_some
    }

    /// What was counted of each key of an account. Requests wait for its book meanwhile, so it is only taken out.
    fn drain(&mut self, api: &ServedApi, account: &Account) -> Vec<Drained> {
        let mut book = account.book();
        book.is_dirty = false;
        let mut drained = Vec::new();
        for (key, page) in &mut book.keys {
            if let Some((at, address)) = page.last_use.take() {
                self.last_uses.insert(*key, LastUse { key: *key, at, address });
            }
            let visits = page.visits.take();
            if let (false, Some(learning)) = (visits.is_empty(), api.alerts.learning) {
                let (name, account) = (api.name.clone(), account.id().clone());
                let new = || SeenFrom { api: name, key: *key, account, visits: Vec::new(), learning };
                self.seen.entry(*key).or_insert_with(new).add(visits);
            }
            if !page.tallies.is_empty() {
                let (tallies, refused) = (std::mem::take(&mut page.tallies), std::mem::take(&mut page.refused));
                drained.push(Drained { key: *key, environment: page.environment, tallies, refused });
            }
        }
        drained
    }

    fn add(&mut self, api: &ServedApi, environment: Option<NameId>, whose: &[Whose], tallies: &[Tallied]) {
        let environment = environment_name(api, environment);
        for whose in whose {
            let holder = Holder { api: api.name.clone(), environment: environment.into(), whose: whose.clone() };
            for tallied in tallies {
                let known = self.tallies.entry((holder.clone(), tallied.hour)).or_default();
                match known.iter_mut().find(|known| known.outcome == tallied.outcome && known.route == tallied.route) {
                    Some(known) => known.count += tallied.count,
                    None => known.push(tallied.clone()),
                }
            }
        }
    }

    fn add_refused(&mut self, api: &ServedApi, bearer: Option<&RefusedBearer>, refused: Vec<limit::Refused>) {
        for limit::Refused { reason, wanted, method, route, address, first, last, times, within } in refused {
            let request = RefusedRequest {
                api: api.name.clone(),
                bearer: bearer.cloned(),
                reason: reason.name().into(),
                wanted: wanted.unwrap_or_default(),
                method: method.into(),
                route: route.as_deref().unwrap_or_default().into(),
                address,
            };
            if let Some(known) = self.refused.get_mut(&request) {
                known.row.last = last;
                known.row.times = known.row.times.saturating_add(times);
            } else if self.refused.len() < REFUSED {
                let row = RefusedRow { request: request.clone(), first, last, times };
                self.refused.insert(request, Refused { row, within });
            }
        }
    }

    /// Whether everything is written.
    pub(super) fn is_empty(&self) -> bool {
        self.tallies.is_empty()
            && self.last_uses.is_empty()
            && self.refused.is_empty()
            && self.seen.is_empty()
            && self.raised.is_empty()
            && self.batch.is_none()
    }

    /// Writes a part of it. What could not be written is written again, under the same number, so that it counts once even if it
    /// was written and nobody could say so.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(super) async fn write_some(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let number = match self.last_number {
            Some(last) => last + 1,
            None => store.last_batch().await? + 1,
        };
        self.last_number = Some(number - 1);
        let batch = self.batch.take().unwrap_or_else(|| self.next_batch());
        let written = store.add_usage(number, batch.clone()).await;
        match &written {
            Ok(()) => self.last_number = Some(number),
            Err(_) => self.batch = Some(batch),
        }
        written
    }

    /// As much as is written at once.
    fn next_batch(&mut self) -> UsageBatch {
        let mut batch = UsageBatch::default();
        while let Some(at) = self.tallies.keys().next().cloned()
            && batch.tallies.len() < CHUNK
        {
            let tallies = self.tallies.remove(&at).unwrap_or_default();
            batch.tallies.extend(tallies.iter().map(|tallied| tally(&at, tallied)));
        }
        let keys: Vec<KeyId> = self.last_uses.keys().take(CHUNK).copied().collect();
        batch.last_uses = keys.iter().filter_map(|key| self.last_uses.remove(key)).collect();
        let requests: Vec<RefusedRequest> = self.refused.keys().take(REFUSED_CHUNK).cloned().collect();
        batch.refused = requests.iter().filter_map(|request| self.refused.remove(request)).collect();
        let keys: Vec<KeyId> = self.seen.keys().take(SEEN_CHUNK).copied().collect();
        batch.seen = keys.iter().filter_map(|key| self.seen.remove(key)).collect();
        batch.raised = self.raised.take(RAISED_CHUNK);
        batch
    }
}

/// What was counted of a key.
struct Drained {
    key: KeyId,
    environment: NameId,
    tallies: Vec<Tallied>,
    refused: Vec<limit::Refused>,
}

fn environment_name(api: &ServedApi, environment: Option<NameId>) -> &str {
    environment.and_then(|id| api.environment(id)).map_or("", |environment| &environment.name)
}

fn tally((holder, hour): &(Holder, u32), tallied: &Tallied) -> Tally {
    Tally {
        holder: holder.clone(),
        at: Timestamp::from_millis(i64::from(*hour) * 3_600_000),
        route: (&*tallied.route).into(),
        outcome: tallied.outcome.name().into(),
        count: tallied.count,
    }
}
