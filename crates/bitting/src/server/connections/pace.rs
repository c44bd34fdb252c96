//! What a connection is at, and how long it may take over it.
//!
//! hyper's own timeout begins anew with each request and is also the time that a connection may be idle. Here a timer is touched
//! only when it runs out, so a request costs two readings of the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::ListenLimits;

/// One connection's pace, shared by its stream and its requests.
pub(super) struct Pace {
    began: Instant,
    head_time: Duration,
    idle_time: Duration,
    write_pause: Duration,
    resets: u32,
    /// How many requests have begun.
    begun: AtomicU64,
    /// How many of them are not over.
    under_way: AtomicU32,
    /// How many bodies of requests are yet to be read to their end.
    uploads: AtomicU32,
    /// Whether the listener is about to end, so that the next request should come by another connection.
    leaves: AtomicBool,
    /// When the last one was over, in milliseconds after `began`.
    over_ms: AtomicU64,
    /// How many were taken back in which second.
    taken_back: TakenBack,
}

#[derive(Default)]
struct TakenBack {
    second: AtomicU64,
    count: AtomicU32,
}

/// One request, until its answer is sent or nobody wants it any more.
pub(super) struct Request {
    pace: Arc<Pace>,
    is_answered: bool,
}

/// The body of a request, until it is read or nobody wants it any more. It may go on after the answer.
pub(super) struct Upload(Arc<Pace>);

impl Pace {
    /// That of a connection that begins now.
    pub(super) fn new(limits: &ListenLimits) -> Self {
        Self {
            began: Instant::now(),
            head_time: limits.head_time,
            idle_time: limits.idle_time,
            write_pause: limits.write_pause,
            resets: limits.resets,
            begun: AtomicU64::new(0),
            under_way: AtomicU32::new(0),
            uploads: AtomicU32::new(0),
            leaves: AtomicBool::new(false),
            over_ms: AtomicU64::new(0),
            taken_back: TakenBack::default(),
        }
    }

    /// The head of a request has arrived.
    pub(super) fn begin(self: &Arc<Self>) -> Request {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Request { pace: Arc::clone(self), is_answered: false }
    }

    /// The body of a request is to be read.
    pub(super) fn upload(self: &Arc<Self>) -> Upload {
        self.uploads.fetch_add(1, Ordering::Relaxed);
        Upload(Arc::clone(self))
    }

    /// How many requests are under way.
    pub(super) fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// The listener is about to end.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::Relaxed);
    }

    /// Whether no request is under way, nor a body whose request is answered already.
    pub(super) fn is_idle(&self) -> bool {
        // Acquired with the time at which the last of them was over.
        self.under_way.load(Ordering::Acquire) == 0 && self.uploads.load(Ordering::Acquire) == 0
    }

    /// How many requests have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Until when the head may take whose first byte came at a time.
    pub(super) fn head_until(&self, first_byte: Instant) -> Instant {
        first_byte + self.head_time
    }

    /// Until when the connection may go on with nothing, if nothing happens.
    pub(super) fn idle_until(&self) -> Instant {
        if self.is_idle() {
            self.began + Duration::from_millis(self.over_ms.load(Ordering::Relaxed)) + self.idle_time
        } else {
            Instant::now() + self.idle_time
        }
    }

    /// How long the caller may take nothing of what is there for it.
    pub(super) fn write_pause(&self) -> Duration {
        self.write_pause
    }

    /// Whether more requests were taken back within a second than may be.
    pub(super) fn is_abused(&self) -> bool {
        self.taken_back.count.load(Ordering::Relaxed) > self.resets
    }

    /// Something is over now.
    fn is_over(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.over_ms.store(now, Ordering::Relaxed);
    }

    fn take_back(&self) {
        let second = self.began.elapsed().as_secs();
        if self.taken_back.second.swap(second, Ordering::Relaxed) != second && !self.is_abused() {
            self.taken_back.count.store(0, Ordering::Relaxed);
        }
        self.taken_back.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Request {
    /// There is an answer to it, which is yet to be sent.
    pub(super) fn answered(&mut self) {
        self.is_answered = true;
    }

    /// Whether the next request should come by another connection.
    pub(super) fn is_last(&self) -> bool {
        self.pace.leaves.load(Ordering::Relaxed)
    }

    /// It leads on to another protocol: the connection is not idle as long as it goes on.
    pub(super) fn never_over(&self) {
        // Beside the one that ends here.
        self.pace.under_way.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.pace.is_over();
        self.pace.under_way.fetch_sub(1, Ordering::Release);
        if !self.is_answered {
            self.pace.take_back();
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.0.is_over();
        self.0.uploads.fetch_sub(1, Ordering::Release);
    }
}
