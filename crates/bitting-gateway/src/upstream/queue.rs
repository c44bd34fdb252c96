//! Requests that wait until a connection may be had.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Those who wait for any server of an upstream.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: AtomicUsize,
    /// For those whom any server will do: one of them is woken by each connection that becomes free.
    free: Notify,
    /// For those who have tried a server and need another. Woken as one of the above, they would sleep through what somebody else could
    /// have used.
    free_elsewhere: Notify,
}

/// A place in the queue, given up when it is dropped.
pub(crate) struct Waiting<'q> {
    queue: &'q Queue,
    takes_any: bool,
}

impl Queue {
    /// A place, if not so many wait already; for whom any server will do, or who has tried some.
    pub(crate) fn join(&self, most: usize, takes_any: bool) -> Option<Waiting<'_>> {
        let place = Waiting { queue: self, takes_any };
        // The place gives back what it took, whichever way this goes.
        (self.waiting.fetch_add(1, Ordering::SeqCst) < most).then_some(place)
    }

    /// Somebody who waits may look again. Costs nothing while nobody does.
    pub(crate) fn one_is_free(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.free.notify_one();
            self.free_elsewhere.notify_waiters();
        }
    }

    /// All who wait may look again.
    pub(crate) fn all_may_look(&self) {
        self.free.notify_waiters();
        self.free_elsewhere.notify_waiters();
    }
}

impl Waiting<'_> {
    /// Until it is time to look again.
    pub(crate) fn changed(&self) -> Notified<'_> {
        if self.takes_any { self.queue.free.notified() } else { self.queue.free_elsewhere.notified() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_free_connection_wakes_one_for_whom_any_server_will_do_whoever_else_waits() {
        let queue = Queue::default();
        let places = [false, true, true].map(|takes_any| queue.join(3, takes_any).unwrap());
        assert!(queue.join(3, true).is_none());
        let [mut elsewhere, mut first, mut second] = places.each_ref().map(|place| Box::pin(place.changed()));
        let is_woken =
            |waits: &mut Pin<Box<Notified<'_>>>| waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        for waits in [&mut elsewhere, &mut first, &mut second] {
            assert!(!is_woken(waits));
        }
        queue.one_is_free();
        assert_eq!([&mut elsewhere, &mut first, &mut second].map(is_woken), [true, true, false]);
    }
}
