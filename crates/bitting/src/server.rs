//! The running server: listeners, gateway, service, store and engine, put together from a configuration.
//!
//! [`Server::start`] is the whole wiring. Tests start it in their own process with a clock in hand; the binary has no
//! switch for the clock.

mod connections;
mod handed_over;
mod house;
mod listening;
mod logging;
mod set_up;
mod telemetry;

use std::net::SocketAddr;
use std::sync::Arc;

use bitting_engine::{Clock, Engine, EngineOptions, RequestIds};
use bitting_gateway::{Arriving, Gateway};
use bitting_http::{Metrics, Part};
use bitting_notify::{Notifier, SystemResolver};
use bitting_store::{OwnerLock, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::Instant;

use self::connections::ConnectionLimits;
use self::house::InForce;
use self::listening::Listening;
use crate::config::{Config, Listener, Serves};
use crate::failure::Failure;
use crate::owner::ControlSocket;
use crate::service_manager;

pub use handed_over::HandedOver;
pub use house::{House, NotReloaded, Reloaded, Reread};
pub use logging::{LogGuard, init as init_logging};
pub use telemetry::install as install_metrics;

/// What a server is started with besides its configuration; nothing if nothing is said.
#[derive(Default)]
pub struct Surroundings {
    /// How the configuration is read anew.
    pub reread: Option<Reread>,
    /// Sockets that listen already.
    pub handed_over: HandedOver,
}

/// A server that runs until it is stopped.
pub struct Server {
    house: Arc<House>,
    addresses: Vec<SocketAddr>,
    control: ControlSocket,
    /// Where people reach the dashboard, if it is served.
    dashboard_url: Option<String>,
}

impl Server {
    /// Binds every listener, opens the store and begins to answer; returns when every key is in memory.
    ///
    /// # Errors
    /// If an address cannot be had, or the store cannot.
    pub async fn start(
        config: Config,
        surroundings: Surroundings,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Result<Self, Failure> {
        let Config { apis, listeners, store: path, log, drain, dashboard, webhooks } = config;
        let Surroundings { reread, handed_over } = surroundings;
        handed_over.check(&listeners)?;
        let mut sockets = Vec::new();
        for listener in listeners {
            sockets.push((bind(listener.address, &handed_over).await?, listener));
        }
        let lock = OwnerLock::acquire(&path)?;
        let store = Arc::new(SqliteStore::open(lock)?);
        let (journal, synchronous) = store.durability().await?;
        tracing::info!(path = %store.path().display(), journal, synchronous, "the store is open");
        let engine = Engine::open(EngineOptions { store: Arc::<SqliteStore>::clone(&store), apis, clock }).await?;
        let ids = Arc::new(RequestIds::new().map_err(Failure::other)?);
        let reserved = bitting_http::reserved::<Arriving>(Arc::clone(&engine), Arc::clone(&ids));
        let gateway = Arc::new(Gateway::new(Arc::clone(&engine), Arc::clone(&ids), reserved));
        let resolver = SystemResolver::default();
        let (sender, settings) = house::outfit(webhooks, &resolver);
        let notifier = Notifier::start(Arc::clone(&engine), sender, settings);
        let limits = ConnectionLimits::of_process(sockets.iter().map(|(_, listener)| listener));
        let in_force =
            InForce { listeners: Vec::new(), drain, dashboard: dashboard.clone(), store: path, log, is_stopping: false };
        let house = Arc::new(House {
            engine,
            ids,
            metrics,
            gateway,
            notifier,
            resolver,
            limits,
            reread,
            handed_over,
            in_force: Mutex::new(in_force),
        });
        let shows_dashboard =
            |listener: &Listener| matches!(&listener.serves, Serves::Service(parts) if parts.contains(&Part::Dashboard));
        let (mut addresses, mut dashboard_url) = (Vec::new(), None);
        let mut in_force = house.in_force.lock().await;
        for (socket, listener) in sockets {
            let shows_dashboard = shows_dashboard(&listener);
            let listening = house.begin(socket, listener, &dashboard);
            addresses.push(listening.address());
            if shows_dashboard {
                dashboard_url.get_or_insert_with(|| dashboard.url(listening.address()));
            }
            in_force.listeners.push(listening);
        }
        drop(in_force);
        house.engine.load().await?;
        let control = ControlSocket::open(store.path(), Arc::clone(&house))?;
        tracing::info!(keys = house.engine.status().keys, "ready");
        service_manager::ready();
        Ok(Self { house, addresses, control, dashboard_url })
    }

    /// The addresses that were bound at the start, in the order of the configuration.
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
            Some(url) => set_up::offer(&self.house.engine, url).await,
            None => Ok(None),
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.house.engine
    }

    /// What tells webhooks.
    pub fn notifier(&self) -> &Notifier {
        &self.house.notifier
    }

    /// What can take another configuration.
    pub fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// Takes no more connections, lets requests in progress finish for as long as the configuration allows, finishes the
    /// changes that were handed over, and closes the store.
    pub async fn stop(self) {
        let mut in_force = self.house.in_force.lock().await;
        in_force.is_stopping = true;
        let (drain, listeners) = (in_force.drain, std::mem::take(&mut in_force.listeners));
        drop(in_force);
        service_manager::stopping();
        tracing::info!(seconds = drain.as_secs(), "stopping: requests in progress may finish");
        listeners.iter().for_each(Listening::close);
        self.house.engine.begin_to_stop();
        let deadline = Instant::now() + drain;
        for listener in listeners {
            listener.end(deadline).await;
        }
        let cut = self.house.gateway.close(deadline).await;
        if cut > 0 {
            tracing::warn!(connections = cut, "upgraded connections that were still open were cut");
        }
        self.house.notifier.stop().await;
        self.control.close().await;
        self.house.engine.stop().await;
        tracing::info!("stopped");
    }
}

async fn bind(address: SocketAddr, handed_over: &HandedOver) -> Result<TcpListener, Failure> {
    if let Some(socket) = handed_over.socket(address) {
        return socket.and_then(TcpListener::from_std).map_err(Failure::other);
    }
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
