//! The service listener: all of its routes on one screen.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use bitting_core::address::{AddressList, ForwardedHeader};
use bitting_engine::{Engine, RequestIds};
use bytes::Bytes;
use tokio::sync::Mutex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dashboard::{self, DashboardSettings, Reception};
use crate::idempotency::InFlight;
use crate::metrics::Metrics;
use crate::{guard, health, management, metrics, openapi, verify};

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
    /// The pages for people.
    Dashboard,
}

impl Part {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [Self::Management, Self::Verify, Self::Metrics, Self::Health, Self::Dashboard];
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
    /// What `GET /openapi.json` answers.
    pub(crate) document: Bytes,
    /// One import at a time: a body of many megabytes takes several times that while it is read.
    pub(crate) importing: Arc<Mutex<()>>,
    pub(crate) followers: management::Followers,
    /// What the dashboard remembers of whoever stands at its door.
    pub(crate) reception: Arc<Reception>,
}

/// The routes of the parts that are switched on; everything else is `not_found`.
pub fn service(
    engine: Arc<Engine>,
    ids: Arc<RequestIds>,
    metrics: Metrics,
    dashboard: &DashboardSettings,
    parts: &[Part],
) -> Router {
    let (router, described) = table(parts).split_for_parts();
    let shared = Shared {
        engine,
        ids,
        metrics,
        in_flight: InFlight::default(),
        importing: Arc::default(),
        followers: management::Followers::default(),
        document: openapi::of_operators(described).into(),
        reception: Arc::new(Reception::new(dashboard.clone())),
    };
    let pages = if parts.contains(&Part::Dashboard) { dashboard::pages() } else { Router::new() };
    router
        .merge(pages)
        .method_not_allowed_fallback(guard::method_not_allowed)
        .fallback(guard::not_found)
        .layer(from_fn_with_state(shared.clone(), guard::guard))
        .with_state(shared)
}

/// The routes, and what is said of each.
pub(crate) fn table(parts: &[Part]) -> OpenApiRouter<Shared> {
    let document = OpenApiRouter::default().routes(routes!(openapi::document));
    parts.iter().fold(document, |table, part| match part {
        Part::Management => table.merge(management::of_operators()),
        Part::Verify => table.routes(routes!(verify::verify)),
        Part::Metrics => table.routes(routes!(metrics::scrape)),
        // Its pages are for people and stand in no document.
        Part::Dashboard => table,
        Part::Health => table.routes(routes!(health::alive)).routes(routes!(health::ready)),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_route_is_served_without_standing_in_the_document() {
        let (router, described) = table(&Part::ALL).split_for_parts();
        let (served, own) = (paths(&router), paths(&Router::new()));
        let described: BTreeSet<&String> = described.paths.paths.keys().collect();
        assert_eq!(served.difference(&own).collect::<BTreeSet<_>>(), described);
    }

    /// A router tells its paths to nobody else.
    fn paths(router: &Router<Shared>) -> BTreeSet<String> {
        format!("{router:?}").split('"').filter(|text| text.starts_with('/')).map(str::to_owned).collect()
    }
}
