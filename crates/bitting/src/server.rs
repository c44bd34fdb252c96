//! The running server: listeners, gateway, service, store and engine, put together from a configuration.
//!
//! [`Server::start`] is the whole wiring. Tests start it in their own process with a clock in hand; the binary has no
//! switch for the clock.

mod connections;
mod logging;
mod set_up;
mod telemetry;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bitting_engine::{Clock, Engine, EngineOptions, RequestIds};
use bitting_gateway::{Caller, Gateway};
use bitting_http::{Metrics, Part, Peer};
use bitting_notify::{Notifier, NotifierSettings, Sender, SystemResolver};
use bitting_store::{OwnerLock, SqliteStore};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use self::connections::{Arrival, ConnectionLimits, Door, Places};
use crate::config::{Config, Serves};
use crate::failure::Failure;
use crate::owner::ControlSocket;

pub use logging::{LogGuard, init as init_logging};
pub use telemetry::install as install_metrics;

/// A server that runs until it is stopped.
pub struct Server {
    engine: Arc<Engine>,
    gateway: Arc<Gateway>,
    addresses: Vec<SocketAddr>,
    stopping: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    /// What the connections of each listener go by, in the order of the configuration.
    #[expect(dead_code, reason = "reloading begins with them")]
    doors: Vec<Door>,
    control: ControlSocket,
    notifier: Notifier,
    drain: Duration,
    /// Where people reach the dashboard, if it is served.
    dashboard_url: Option<String>,
}

impl Server {
    /// Binds every listener, opens the store and begins to answer; returns when every key is in memory.
    ///
    /// # Errors
    /// If an address cannot be had, or the store cannot.
    pub async fn start(config: Config, clock: Arc<dyn Clock>, metrics: Metrics) -> Result<Self, Failure> {
        let Config { apis, listeners, store, drain, dashboard, webhooks, .. } = config;
        let mut sockets = Vec::new();
        for listener in listeners {
            sockets.push((bind(listener.address).await?, listener));
        }
        let lock = OwnerLock::acquire(&store)?;
        let store = Arc::new(SqliteStore::open(lock)?);
        let (journal, synchronous) = store.durability().await?;
        tracing::info!(path = %store.path().display(), journal, synchronous, "the store is open");
        let engine = Engine::open(EngineOptions { store: Arc::<SqliteStore>::clone(&store), apis, clock }).await?;
        let ids = Arc::new(RequestIds::new().map_err(Failure::other)?);
        let reserved = bitting_http::reserved::<Incoming>(Arc::clone(&engine), Arc::clone(&ids));
        let gateway = Arc::new(Gateway::new(Arc::clone(&engine), Arc::clone(&ids), reserved));
        let (stopping, stopped) = watch::channel(false);
        let limits = ConnectionLimits::of_process(sockets.iter().map(|(_, listener)| listener));
        let (mut addresses, mut tasks, mut doors) = (Vec::new(), Vec::new(), Vec::new());
        let mut dashboard_url = None;
        for (socket, listener) in sockets {
            let address = socket.local_addr().map_err(Failure::other)?;
            tracing::info!(%address, serves = %listener.serves, "listening");
            addresses.push(address);
            let (places, serves, stopped) = (limits.of(&listener), listener.serves.clone(), stopped.clone());
            let door = Door::new(listener);
            doors.push(door.clone());
            tasks.push(match serves {
                Serves::Gateway { .. } => tokio::spawn(serve_gateway(socket, places, door, Arc::clone(&gateway), stopped)),
                Serves::Service(parts) => {
                    if parts.contains(&Part::Dashboard) {
                        dashboard_url.get_or_insert_with(|| dashboard.url(address));
                    }
                    let service =
                        bitting_http::service(Arc::clone(&engine), Arc::clone(&ids), Arc::clone(&metrics), &dashboard, &parts);
                    tokio::spawn(serve_service(socket, places, door, service, stopped))
                }
            });
        }
        engine.load().await?;
        let resolver = Arc::new(SystemResolver::default());
        let sender = Sender::new(webhooks.destinations, resolver, webhooks.roots, webhooks.timeout);
        let notifier = Notifier::start(Arc::clone(&engine), sender, NotifierSettings { keep: webhooks.keep });
        let control = ControlSocket::open(store.path(), Arc::clone(&engine), ids)?;
        tracing::info!(keys = engine.status().keys, "ready");
        Ok(Self { engine, gateway, addresses, stopping, listeners: tasks, doors, control, notifier, drain, dashboard_url })
    }

    /// The addresses that were bound, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where people reach the dashboard, if it is served.
    pub fn dashboard_url(&self) -> Option<&str> {
        self.dashboard_url.as_deref()
    }

    /// The link with which the first operator sets the dashboard up, as long as nobody can sign in. Each call makes another, which
    /// alone opens something.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn set_up_link(&self) -> Result<Option<String>, Failure> {
        match &self.dashboard_url {
            Some(url) => set_up::offer(&self.engine, url).await,
            None => Ok(None),
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What tells webhooks.
    pub fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Takes no more connections, lets requests in progress finish for as long as the configuration allows, finishes the
    /// changes that were handed over, and closes the store.
    pub async fn stop(self) {
        tracing::info!(seconds = self.drain.as_secs(), "stopping: requests in progress may finish");
        self.stopping.send_replace(true);
        self.engine.begin_to_stop();
        let deadline = tokio::time::Instant::now() + self.drain;
        for listener in self.listeners {
            let abort = listener.abort_handle();
            if tokio::time::timeout_at(deadline, listener).await.is_err() {
                tracing::warn!("requests that were still in progress were cut");
                abort.abort();
            }
        }
        let cut = self.gateway.close(deadline).await;
        if cut > 0 {
            tracing::warn!(connections = cut, "upgraded connections that were still open were cut");
        }
        self.notifier.stop().await;
        self.control.close().await;
        self.engine.stop().await;
        tracing::info!("stopped");
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let cure = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program has it: stop that program, or set another `address` in [[listen]]"
            }
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need the right to bind them: CAP_NET_BIND_SERVICE",
            std::io::ErrorKind::AddrNotAvailable => "this machine has no such address",
            _ => "set another `address` in [[listen]]",
        };
        Failure::new(format!("cannot listen on {address}: {error}\n{cure}"))
    })
}

async fn serve_gateway(socket: TcpListener, places: Places, door: Door, gateway: Arc<Gateway>, stopped: watch::Receiver<bool>) {
    let per_connection = move |arrival: Arrival| {
        let (scheme, listener) = (arrival.scheme(), arrival.listener);
        let api = match &listener.serves {
            Serves::Gateway { api } => api.clone(),
            Serves::Service(_) => None,
        };
        let trusted = listener.trusted_proxies.clone();
        let caller = Caller::new(arrival.peer.ip(), &scheme, trusted, listener.forwarded_header, api);
        let caller = Arc::new(caller.with_server_name(arrival.server_name).telling(arrival.change));
        let gateway = Arc::clone(&gateway);
        service_fn(move |request| {
            let (gateway, caller) = (Arc::clone(&gateway), Arc::clone(&caller));
            async move { Ok::<_, std::convert::Infallible>(gateway.handle(request, &caller).await) }
        })
    };
    connections::serve(socket, places, door, per_connection, stopped).await;
}

async fn serve_service(socket: TcpListener, places: Places, door: Door, router: axum::Router, stopped: watch::Receiver<bool>) {
    let per_connection = move |arrival: Arrival| {
        let peer = Peer {
            address: arrival.peer.ip(),
            trusted_proxies: arrival.listener.trusted_proxies.clone(),
            forwarded_header: arrival.listener.forwarded_header,
        };
        let router = router.clone();
        service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            router.clone().oneshot(request.map(axum::body::Body::new))
        })
    };
    connections::serve(socket, places, door, per_connection, stopped).await;
}
