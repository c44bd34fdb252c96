//! Keys that somebody else issued.
//!
//! They are admitted as they are: where an API has some, a credential that does not fit its format is looked up all the same.
//! An API without any pays nothing and refuses garbage without a look-up. A key that came with a SHA-512 stands in the map
//! under half of it; when it is used, its SHA-256 is a [`Sighting`], which the writer keeps, and from then on it is found like
//! every other key. Nobody's request waits for that, and a sighting that is lost is made again by the next request.

mod row;
mod rows;
mod sheet;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitting_core::key::{Digest, KeyId};
use bitting_core::name::NameId;
use bitting_store::{Actor, Change, Conditions, Entry, Origin, Provenance};
use papaya::HashMap as ConcurrentMap;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::SteadyClock;
use crate::ring::Ring;
use crate::writer::Job;

pub use self::sheet::{ImportFinding, RowProblem, Sheet, SheetFormat, SheetPart, import_id, preview_import};

/// How many imported keys there are of each API.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    any: AtomicBool,
    by_api: ConcurrentMap<NameId, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Those that stand under half of their SHA-512.
    unseen: AtomicUsize,
}

impl Imports {
    /// Counts a key that is new in the map.
    pub(crate) fn add(&self, api: NameId, provenance: Provenance) {
        if provenance.is_imported() {
            let unseen = usize::from(matches!(provenance, Provenance::Unseen(_)));
            self.by_api.pin().get_or_insert_with(api, Counts::default).unseen.fetch_add(unseen, Ordering::AcqRel);
            self.any.store(true, Ordering::Release);
        }
    }

    /// Counts a key that has left its place under half of its SHA-512.
    pub(crate) fn forget_unseen(&self, api: NameId) {
        if let Some(counts) = self.by_api.pin().get(&api) {
            counts.unseen.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether an API has imported keys.
    pub(crate) fn any(&self, api: NameId) -> bool {
        self.any.load(Ordering::Acquire) && self.by_api.pin().contains_key(&api)
    }

    /// Whether an API has keys that stand under half of their SHA-512.
    pub(crate) fn any_unseen(&self, api: NameId) -> bool {
        let unseen = |counts: &Counts| counts.unseen.load(Ordering::Acquire) > 0;
        self.any.load(Ordering::Acquire) && self.by_api.pin().get(&api).is_some_and(unseen)
    }
}

/// The SHA-256 of a key that was used for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) api: Box<str>,
    pub(crate) digest: Digest,
}

/// What was sighted and not yet kept.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    waiting: Mutex<HashMap<KeyId, Sighting>>,
    news: Notify,
}

impl Sightings {
    pub(crate) fn note(&self, key: KeyId, sighting: Sighting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(key, sighting);
        self.news.notify_one();
    }

    /// Everything that waits, as soon as there is something.
    async fn take(&self) -> HashMap<KeyId, Sighting> {
        loop {
            self.news.notified().await;
            let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
        }
    }
}

/// How long to leave a store alone that has failed. Each request with such a key would have it fail again.
const PAUSE: Duration = Duration::from_secs(5);

/// Hands sightings to the writer until that is gone.
pub(crate) async fn run(ring: Arc<Ring>, clock: Arc<SteadyClock>, queue: mpsc::WeakSender<Job>) {
    loop {
        let sightings = ring.sightings().take().await;
        // A sender of our own would keep an engine alive that nobody holds any more.
        let Some(queue) = queue.upgrade() else { return };
        let mut answers = Vec::with_capacity(sightings.len());
        for (key, Sighting { api, digest }) in sightings {
            let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
            let change = Change::RehashKey { api: api.into(), key, digest };
            let entry = Entry { change, origin, conditions: Conditions::default(), at: clock.now() };
            let (answer, answered) = oneshot::channel();
            if queue.send(Job { entry, answer }).await.is_err() {
                return;
            }
            answers.push(answered);
        }
        drop(queue);
        let mut failed = false;
        for answered in answers {
            match answered.await {
                Ok(Ok(Ok(_))) => {}
                Ok(Ok(Err(refusal))) => tracing::warn!(%refusal, "an imported key goes on being looked up by its SHA-512"),
                // The writer has said what happened.
                Ok(Err(_)) | Err(_) => failed = true,
            }
        }
        if failed {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
