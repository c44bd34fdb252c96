//! Usage on its way to the store.

use std::collections::HashMap;

use bitting_core::key::KeyId;
use bitting_core::limit::Tallied;
use bitting_core::name::NameId;
use bitting_core::time::Timestamp;
use bitting_store::{Holder, LastUse, Store, StoreError, StoreErrorKind, Tally, Whose};

use super::{Counted, Metering};
use crate::apis::ServedApi;

/// What was used and is not written down: added up, so that a store that fails for a long time costs no more memory than it
/// has keys and routes.
#[derive(Default)]
pub(super) struct Unwritten {
    tallies: HashMap<(Holder, u32), Vec<Tallied>>,
    last_uses: HashMap<KeyId, LastUse>,
}

/// How many tallies are written at once: so many that the writer is not held over 20 ms.
const CHUNK: usize = 500;

impl Unwritten {
    /// Takes over everything that was counted until now.
    pub(super) fn take_from(&mut self, metering: &Metering) {
        for counted in std::mem::take(&mut *metering.dirty()) {
            match counted {
                Counted::Account(api, account) => {
                    let mut book = account.book();
                    book.is_dirty = false;
                    for (key, page) in &mut book.keys {
                        if let Some((at, address)) = page.last_use.take() {
                            self.last_uses.insert(*key, LastUse { key: *key, at, address });
                        }
                        let whose = || [Whose::Key(*key), Whose::Account(account.id().clone()), Whose::Api];
                        let tallies = std::mem::take(&mut page.tallies);
                        if !tallies.is_empty() {
                            self.add(&api, Some(page.environment), &whose(), &tallies);
                        }
                    }
                }
                Counted::Keyless(api) => {
                    let tallies = api.book().take_keyless();
                    self.add(&api, None, &[Whose::Api], &tallies);
                }
            }
        }
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

    /// Writes it down in chunks. What could not be written is kept; of a chunk of which nobody knows whether it was written, it
    /// is taken that it was, so that nothing is counted twice.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(super) async fn write(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        while !self.tallies.is_empty() || !self.last_uses.is_empty() {
            let mut holders: Vec<(Holder, u32)> = Vec::new();
            let mut count = 0;
            for (holder, tallies) in &self.tallies {
                if count > 0 && count + tallies.len() > CHUNK {
                    break;
                }
                count += tallies.len();
                holders.push(holder.clone());
            }
            let last_uses: Vec<LastUse> = self.last_uses.values().take(CHUNK).copied().collect();
            let tallies = holders.iter().flat_map(|at| self.tallies.get(at).into_iter().flatten().map(|t| tally(at, t)));
            let written = store.add_usage(tallies.collect(), last_uses.clone()).await;
            let is_certain = |error: &StoreError| error.kind() != StoreErrorKind::OutcomeUnknown;
            if written.as_ref().err().is_none_or(|error| !is_certain(error)) {
                for at in &holders {
                    self.tallies.remove(at);
                }
                for last in &last_uses {
                    self.last_uses.remove(&last.key);
                }
            }
            written?;
        }
        Ok(())
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
