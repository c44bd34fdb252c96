//! Keys that somebody else issued.
//!
//! They are admitted as they are: where an API has some, a credential that does not fit its format is looked up all the same.
//! An API without any pays nothing and refuses garbage without a look-up. A key that came with another hash than its SHA-256
//! stands in the map in the place that this hash has; when it is used, its SHA-256 is a [`Sighting`], which the writer keeps, and
//! from then on it is found like every other key. Nobody's request waits for that, and a sighting that is lost is made again by
//! the next request. Only a key that came with a slow hash must be [proven](proof) before it is let in, once.

pub(crate) mod proof;
mod row;
mod rows;
mod sheet;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bitting_core::key::{Digest, KeyHash, KeyId, PresentedKey, SaltedHash};
use bitting_core::name::NameId;
use bitting_store::{Actor, Change, Conditions, Entry, Origin, Provenance};
use papaya::HashMap as ConcurrentMap;
use smallvec::SmallVec;
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
    wide: AtomicUsize,
    /// Those that stand under the hash of their long token.
    long_token: AtomicUsize,
    /// How many characters were ever known of a key with a salted hash: bit 8 if it was eight of one.
    beginnings: AtomicU64,
}

impl Counts {
    fn of(&self, hash: &KeyHash) -> Option<&AtomicUsize> {
        match hash {
            KeyHash::Sha512(_) => Some(&self.wide),
            KeyHash::LongToken(_) => Some(&self.long_token),
            KeyHash::Sha256(_) | KeyHash::Salted(_) => None,
        }
    }
}

impl Imports {
    /// Counts a key that is new in the map.
    pub(crate) fn add(&self, api: NameId, provenance: &Provenance) {
        if !provenance.is_imported() {
            return;
        }
        let apis = self.by_api.pin();
        let counts = apis.get_or_insert_with(api, Counts::default);
        if let Provenance::Unseen(hash) = provenance {
            if let Some(count) = counts.of(hash) {
                count.fetch_add(1, Ordering::AcqRel);
            }
            if let KeyHash::Salted(salted) = hash {
                counts.beginnings.fetch_or(1 << salted.beginning_length(), Ordering::AcqRel);
            }
        }
        self.any.store(true, Ordering::Release);
    }

    /// Counts a key that has left the place of the hash that it came with.
    pub(crate) fn forget_unseen(&self, api: NameId, hash: &KeyHash) {
        if let Some(count) = self.by_api.pin().get(&api).and_then(|counts| counts.of(hash)) {
            count.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether an API has imported keys.
    pub(crate) fn any(&self, api: NameId) -> bool {
        self.any.load(Ordering::Acquire) && self.by_api.pin().contains_key(&api)
    }

    /// Where a presented key may stand until it was seen, if it is none whose SHA-256 is known.
    pub(crate) fn places(&self, api: NameId, name: &str, presented: &PresentedKey<'_>) -> SmallVec<[Place; 3]> {
        let mut places = SmallVec::new();
        let apis = self.by_api.pin();
        let Some(counts) = apis.get(&api) else { return places };
        let is_any = |count: &AtomicUsize| count.load(Ordering::Acquire) > 0;
        if is_any(&counts.wide) {
            places.push(Place { digest: presented.wide_digest().half(), proves: true });
        }
        if is_any(&counts.long_token) {
            places.extend(presented.long_token_place(name).map(|digest| Place { digest, proves: true }));
        }
        let lengths = counts.beginnings.load(Ordering::Acquire);
        // The longest beginning says most about whose key it is: another key's may be the beginning of this one's.
        for length in (1..=SaltedHash::LONGEST_BEGINNING).rev().filter(|length| lengths >> length & 1 == 1) {
            let place = presented.beginning_place(name, length);
            places.extend(place.map(|digest| Place { digest, proves: false }));
        }
        places
    }
}

/// Where a key may stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) digest: Digest,
    /// Whether only the whole key leads there. Otherwise its beginning does.
    pub(crate) proves: bool,
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
            if queue.send(Job { entry, answer, then: None }).await.is_err() {
                return;
            }
            answers.push(answered);
        }
        drop(queue);
        let mut failed = false;
        for answered in answers {
            match answered.await {
                Ok(Ok(Ok(_))) => {}
                Ok(Ok(Err(refusal))) => {
                    tracing::warn!(%refusal, "an imported key goes on being looked up by the hash that it came with");
                }
                // The writer has said what happened.
                Ok(Err(_)) | Err(_) => failed = true,
            }
        }
        if failed {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
