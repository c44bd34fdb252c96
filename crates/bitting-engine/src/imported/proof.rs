//! Holding a presented key against a slow hash.
//!
//! Such a hash takes up to a second of one core, and whoever knows how some key begins can make a server compute it. So one is
//! computed at a time; few requests wait for theirs, and the others are told to come again; and a key that was refuted
//! keeps the next from being tried for several times as long as it took. At most a fifth of one core goes to guesses.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::key::{KeyClaim, KeyHash, KeyId};
use bitting_store::{Provenance, Store, StoreError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A presented key that begins like an imported one.
#[derive(Debug)]
pub(crate) struct Unproven {
    pub(crate) key: KeyId,
    pub(crate) api: Box<str>,
    pub(crate) claim: KeyClaim,
}

/// What came of a look at a slow hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is this key.
    Proven,
    /// It is not.
    Refuted,
    /// The key has changed meanwhile: another look at the map tells.
    Changed,
}

/// Nobody could find out now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoVerdict {
    /// Too many wait already.
    #[error("too many keys wait to be held against their slow hashes")]
    Busy,
    /// The hash cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The computation was cut off.
    #[error("a slow hash could not be computed")]
    Cut,
}

/// How many requests may wait.
const WAITING: usize = 16;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many times as long as a refuted key took nobody else is tried.
const PENALTY: u32 = 4;

/// Computes slow hashes, one at a time.
#[derive(Debug)]
pub(crate) struct Prover {
    turn: Arc<Semaphore>,
    room: Semaphore,
}

impl Default for Prover {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), room: Semaphore::new(WAITING) }
    }
}

impl Prover {
    /// Holds a key against the slow hash that is in the store.
    ///
    /// # Errors
    /// If too many wait, or the store cannot be read.
    pub(crate) async fn look(&self, store: &dyn Store, unproven: &Arc<Unproven>) -> Result<Verdict, NoVerdict> {
        let _room = self.room.try_acquire().map_err(|_| NoVerdict::Busy)?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(NoVerdict::Busy)?;
        let Some(row) = store.ring_key(unproven.key).await? else { return Ok(Verdict::Changed) };
        let Provenance::Unseen(KeyHash::Salted(hash)) = row.provenance else { return Ok(Verdict::Changed) };
        let claimed = Arc::clone(unproven);
        let started = Instant::now();
        // The turn goes along: a caller who hangs up does not end the computation.
        let work = tokio::task::spawn_blocking(move || (hash.is_of(&claimed.claim.key()), turn));
        let (proven, turn) = work.await.map_err(|_| NoVerdict::Cut)?;
        if proven {
            return Ok(Verdict::Proven);
        }
        let penalty = started.elapsed() * PENALTY;
        tokio::spawn(async move {
            tokio::time::sleep(penalty).await;
            drop(turn);
        });
        Ok(Verdict::Refuted)
    }
}
