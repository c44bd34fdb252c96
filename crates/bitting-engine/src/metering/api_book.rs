//! What all keys of an API share, what callers without a key did, and who is held off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitting_core::limit::{Levels, Outcome, Refusal, Refused, Tallied};
use bitting_core::name::NameId;
use bitting_core::time::Timestamp;

use crate::bans::Bans;

/// The books of all APIs. They outlive the configuration: an API is known by its name.
#[derive(Debug, Default)]
pub(crate) struct ApiBooks(Mutex<HashMap<NameId, Arc<ApiBook>>>);

/// The book of one API.
#[derive(Debug, Default)]
pub(crate) struct ApiBook {
    shared: Mutex<Vec<(NameId, Levels)>>,
    keyless: Mutex<Keyless>,
    bans: Arc<Bans>,
}

#[derive(Debug, Default)]
struct Keyless {
    tallies: Vec<Tallied>,
    refused: Vec<Refused>,
    is_dirty: bool,
    /// The label of no route, made once.
    nowhere: Arc<str>,
}

/// How many kinds of refused requests without a known key are told apart until they are written down, which is for about a second.
/// Whoever attacks from a million addresses shall take neither memory nor time.
const KINDS: usize = 32;

impl ApiBooks {
    /// The book of an API.
    pub(crate) fn of(&self, api: NameId) -> Arc<ApiBook> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(api).or_default())
    }
}

impl ApiBook {
    /// The levels that the keys of each environment share. To be taken after an account's book, never before.
    pub(super) fn shared(&self) -> MutexGuard<'_, Vec<(NameId, Levels)>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is held off for presenting invalid keys.
    pub(crate) fn bans(&self) -> &Arc<Bans> {
        &self.bans
    }

    /// Counts a request without a key. Whether somebody has to be told that there is something to write down.
    pub(super) fn note(&self, now: Timestamp, route: Option<&Arc<str>>, outcome: Outcome) -> bool {
        let mut keyless = self.keyless.lock().unwrap_or_else(PoisonError::into_inner);
        let Keyless { tallies, is_dirty, nowhere, .. } = &mut *keyless;
        Tallied::add(tallies, now, route.unwrap_or(nowhere), outcome);
        !std::mem::replace(is_dirty, true)
    }

    /// Counts and remembers a request without a known key that is refused. Whether somebody has to be told that there is something to
    /// write down.
    pub(super) fn refuse(&self, refusal: &Refusal<'_>) -> bool {
        let mut keyless = self.keyless.lock().unwrap_or_else(PoisonError::into_inner);
        let Keyless { tallies, refused, is_dirty, nowhere } = &mut *keyless;
        Tallied::add(tallies, refusal.now, nowhere, Outcome::Refused(refusal.reason));
        Refused::add(refused, refusal, KINDS);
        !std::mem::replace(is_dirty, true)
    }

    /// Takes out what was counted of requests without a key, and what was refused of them.
    pub(super) fn take_keyless(&self) -> (Vec<Tallied>, Vec<Refused>) {
        let mut keyless = self.keyless.lock().unwrap_or_else(PoisonError::into_inner);
        keyless.is_dirty = false;
        (std::mem::take(&mut keyless.tallies), std::mem::take(&mut keyless.refused))
    }
}
