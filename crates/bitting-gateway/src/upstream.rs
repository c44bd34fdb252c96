//! The upstreams of all APIs.
//!
//! Connections are pooled here and not by hyper-util's client: that one chooses by authority alone. To give a request to the server that
//! has least to do, to leave out one that fails, to follow names, to limit connections, and to know what was sent when something breaks,
//! whoever chooses must know each connection.

mod answer;
mod connection;
mod exchange;
mod failure;
mod meters;
mod names;
mod pool;
mod queue;
mod server;
mod standing;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bitting_core::api::Upstream;
use bitting_core::reason::Reason;
use bitting_engine::{Apis, Permit};
use http::Response;
use http::request::Parts;

use self::exchange::exchange;
use self::pool::Pool;
use crate::arriving::Arriving;

pub use answer::Answer;
pub(crate) use answer::{BodyError, HeldSlot};
pub use tls::{InvalidTls, check_tls};

/// The pool of every upstream that is configured.
pub(crate) struct Upstreams {
    pools: ArcSwap<Pools>,
    /// Held while the pools are changed.
    changing: Mutex<()>,
}

/// Each pool with the settings by which it is found: the very same ones, since to compare them would take long.
type Pools = Vec<(Arc<Upstream>, Arc<Pool>)>;

impl Upstreams {
    pub(crate) fn new(apis: &Apis) -> Self {
        let upstreams = Self { pools: ArcSwap::default(), changing: Mutex::default() };
        upstreams.adopt(apis);
        upstreams
    }

    /// Opens the upstreams of another generation. Those whose settings are the same are kept, and others end with their last request.
    pub(crate) fn adopt(&self, apis: &Apis) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let of_api = apis.protected().iter().flat_map(|api| {
            let own = api.environments.iter().filter_map(|environment| environment.upstream.as_ref());
            own.chain(&api.upstream).cloned().collect::<Vec<_>>()
        });
        let present = self.pools.load_full();
        let mut pools: Pools = Vec::new();
        for upstream in of_api {
            let pool = find_equal(&pools, &upstream).or_else(|| find_equal(&present, &upstream));
            let pool = pool.unwrap_or_else(|| Pool::open(&upstream));
            pools.push((upstream, pool));
        }
        self.pools.store(Arc::new(pools));
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        permit: &Permit,
        upstream: &Arc<Upstream>,
        head: &mut Parts,
        body: Arriving,
    ) -> Result<Response<Answer>, Reason> {
        let pool = self.pool(upstream);
        exchange(&pool, head, body, permit.timeouts()).await.map_err(|failure| {
            let api = &*permit.api().name;
            let cause = failure.innermost().map(tracing::field::display);
            // Not the whole address: what stands in its path is the caller's.
            let upstream = tracing::field::display(pool.settings());
            tracing::warn!(api, upstream, error = %failure, cause, remedy = failure.remedy(), "the upstream failed");
            failure.reason()
        })
    }

    fn pool(&self, upstream: &Arc<Upstream>) -> Arc<Pool> {
        let pools = self.pools.load();
        let found = pools.iter().find(|(of, _)| Arc::ptr_eq(of, upstream)).map(|(_, pool)| Arc::clone(pool));
        found.unwrap_or_else(|| self.late_pool(upstream))
    }

    /// For a request that was decided by a generation which is gone already, or has yet to be adopted.
    #[cold]
    fn late_pool(&self, upstream: &Arc<Upstream>) -> Arc<Pool> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.pools.load_full();
        let pool = find_equal(&present, upstream).unwrap_or_else(|| Pool::open(upstream));
        let mut pools = Pools::clone(&present);
        pools.push((Arc::clone(upstream), Arc::clone(&pool)));
        // They are forgotten when the next generation is adopted.
        self.pools.store(Arc::new(pools));
        pool
    }
}

fn find_equal(pools: &Pools, upstream: &Arc<Upstream>) -> Option<Arc<Pool>> {
    pools.iter().find(|(of, _)| of == upstream).map(|(_, pool)| Arc::clone(pool))
}
