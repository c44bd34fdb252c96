//! What a server has in force, and how another configuration takes its place.
//!
//! Everything that can fail is done first: the files are read, new addresses are bound. Only then is anything changed, so a reload
//! that fails has changed nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitting_core::name::Names;
use bitting_engine::{Engine, RequestIds};
use bitting_gateway::Gateway;
use bitting_http::{DashboardSettings, Metrics, Part};
use bitting_notify::{Notifier, NotifierSettings, Sender, SystemResolver};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::bind;
use super::connections::{Bound, ConnectionLimits};
use super::handed_over::HandedOver;
use super::listening::Listening;
use crate::config::{Config, Listener, Loaded, LogSettings, Problems, Serves, WebhookSettings};
use crate::failure::{Failure, FailureKind};
use crate::service_manager;

/// Reads the configuration anew, compiled with the names of the APIs that are in force. It may read files, and so wait for a disk.
pub type Reread = Arc<dyn Fn(&Arc<Names>) -> Result<Loaded, Failure> + Send + Sync>;

/// Everything that a reload has to do with.
pub struct House {
    pub(super) engine: Arc<Engine>,
    pub(super) ids: Arc<RequestIds>,
    pub(super) metrics: Metrics,
    pub(super) gateway: Arc<Gateway>,
    pub(super) notifier: Notifier,
    pub(super) resolver: SystemResolver,
    pub(super) limits: ConnectionLimits,
    pub(super) reread: Option<Reread>,
    pub(super) handed_over: HandedOver,
    pub(super) in_force: Mutex<InForce>,
}

/// What the configuration has said, as far as it is not in the engine.
pub(super) struct InForce {
    pub(super) listeners: Vec<Listening>,
    pub(super) drain: Duration,
    pub(super) drain_delay: Duration,
    pub(super) dashboard: DashboardSettings,
    pub(super) store: PathBuf,
    pub(super) log: LogSettings,
    pub(super) is_stopping: bool,
}

/// What a reload has put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The APIs, Bitting's own left out.
    pub apis: Vec<String>,
    /// Where the server listens now.
    pub addresses: Vec<SocketAddr>,
    /// Settings that were changed and need a restart, with what is in force instead.
    pub need_restart: Vec<String>,
}

/// Why the configuration stays as it was.
#[derive(Debug)]
pub enum NotReloaded {
    /// The new one is wrong.
    Wrong(Problems),
    /// It cannot be read, or something that it asks for cannot be had.
    Failed(Failure),
}

/// A listener of the new configuration, and where it comes from.
enum Place {
    /// One that runs, at this position.
    Runs(usize, Listener),
    /// One that was bound and does not serve yet.
    New(Bound, Listener),
}

impl House {
    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Where requests get their ids.
    pub(crate) fn ids(&self) -> &RequestIds {
        &self.ids
    }

    /// Reads the configuration anew and puts it in force. When this returns, every request that arrives is decided by it. What is
    /// only questionable about it is returned beside.
    ///
    /// # Errors
    /// If the new configuration cannot be put in force. Then the old one is, whole.
    pub async fn reload(&self) -> Result<(Reloaded, Problems), NotReloaded> {
        let mut in_force = self.in_force.lock().await;
        if in_force.is_stopping {
            return Err(Failure::of(FailureKind::Store, "the server is stopping; nothing was reloaded").into());
        }
        service_manager::reloading();
        let outcome = self.reload_into(&mut in_force).await;
        // Whatever came of it, the server goes on.
        service_manager::ready();
        outcome
    }

    async fn reload_into(&self, in_force: &mut InForce) -> Result<(Reloaded, Problems), NotReloaded> {
        let (config, problems) = self.read().await?;
        let reloaded = self.replace(in_force, config).await?;
        tracing::info!(apis = reloaded.apis.len(), warnings = problems.0.len(), "the configuration was reloaded");
        for setting in &reloaded.need_restart {
            tracing::warn!(setting, "this change needs a restart");
        }
        Ok((reloaded, problems))
    }

    async fn read(&self) -> Result<(Config, Problems), NotReloaded> {
        let Some(reread) = self.reread.clone() else {
            return Err(Failure::new("this server was not started from files, so there is nothing to read again").into());
        };
        let names = Arc::clone(self.engine.apis().names());
        let Loaded { config, problems, .. } =
            tokio::task::spawn_blocking(move || reread(&names)).await.map_err(Failure::other)??;
        match config {
            Some(config) => Ok((config, problems)),
            None => Err(NotReloaded::Wrong(problems)),
        }
    }

    async fn replace(&self, in_force: &mut InForce, config: Config) -> Result<Reloaded, Failure> {
        let Config { apis, listeners, store, log, drain, drain_delay, dashboard, webhooks } = config;
        let mut need_restart = in_force.need_restart(&store, &log);
        let places = places(in_force, listeners, &self.handed_over).await?;
        self.gateway.adopt(&apis);
        self.engine.install(apis).map_err(Failure::other)?;
        let (sender, settings) = outfit(webhooks, &self.resolver);
        self.notifier.set(sender, settings);
        let mut running: Vec<Option<Listening>> = std::mem::take(&mut in_force.listeners).into_iter().map(Some).collect();
        for place in places {
            let listening = match place {
                Place::New(socket, listener) => Some(self.begin(socket, listener, &dashboard)),
                Place::Runs(position, listener) => {
                    let listening = running.get_mut(position).and_then(Option::take);
                    if let Some(listening) = &listening {
                        if !listening.has_room_like(&listener) {
                            need_restart.push(format!("`connections` of {} stays as it was", listening.address()));
                        }
                        self.move_on(listening, listener, &in_force.dashboard, &dashboard);
                    }
                    listening
                }
            };
            in_force.listeners.extend(listening);
        }
        for listening in running.into_iter().flatten() {
            listening.end_by_itself(drain);
        }
        (in_force.drain, in_force.drain_delay, in_force.dashboard) = (drain, drain_delay, dashboard);
        let apis = self.engine.apis().protected().iter().map(|api| api.name.to_string()).collect();
        let addresses = in_force.listeners.iter().map(Listening::address).collect();
        Ok(Reloaded { apis, addresses, need_restart })
    }

    /// Begins to serve on a socket.
    pub(super) fn begin(&self, socket: Bound, listener: Listener, dashboard: &DashboardSettings) -> Listening {
        let places = self.limits.of(&listener);
        match &listener.serves {
            Serves::Gateway { .. } => Listening::gateway(socket, places, listener, Arc::clone(&self.gateway)),
            Serves::Service(parts) => {
                let router = self.router(parts, dashboard);
                Listening::service(socket, places, listener, router)
            }
        }
    }

    /// Has a listener that runs go on by other settings.
    fn move_on(&self, listening: &Listening, listener: Listener, before: &DashboardSettings, dashboard: &DashboardSettings) {
        // What a router knows of people at its door and of changes under way stands in it, so it is kept where it can be.
        if let Serves::Service(parts) = &listener.serves
            && (listening.serves() != listener.serves || before != dashboard)
        {
            listening.serve_with(self.router(parts, dashboard));
        }
        listening.change(listener);
    }

    fn router(&self, parts: &[Part], dashboard: &DashboardSettings) -> axum::Router {
        bitting_http::service(Arc::clone(&self.engine), Arc::clone(&self.ids), Arc::clone(&self.metrics), dashboard, parts)
    }
}

impl InForce {
    /// What a new configuration says otherwise and cannot be changed while the server runs.
    fn need_restart(&self, store: &Path, log: &LogSettings) -> Vec<String> {
        let mut settings = Vec::new();
        if *store != self.store {
            settings.push(format!("store.path stays {}", self.store.display()));
        }
        if *log != self.log {
            settings.push("[log] stays as it was".to_owned());
        }
        settings
    }
}

/// Finds the listener that runs for each of a new configuration, and binds those that are missing.
async fn places(in_force: &InForce, listeners: Vec<Listener>, handed_over: &HandedOver) -> Result<Vec<Place>, Failure> {
    let mut taken = vec![false; in_force.listeners.len()];
    let mut places = Vec::new();
    for listener in listeners {
        let free = |(position, running): &(usize, &Listening)| !taken[*position] && running.can_be(&listener);
        if let Some((position, _)) = in_force.listeners.iter().enumerate().find(free) {
            taken[position] = true;
            places.push(Place::Runs(position, listener));
            continue;
        }
        let clashes = |running: &&Listening| running.has(&listener) && listener.address.port() != 0;
        if let Some(other) = in_force.listeners.iter().find(clashes) {
            let message = format!("{} cannot change between gateway and service while the server runs", other.address());
            return Err(Failure::of(FailureKind::Configuration, format!("{message}\nrestart the server for that")));
        }
        match bind(listener.address, handed_over).await {
            Ok(socket) => places.push(Place::New(socket, listener)),
            Err(failure) => {
                let in_the_way = in_force.listeners.iter().find(|running| running.may_block(listener.address));
                return Err(in_the_way.map_or(failure, |running| {
                    let (new, old) = (listener.address, running.address());
                    let message = format!("cannot listen on {new} beside {old}, where this server listens already");
                    let cure = "if it is to take that one's place, restart the server";
                    Failure::of(FailureKind::Configuration, format!("{message}\n{cure}"))
                }));
            }
        }
    }
    Ok(places)
}

/// What webhooks are sent with.
pub(super) fn outfit(webhooks: WebhookSettings, resolver: &SystemResolver) -> (Sender, NotifierSettings) {
    let WebhookSettings { destinations, roots, timeout, keep } = webhooks;
    (Sender::new(destinations, Arc::new(resolver.clone()), roots, timeout), NotifierSettings { keep })
}

impl From<Failure> for NotReloaded {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
