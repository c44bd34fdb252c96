//! Requests that wait until a connection may be had.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Those who wait for any server of an upstream.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: AtomicUsize,
    free: Notify,
}

/// A place in the queue, given up when it is dropped.
pub(crate) struct Waiting<'q>(&'q Queue);

impl Queue {
    /// A place, if not so many wait already.
    pub(crate) fn join(&self, most: usize) -> Option<Waiting<'_>> {
        let place = Waiting(self);
        // The place gives back what it took, whichever way this goes.
        (self.waiting.fetch_add(1, Ordering::SeqCst) < most).then_some(place)
    }

    /// Somebody who waits may look again. Costs nothing while nobody does.
    pub(crate) fn one_is_free(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.free.notify_one();
        }
    }

    /// All who wait may look again.
    pub(crate) fn all_may_look(&self) {
        self.free.notify_waiters();
    }
}

impl Waiting<'_> {
    /// Until it is time to look again.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.0.free.notified()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
