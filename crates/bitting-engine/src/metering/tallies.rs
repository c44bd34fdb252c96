//! Usage on its way to the store.

use std::collections::HashMap;

use bitting_core::account::Account;
use bitting_core::key::KeyId;
use bitting_core::limit::Tallied;
use bitting_core::name::NameId;
use bitting_core::time::Timestamp;
use bitting_store::{Holder, LastUse, Store, StoreError, Tally, Whose};

use super::{Counted, Metering};
use crate::apis::ServedApi;

/// What was used and is not written down: added up, so that a store that fails for a long time costs no more memory than it
/// has keys and routes.
#[derive(Default)]
pub(super) struct Unwritten {
    tallies: HashMap<(Holder, u32), Vec<Tallied>>,
    last_uses: HashMap<KeyId, LastUse>,
    /// What was tried to be written and may have been.
    batch: Option<Batch>,
    /// The number of the last batch that is known to be written.
    last_number: Option<u64>,
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    tallies: Vec<Tally>,
    last_uses: Vec<LastUse>,
}

/// How many tallies are written at once: so many that the writer is not held over 20 ms.
const CHUNK: usize = 500;

impl Unwritten {
    /// Takes over everything that was counted until now.
    pub(super) fn take_from(&mut self, metering: &Metering) {
        let dirty = std::mem::take(&mut *metering.dirty());
        for counted in dirty {
            match counted {
                Counted::Account(api, account) => {
                    for (key, environment, tallies) in self.drain(&account) {
                        let whose = [Whose::Key(key), Whose::Account(account.id().clone()), Whose::Api];
                        self.add(&api, Some(environment), &whose, &tallies);
                    }
                }
                Counted::Keyless(api) => {
                    let tallies = api.book().take_keyless();
                    self.add(&api, None, &[Whose::Api], &tallies);
                }
            }
        }
    }

    /// What was counted of each key of an account. Requests wait for its book meanwhile, so it is only taken out.
    fn drain(&mut self, account: &Account) -> Vec<(KeyId, NameId, Vec<Tallied>)> {
        let mut book = account.book();
        book.is_dirty = false;
        let mut drained = Vec::new();
        for (key, page) in &mut book.keys {
            if let Some((at, address)) = page.last_use.take() {
                self.last_uses.insert(*key, LastUse { key: *key, at, address });
            }
            if !page.tallies.is_empty() {
                drained.push((*key, page.environment, std::mem::take(&mut page.tallies)));
            }
        }
        drained
    }

    fn add(&mut self, api: &ServedApi, environment: Option<NameId>, whose: &[Whose], tallies: &[Tallied]) {
        let environment = environment.and_then(|id| api.environment(id)).map_or("", |environment| &environment.name);
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

    /// Whether everything is written.
    pub(super) fn is_empty(&self) -> bool {
        self.tallies.is_empty() && self.last_uses.is_empty() && self.batch.is_none()
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
        let written = store.add_usage(number, batch.tallies.clone(), batch.last_uses.clone()).await;
        match &written {
            Ok(()) => self.last_number = Some(number),
            Err(_) => self.batch = Some(batch),
        }
        written
    }

    /// As much as is written at once.
    fn next_batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        while let Some(at) = self.tallies.keys().next().cloned()
            && batch.tallies.len() < CHUNK
        {
            let tallies = self.tallies.remove(&at).unwrap_or_default();
            batch.tallies.extend(tallies.iter().map(|tallied| tally(&at, tallied)));
        }
        let keys: Vec<KeyId> = self.last_uses.keys().take(CHUNK).copied().collect();
        batch.last_uses = keys.iter().filter_map(|key| self.last_uses.remove(key)).collect();
        batch
    }
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
