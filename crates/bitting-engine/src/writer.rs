//! The one task that writes.
//!
//! Changes queue up; the writer takes what is there, up to a batch, and has the store write it in one transaction, so that
//! a hundred changes at once wait for the disk once. It applies each change to the ring in commit order and only then
//! answers. All of that happens here and not in the caller's future, which a disconnect drops: whether or not anybody
//! still listens, what was committed is in the ring.

mod doubts;

use std::sync::Arc;

use bitting_store::{Change, Committed, Entry, Refusal, RingRow, Store, StoreError, StoreErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::doubts::Doubts;
use crate::feed::Feed;
use crate::meters;
use crate::open_streams::OpenStreams;
use crate::ring::Ring;

/// A change on its way to the disk.
pub(crate) struct Job {
    pub(crate) entry: Entry,
    pub(crate) answer: oneshot::Sender<Answer>,
    /// What is done in memory once the change is on the disk, where that is not the ring's.
    pub(crate) then: Option<Box<dyn FnOnce() + Send>>,
}

/// What becomes of a change. The batch fails as one, so its error is shared.
pub(crate) type Answer = Result<Result<Committed, Refusal>, Arc<StoreError>>;

/// The most changes in one transaction: enough to make the sync cheap, few enough to keep the answer quick.
const BATCH: usize = 256;

/// Writes until the last sender of the queue is gone.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    ring: Arc<Ring>,
    feed: Arc<Feed>,
    streams: Arc<OpenStreams>,
    mut queue: mpsc::Receiver<Job>,
) {
    let vigil = Vigil(&ring);
    let mut doubts = Doubts::default();
    let mut jobs = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            received = queue.recv_many(&mut jobs, BATCH) => if received == 0 { break },
            () = doubts.due() => {}
        }
        doubts.resolve(&*store, &ring).await;
        if !jobs.is_empty() {
            let touches_webhooks = jobs.iter().any(|job| job.entry.change.is_of_webhooks());
            write(&*store, &ring, &mut doubts, std::mem::take(&mut jobs)).await;
            feed.wake();
            streams.look();
            if touches_webhooks {
                feed.wake_webhooks();
            }
        }
    }
    vigil.end();
}

/// Watches over the writer. Should it panic between a COMMIT and the ring, the ring would go on admitting what was revoked.
struct Vigil<'r>(&'r Ring);

impl Vigil<'_> {
    /// The writer ended as it should.
    fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for Vigil<'_> {
    fn drop(&mut self) {
        self.0.desert();
        tracing::error!("the writer ended before its time: keys are refused until the server is started again");
    }
}

async fn write(store: &dyn Store, ring: &Ring, doubts: &mut Doubts, jobs: Vec<Job>) {
    let (entries, answers): (Vec<Entry>, Vec<_>) =
        jobs.into_iter().map(|Job { entry, answer, then }| (entry, (answer, then))).unzip();
    let changes: Vec<Change> = entries.iter().map(|entry| entry.change.clone()).collect();
    let started = Instant::now();
    let written = store.append(entries).await;
    meters::committed(changes.len(), started.elapsed());
    match written {
        Ok(outcomes) => {
            for (outcome, (answer, then)) in outcomes.into_iter().zip(answers) {
                if let Ok(committed) = &outcome {
                    committed.accounts.iter().for_each(|account| ring.apply_account(account));
                    committed.keys.iter().for_each(|key| ring.apply(&RingRow::from(key)));
                    if let Some(then) = then {
                        then();
                    }
                }
                // The caller may be gone; the change stands all the same.
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            tracing::error!(%error, changes = changes.len(), "changes could not be written");
            if error.kind() == StoreErrorKind::OutcomeUnknown {
                doubts.begin(&changes, ring);
                doubts.resolve(store, ring).await;
            }
            let error = Arc::new(error);
            for (answer, _) in answers {
                let _ = answer.send(Err(Arc::clone(&error)));
            }
        }
    }
}
