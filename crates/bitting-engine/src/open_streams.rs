//! What goes on after it was let through: upgraded connections and event streams.
//!
//! Whoever carries one holds an [`OpenStream`], which says when it is to be cut. One task looks after all of them: after each
//! change, and twice a second, since keys also end by the clock. It asks what a request would be asked now, all but limits, so no
//! change has to be known here by its name. A timer or a subscription for each stream was rejected: every change would wake
//! every connection, to find out that it was about another.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bitting_core::api::OnRevoke;
use bitting_core::key::Digest;
use bitting_store::Store;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::apis::Apis;
use crate::clock::SteadyClock;
use crate::decision::Permit;
use crate::engine::Engine;
use crate::ring::Ring;

/// How often streams are looked at though nothing was changed.
const PULSE: Duration = Duration::from_millis(500);

/// How often at most, however much is changed.
const PAUSE: Duration = Duration::from_millis(100);

/// After how many streams others may have the core.
const TURN: usize = 256;

/// All streams that are open.
pub(crate) struct OpenStreams {
    ring: Arc<Ring>,
    clock: Arc<SteadyClock>,
    store: Arc<dyn Store>,
    apis: Arc<ArcSwap<Apis>>,
    open: Mutex<HashMap<u64, Arc<Watched>>>,
    /// How many those are, for whoever does not want the lock.
    count: AtomicUsize,
    next: AtomicU64,
    look: Notify,
}

/// A stream that is open. Dropping it says that it has ended.
pub struct OpenStream {
    streams: Arc<OpenStreams>,
    number: u64,
    watched: Arc<Watched>,
}

struct Watched {
    permit: Permit,
    client: IpAddr,
    /// Where the key stands in the ring; the place of an imported one changes once.
    digest: Mutex<Digest>,
    cut: CancellationToken,
}

impl OpenStreams {
    pub(crate) fn new(ring: Arc<Ring>, clock: Arc<SteadyClock>, store: Arc<dyn Store>, apis: Arc<ArcSwap<Apis>>) -> Self {
        Self {
            ring,
            clock,
            store,
            apis,
            open: Mutex::default(),
            count: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            look: Notify::new(),
        }
    }

    /// Something was changed.
    pub(crate) fn look(&self) {
        if self.count.load(Ordering::Acquire) > 0 {
            self.look.notify_one();
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Watched>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts what would not be let through any more.
    async fn look_after_all(&self) {
        let all: Vec<Arc<Watched>> = self.open().values().cloned().collect();
        for turn in all.chunks(TURN) {
            for watched in turn {
                if !self.still_admits(watched).await {
                    watched.cut.cancel();
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether a request as that which opened it would be let through now, its limits aside. When nobody can say, it is not.
    async fn still_admits(&self, watched: &Watched) -> bool {
        let Watched { permit, client, digest, .. } = watched;
        let (Some(known), Ok(trusted)) = (permit.key(), self.ring.trusted()) else { return false };
        let is_configured = self
            .apis
            .load()
            .find(&permit.api().name)
            .is_some_and(|api| api.id == known.api && api.environment(known.environment).is_some());
        if !is_configured {
            return false;
        }
        let found = trusted.find(&digest.lock().unwrap_or_else(PoisonError::into_inner)).filter(|record| record.id == known.id);
        let record = match found {
            Some(record) => record,
            None => match self.store.ring_key(known.id).await {
                Ok(Some(row)) => {
                    let Some(record) = trusted.find(&row.digest) else { return false };
                    *digest.lock().unwrap_or_else(PoisonError::into_inner) = row.digest;
                    record
                }
                Ok(None) | Err(_) => return false,
            },
        };
        permit.still_holds_for(&record, self.clock.now(), Some(*client))
    }
}

impl Engine {
    /// Begins to watch over a stream that was let through. `None` if nothing would ever cut it: it has no key, or its API lets
    /// streams finish.
    pub async fn open_stream(&self, permit: Permit, client: IpAddr) -> Option<OpenStream> {
        let digest = permit.digest().filter(|_| permit.api().streams.on_revoke == OnRevoke::Cut)?;
        let watched = Arc::new(Watched { permit, client, digest: Mutex::new(digest), cut: CancellationToken::new() });
        let streams = Arc::clone(&self.streams);
        let number = streams.next.fetch_add(1, Ordering::Relaxed);
        streams.open().insert(number, Arc::clone(&watched));
        streams.count.fetch_add(1, Ordering::AcqRel);
        let stream = OpenStream { streams, number, watched };
        // Between the decision and now something may have changed, of which nobody has told the stream.
        if !self.streams.still_admits(&stream.watched).await {
            stream.watched.cut.cancel();
        }
        Some(stream)
    }

    /// How many streams are watched over.
    pub fn open_streams(&self) -> usize {
        self.streams.count.load(Ordering::Acquire)
    }
}

impl OpenStream {
    /// Waits until the stream is to be cut.
    pub fn cut(&self) -> WaitForCancellationFutureOwned {
        self.watched.cut.clone().cancelled_owned()
    }
}

impl fmt::Debug for OpenStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenStream({})", self.number)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        if self.streams.open().remove(&self.number).is_some() {
            self.streams.count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Looks after them until it is to halt.
pub(crate) async fn run(streams: Arc<OpenStreams>, halt: CancellationToken) {
    let mut looked_at = Instant::now();
    loop {
        let changed = tokio::time::timeout(PULSE, streams.look.notified());
        if halt.run_until_cancelled(changed).await.is_none() {
            return;
        }
        if streams.count.load(Ordering::Acquire) == 0 {
            continue;
        }
        if halt.run_until_cancelled(tokio::time::sleep_until(looked_at + PAUSE)).await.is_none() {
            return;
        }
        looked_at = Instant::now();
        streams.look_after_all().await;
    }
}
