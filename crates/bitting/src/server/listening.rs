//! Listeners that run: what each serves can be replaced while its connections stay open.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bitting_gateway::{Caller, Gateway, ProtocolChange};
use bitting_http::Peer;
use http::uri::Scheme;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::connections::{self, ConnectionLimit};
use crate::config::{Listener, Serves};

/// A listener that runs.
pub(super) struct Listening {
    /// As the configuration names it; port 0 there is some port here.
    configured: SocketAddr,
    bound: SocketAddr,
    served: Served,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What it serves. Each request looks here, so that connections which are open serve by the settings in force.
enum Served {
    Gateway(Arc<ArcSwap<Listener>>),
    Service(Arc<ArcSwap<Service>>),
}

/// Bitting's own API as one listener serves it.
pub(super) struct Service {
    pub(super) listener: Listener,
    pub(super) router: axum::Router,
}

/// A connection's caller, and the settings that it was made of.
struct Seated {
    by: Arc<Listener>,
    caller: Arc<Caller>,
}

impl Listening {
    /// Begins to serve the protected APIs.
    pub(super) fn gateway(socket: TcpListener, limit: ConnectionLimit, listener: Listener, gateway: Arc<Gateway>) -> Self {
        let settings = Arc::new(ArcSwap::from_pointee(listener));
        let served = Served::Gateway(Arc::clone(&settings));
        Self::begin(socket, served, |socket, stopped| serve_gateway(socket, limit, settings, gateway, stopped))
    }

    /// Begins to serve Bitting's own API.
    pub(super) fn service(socket: TcpListener, limit: ConnectionLimit, service: Service) -> Self {
        let service = Arc::new(ArcSwap::from_pointee(service));
        let served = Served::Service(Arc::clone(&service));
        Self::begin(socket, served, |socket, stopped| serve_service(socket, limit, service, stopped))
    }

    fn begin<S: Future<Output = ()> + Send + 'static>(
        socket: TcpListener,
        served: Served,
        serve: impl FnOnce(TcpListener, watch::Receiver<bool>) -> S,
    ) -> Self {
        let configured = served.with(|listener| listener.address);
        let bound = socket.local_addr().unwrap_or(configured);
        tracing::info!(address = %bound, serves = %served.with(|listener| listener.serves.clone()), "listening");
        let (stopping, stopped) = watch::channel(false);
        Self { configured, bound, served, stopping, task: tokio::spawn(serve(socket, stopped)) }
    }

    /// The address that was bound.
    pub(super) fn address(&self) -> SocketAddr {
        self.bound
    }

    /// Whether it can go on as a listener of another configuration: it has the same address, and the same of gateway and service.
    pub(super) fn can_be(&self, other: &Listener) -> bool {
        let same_kind = matches!(
            (&self.served, &other.serves),
            (Served::Gateway(_), Serves::Gateway { .. }) | (Served::Service(_), Serves::Service(_))
        );
        same_kind && self.has(other)
    }

    /// Whether it has the address of a listener.
    pub(super) fn has(&self, other: &Listener) -> bool {
        self.configured == other.address
    }

    /// What it serves Bitting's own API with, if it does.
    pub(super) fn own(&self) -> Option<Arc<Service>> {
        match &self.served {
            Served::Gateway(_) => None,
            Served::Service(service) => Some(service.load_full()),
        }
    }

    /// Goes on as another listener for the protected APIs.
    pub(super) fn become_gateway(&self, listener: Listener) {
        if let Served::Gateway(settings) = &self.served {
            settings.store(Arc::new(listener));
        }
    }

    /// Goes on with another service.
    pub(super) fn become_service(&self, service: Service) {
        if let Served::Service(current) = &self.served {
            current.store(Arc::new(service));
        }
    }

    /// Takes no more connections. Those that are open finish what they are at.
    pub(super) fn close(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until its connections have ended, or cuts them when it is too late.
    pub(super) async fn end(self, deadline: Instant) {
        self.close();
        let abort = self.task.abort_handle();
        if tokio::time::timeout_at(deadline, self.task).await.is_err() {
            tracing::warn!(address = %self.bound, "requests that were still in progress were cut");
            abort.abort();
        }
    }

    /// The same, without anybody waiting for it.
    pub(super) fn end_by_itself(self, within: Duration) {
        tokio::spawn(self.end(Instant::now() + within));
    }
}

impl Served {
    fn with<T>(&self, read: impl FnOnce(&Listener) -> T) -> T {
        match self {
            Self::Gateway(listener) => read(&listener.load()),
            Self::Service(service) => read(&service.load().listener),
        }
    }
}

impl Seated {
    fn new(peer: SocketAddr, by: Arc<Listener>, change: &ProtocolChange) -> Self {
        let api = match &by.serves {
            Serves::Gateway { api } => api.clone(),
            Serves::Service(_) => None,
        };
        let caller = Caller::new(peer.ip(), &Scheme::HTTP, by.trusted_proxies.clone(), by.forwarded_header, api);
        Self { caller: Arc::new(caller.telling(change.clone())), by }
    }
}

async fn serve_gateway(
    socket: TcpListener,
    limit: ConnectionLimit,
    settings: Arc<ArcSwap<Listener>>,
    gateway: Arc<Gateway>,
    stopped: watch::Receiver<bool>,
) {
    let per_connection = |peer: SocketAddr, change: ProtocolChange| {
        let settings = Arc::clone(&settings);
        let seated = ArcSwap::from_pointee(Seated::new(peer, settings.load_full(), &change));
        let gateway = Arc::clone(&gateway);
        service_fn(move |request| {
            let mut seat = seated.load();
            if !Arc::ptr_eq(&seat.by, &settings.load()) {
                seated.store(Arc::new(Seated::new(peer, settings.load_full(), &change)));
                seat = seated.load();
            }
            let (gateway, caller) = (Arc::clone(&gateway), Arc::clone(&seat.caller));
            async move { Ok::<_, Infallible>(gateway.handle(request, &caller).await) }
        })
    };
    connections::serve(socket, limit, per_connection, stopped).await;
}

async fn serve_service(
    socket: TcpListener,
    limit: ConnectionLimit,
    service: Arc<ArcSwap<Service>>,
    stopped: watch::Receiver<bool>,
) {
    let per_connection = |peer: SocketAddr, _| {
        let service = Arc::clone(&service);
        service_fn(move |mut request: http::Request<Incoming>| {
            let service = service.load();
            let peer = Peer {
                address: peer.ip(),
                trusted_proxies: service.listener.trusted_proxies.clone(),
                forwarded_header: service.listener.forwarded_header,
            };
            request.extensions_mut().insert(peer);
            service.router.clone().oneshot(request.map(axum::body::Body::new))
        })
    };
    connections::serve(socket, limit, per_connection, stopped).await;
}
