//! One address of one origin: what is known of it, and the connections to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitting_core::api::Failover;
use http::HeaderValue;
use tokio::time::Instant;

use super::connection::{Connection, Secured};
use super::meters::Meters;
use super::queue::Queue;
use super::standing::Standing;

/// One address of one origin.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) site: Arc<Site>,
    pub(crate) standing: Standing,
    /// Requests that have a connection here, or are about to.
    busy: AtomicUsize,
    idle: Mutex<Vec<Idle>>,
    /// Its name leads elsewhere by now.
    is_gone: AtomicBool,
    queue: Arc<Queue>,
}

/// What all addresses of an origin have in common.
pub(crate) struct Site {
    /// The origin, as logs call it.
    pub(crate) name: Box<str>,
    /// What its servers are called in `Host`, if they are to be called that.
    pub(crate) host: HeaderValue,
    pub(crate) secured: Option<Secured>,
    pub(crate) failover: Failover,
    pub(crate) meters: Meters,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// The right to one connection to a server, and to say how it went.
pub(crate) struct Slot {
    server: Arc<Server>,
    /// It finds out whether the server is well again, and has yet to say so.
    is_trial: bool,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, site: Arc<Site>, queue: Arc<Queue>) -> Self {
        site.meters.appeared();
        Self {
            address,
            site,
            standing: Standing::default(),
            busy: AtomicUsize::new(0),
            idle: Mutex::default(),
            is_gone: AtomicBool::new(false),
            queue,
        }
    }

    /// How many requests it has.
    pub(crate) fn busy(&self) -> usize {
        // In one order with the queue: whoever waits looks here after they have joined it, and whoever leaves looks there after this.
        self.busy.load(Ordering::SeqCst)
    }

    /// Takes one of so many places.
    pub(crate) fn take(self: &Arc<Self>, most: usize, is_trial: bool) -> Option<Slot> {
        if self.busy.fetch_add(1, Ordering::SeqCst) >= most {
            self.busy.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        self.site.meters.began();
        Some(Slot { server: Arc::clone(self), is_trial })
    }

    /// The connection that was used last and is still open: the others may then grow old and go.
    pub(crate) fn idle_connection(&self) -> Option<Connection> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop()).map(|idle| idle.connection).find(Connection::is_ready)
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, connection: Connection) {
        if self.is_gone.load(Ordering::SeqCst) {
            return;
        }
        self.idle().push(Idle { connection, since: Instant::now() });
        if self.is_gone.load(Ordering::SeqCst) {
            self.idle().clear();
        }
    }

    /// Closes the connections that nobody has used for so long, and forgets those that the server has closed.
    pub(crate) fn tidy(&self, now: Instant, longest: Duration) {
        self.idle().retain(|idle| idle.connection.is_ready() && now.duration_since(idle.since) < longest);
    }

    /// Its name leads elsewhere: no more requests come, and connections end with those that they have.
    pub(crate) fn leave(&self) {
        if !self.is_gone.swap(true, Ordering::SeqCst) {
            self.idle().clear();
            self.site.meters.left(self.standing.is_in());
        }
    }

    /// Whether it is one of the addresses of its name still.
    fn is_there(&self) -> bool {
        !self.is_gone.load(Ordering::SeqCst)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Slot {
    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The server has answered.
    pub(crate) fn succeeded(&mut self) {
        self.is_trial = false;
        let server = &self.server;
        if server.standing.succeeded() && server.is_there() {
            server.site.meters.returned();
            tracing::info!(upstream = &*server.site.name, address = %server.address, "an upstream is in use again");
        }
    }

    /// The server has failed.
    pub(crate) fn failed(&mut self, why: &dyn std::fmt::Display) {
        self.is_trial = false;
        let server = &self.server;
        server.site.meters.failed();
        let was_in = server.standing.is_in();
        let Some(pause) = server.standing.failed(Instant::now(), &server.site.failover) else { return };
        if was_in && server.is_there() {
            server.site.meters.fell_out();
            tracing::warn!(
                upstream = &*server.site.name,
                address = %server.address,
                seconds = pause.as_secs_f64(),
                cause = %why,
                "an upstream is left out"
            );
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.is_trial {
            self.server.standing.abandon_trial();
        }
        self.server.busy.fetch_sub(1, Ordering::SeqCst);
        self.server.site.meters.ended();
        self.server.queue.one_is_free();
    }
}
