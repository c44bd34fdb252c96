//! Listeners that run: what each serves can be replaced while its connections stay open.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bitting_gateway::{Arriving, Caller, Gateway};
use bitting_http::Peer;
use hyper::service::service_fn;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::connections::{self, Arrival, Bound, Course, Door, Helm, Losses, Places, Stage};
use crate::config::{Listener, Serves};

/// A listener that runs.
pub(super) struct Listening {
    /// As the configuration names it; port 0 there is some port here.
    configured: SocketAddr,
    bound: SocketAddr,
    door: Door,
    /// How many connections it was made for, if its configuration said so.
    connections: Option<usize>,
    /// What it serves Bitting's own API with, if it does.
    router: Option<Arc<ArcSwap<axum::Router>>>,
    helm: Helm,
    task: JoinHandle<()>,
}

/// A connection's caller, and the settings that it was made of.
struct Seated {
    by: Arc<Listener>,
    caller: Arc<Caller>,
}

impl Listening {
    /// Begins to serve the protected APIs.
    pub(super) fn gateway(socket: Bound, places: Places, listener: Listener, gateway: Arc<Gateway>) -> Self {
        Self::begin(socket, listener, None, |socket, door, course| serve_gateway(socket, places, door, gateway, course))
    }

    /// Begins to serve Bitting's own API.
    pub(super) fn service(socket: Bound, places: Places, listener: Listener, router: axum::Router) -> Self {
        let router = Arc::new(ArcSwap::from_pointee(router));
        let serve = |socket, door, course| serve_service(socket, places, door, Arc::clone(&router), course);
        Self::begin(socket, listener, Some(Arc::clone(&router)), serve)
    }

    fn begin<S: Future<Output = ()> + Send + 'static>(
        socket: Bound,
        listener: Listener,
        router: Option<Arc<ArcSwap<axum::Router>>>,
        serve: impl FnOnce(Bound, Door, Course) -> S,
    ) -> Self {
        let (configured, connections) = (listener.address, listener.limits.connections);
        let bound = socket.socket.local_addr().unwrap_or(configured);
        tracing::info!(address = %bound, serves = %listener.serves, "listening");
        let door = Door::new(listener);
        let (helm, course) = Helm::new();
        let task = tokio::spawn(serve(socket, door.clone(), course));
        Self { configured, bound, door, connections, router, helm, task }
    }

    /// The address that was bound.
    pub(super) fn address(&self) -> SocketAddr {
        self.bound
    }

    /// What it serves.
    pub(super) fn serves(&self) -> Serves {
        self.door.now().serves.clone()
    }

    /// Whether it can go on as a listener of another configuration: it has the same address, and the same of gateway and service.
    pub(super) fn can_be(&self, other: &Listener) -> bool {
        let is_service = matches!(other.serves, Serves::Service(_));
        is_service == self.router.is_some() && self.has(other)
    }

    /// Whether it has the address of a listener.
    pub(super) fn has(&self, other: &Listener) -> bool {
        self.configured == other.address
    }

    /// Whether an address cannot be had beside it: the port is the same, and one of them stands for all addresses.
    pub(super) fn may_block(&self, other: SocketAddr) -> bool {
        let stands_for_all = |address: SocketAddr| address.ip().is_unspecified();
        self.bound.port() == other.port() && (stands_for_all(self.bound) || stands_for_all(other))
    }

    /// Whether it has room for as many connections as another.
    pub(super) fn has_room_like(&self, other: &Listener) -> bool {
        self.connections == other.limits.connections
    }

    /// Goes on by other settings of the same kind.
    pub(super) fn change(&self, listener: Listener) {
        self.door.change(listener);
    }

    /// Serves Bitting's own API with something else, if it serves that.
    pub(super) fn serve_with(&self, router: axum::Router) {
        if let Some(current) = &self.router {
            current.store(Arc::new(router));
        }
    }

    /// Whether it serves the protected APIs.
    pub(super) fn is_gateway(&self) -> bool {
        self.router.is_none()
    }

    /// Goes on to a stage of its end.
    pub(super) fn go_on(&self, to: Stage) {
        self.helm.go_on(to);
    }

    /// Takes no more connections and waits until those that are open have ended, or cuts them when it is too late. Returns what was lost.
    pub(super) async fn end(mut self, late: &CancellationToken) -> Losses {
        self.helm.go_on(Stage::Closed);
        tokio::select! {
            // If it panicked, that was said when it did.
            _ = &mut self.task => {}
            () = late.cancelled() => {
                self.helm.go_on(Stage::Cut);
                if tokio::time::timeout(CUTTING, &mut self.task).await.is_err() {
                    self.task.abort();
                }
            }
        }
        self.helm.losses()
    }

    /// The same, without anybody waiting for it.
    pub(super) fn end_by_itself(self, within: Duration) {
        tokio::spawn(async move {
            let (late, address) = (CancellationToken::new(), self.bound);
            let timer = late.clone();
            let timer = tokio::spawn(async move {
                tokio::time::sleep(within).await;
                timer.cancel();
            });
            self.end(&late).await.tell(&address.to_string());
            timer.abort();
        });
    }
}

/// How long connections may take to notice that they are cut.
const CUTTING: Duration = Duration::from_secs(1);

impl Seated {
    fn new(arrival: &Arrival, by: Arc<Listener>) -> Self {
        let api = match &by.serves {
            Serves::Gateway { api } => api.clone(),
            Serves::Service(_) => None,
        };
        let trusted = by.trusted_proxies.clone();
        let caller = Caller::new(arrival.peer.ip(), &arrival.scheme(), trusted, by.forwarded_header, api);
        let caller = caller
            .with_server_name(arrival.server_name.clone())
            .telling(arrival.change.clone())
            .noting(arrival.last_api.clone());
        Self { caller: Arc::new(caller), by }
    }
}

async fn serve_gateway(socket: Bound, places: Places, door: Door, gateway: Arc<Gateway>, course: Course) {
    let settings = door.clone();
    let per_connection = move |arrival: Arrival| {
        let settings = settings.clone();
        let seated = ArcSwap::from_pointee(Seated::new(&arrival, settings.now()));
        let gateway = Arc::clone(&gateway);
        service_fn(move |request| {
            let mut seat = seated.load();
            if !settings.is_as(&seat.by) {
                seated.store(Arc::new(Seated::new(&arrival, settings.now())));
                seat = seated.load();
            }
            let (gateway, caller) = (Arc::clone(&gateway), Arc::clone(&seat.caller));
            // In a box: hyper keeps room for it for as long as the connection lasts, and moves it about.
            Box::pin(async move { Ok::<_, Infallible>(gateway.handle(request, &caller).await) })
        })
    };
    connections::serve(socket, places, door, per_connection, course).await;
}

async fn serve_service(socket: Bound, places: Places, door: Door, router: Arc<ArcSwap<axum::Router>>, course: Course) {
    let settings = door.clone();
    let per_connection = move |arrival: Arrival| {
        let (settings, router) = (settings.clone(), Arc::clone(&router));
        service_fn(move |mut request: http::Request<Arriving>| {
            let listener = settings.now();
            let peer = Peer {
                address: arrival.peer.ip(),
                trusted_proxies: listener.trusted_proxies.clone(),
                forwarded_header: listener.forwarded_header,
            };
            request.extensions_mut().insert(peer);
            axum::Router::clone(&router.load()).oneshot(request.map(axum::body::Body::new))
        })
    };
    connections::serve(socket, places, door, per_connection, course).await;
}
