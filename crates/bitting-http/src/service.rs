//! The service listener: all of its routes on one screen.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use bitting_core::address::{AddressList, ForwardedHeader};
use bitting_engine::{Engine, RequestIds};
use tokio::sync::Mutex;

use crate::idempotency::InFlight;
use crate::metrics::Metrics;
use crate::{guard, health, management, metrics, verify};

/// A part of the service listener, which can be switched on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything below `/v1/apis/{api}`.
    Management,
    /// `POST /v1/verify`.
    Verify,
    /// `GET /metrics`.
    Metrics,
    /// `GET /healthz` and `GET /readyz`.
    Health,
}

/// Who is at the other end of the connection. Whoever accepts connections puts it among each request's extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address at the other end.
    pub address: IpAddr,
    /// Who may say for whom they forward.
    pub trusted_proxies: AddressList,
    /// The header in which they say it.
    pub forwarded_header: ForwardedHeader,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) ids: Arc<RequestIds>,
    pub(crate) metrics: Metrics,
    pub(crate) in_flight: InFlight,
    /// One import at a time: a body of many megabytes takes several times that while it is read.
    pub(crate) importing: Arc<Mutex<()>>,
}

/// The routes of the parts that are switched on; everything else is `not_found`.
pub fn service(engine: Arc<Engine>, ids: Arc<RequestIds>, metrics: Metrics, parts: &[Part]) -> Router {
    let shared = Shared { engine, ids, metrics, in_flight: InFlight::default(), importing: Arc::default() };
    let mut router = Router::new();
    for part in parts {
        router = match part {
            Part::Management => router.merge(management::of_operators()),
            Part::Verify => router.route("/v1/verify", post(verify::verify)),
            Part::Metrics => router.route("/metrics", get(metrics::scrape)),
            Part::Health => router.route("/healthz", get(health::alive)).route("/readyz", get(health::ready)),
        };
    }
    router
        .method_not_allowed_fallback(guard::method_not_allowed)
        .fallback(guard::not_found)
        .layer(from_fn_with_state(shared.clone(), guard::guard))
        .with_state(shared)
}
