//! What the connections of a listener go by, replaceable while they go on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bitting_engine::{Clock as _, WallClock};
use metrics::gauge;

use crate::certificates::Certificates;
use crate::config::Listener;

/// A listener's door: each connection that comes through it goes by what the configuration says at that moment, until it ends.
#[derive(Clone)]
pub(in crate::server) struct Door(Arc<ArcSwap<Listener>>);

impl Door {
    pub(in crate::server) fn new(listener: Listener) -> Self {
        tell_of_certificates(&listener);
        Self(Arc::new(ArcSwap::from_pointee(listener)))
    }

    /// Has the connections that come from now on go by another reading of the same listener: its certificates, `http2`,
    /// `proxy_protocol`, trusted proxies, the header they use, the gateway's only API, and limits but how many connections may be
    /// open. On those that are open, requests go by its trusted proxies and its only API. Address and what is served need another
    /// listener.
    pub(in crate::server) fn change(&self, listener: Listener) {
        tell_of_certificates(&listener);
        self.0.store(Arc::new(listener));
    }

    /// Whether it is still as it was read once. Cheap enough for each request.
    pub(in crate::server) fn is_as(&self, listener: &Arc<Listener>) -> bool {
        Arc::ptr_eq(listener, &self.0.load())
    }

    /// What a connection that comes now goes by.
    pub(in crate::server) fn now(&self) -> Arc<Listener> {
        self.0.load_full()
    }
}

/// Says in log and metrics which certificates are served and for how long yet.
fn tell_of_certificates(listener: &Listener) {
    let now = WallClock.now();
    for certificate in listener.tls.iter().flat_map(Certificates::all) {
        let until = certificate.not_after();
        #[expect(clippy::cast_precision_loss, reason = "seconds until the year 9999 are exact in a double")]
        let seconds = (until.as_millis() / 1_000) as f64;
        let name = certificate.names().first().map_or("", |name| &**name).to_owned();
        gauge!("bitting_certificate_expiry_timestamp_seconds", "name" => name).set(seconds);
        let days_left = until.since(now).as_secs() / 86_400;
        tracing::info!(address = %listener.address, names = %certificate, %until, days_left, "serving a certificate");
    }
}
