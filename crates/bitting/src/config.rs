//! Configuration: TOML files and `--set` options, read into what the server runs on.
//!
//! Everything wrong is found in one reading and shown where it stands ([`Problems`]). What is right becomes the compiled
//! form of the core: nothing downstream sees TOML.

mod api;
mod document;
mod own;
mod pem;
mod problem;
mod section;
mod server;
mod webhooks;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::{Api, Host};
use bitting_core::name::Names;
use bitting_engine::{Apis, ApisError};
use bitting_http::DashboardSettings;

use self::document::{Entry, Table, Value};
use self::section::{Findings, Section};

pub use api::OWN as OWN_API;
pub use problem::{Location, Problem, ProblemReport, Problems, Source};
pub use server::{ListenLimits, Listener, LogFormat, LogSettings, Serves};
pub use webhooks::WebhookSettings;

/// A configuration that can be run.
#[derive(Debug)]
pub struct Config {
    /// The APIs.
    pub apis: Apis,
    /// Where to listen.
    pub listeners: Vec<Listener>,
    /// The store's file.
    pub store: PathBuf,
    /// How to log.
    pub log: LogSettings,
    /// How long requests in progress may take after the order to stop.
    pub drain: Duration,
    /// How long before that the server says that it is about to stop, and still takes requests.
    pub drain_delay: Duration,
    /// How the dashboard is set up.
    pub dashboard: DashboardSettings,
    /// How webhooks are served.
    pub webhooks: WebhookSettings,
}

/// What was read: the configuration if there is nothing wrong with it, and what there is to say.
#[derive(Debug)]
pub struct Loaded {
    /// Absent if there are errors.
    pub config: Option<Config>,
    /// Errors and warnings.
    pub problems: Problems,
    /// The store's file, as far as can be said, also if there are errors.
    pub store: PathBuf,
}

/// An API, and where messages about it point.
struct Placed<'c> {
    api: Api,
    at: &'c Location,
    hosts_at: &'c Location,
}

/// The listeners of a configuration that names none, written like any others, so that options override them too.
const DEFAULT_LISTENERS: &str = include_str!("config/listeners.toml");

/// Reads sources and options. Paths in them are relative to `folder`. An engine that runs takes other APIs only if they were
/// compiled with its [names](Apis::names); a first reading brings new ones.
pub fn load(sources: Vec<Source>, overrides: &[String], folder: &Path, names: &Arc<Names>) -> Loaded {
    let mut problems = Vec::new();
    let mut root = Table::default();
    let sources: Vec<Arc<Source>> = sources.into_iter().map(Arc::new).collect();
    for source in &sources {
        if let Value::Table(table) = document::parse(source, &mut problems).value {
            document::merge(&mut root, table, &mut problems);
        }
    }
    let unreadable = problems.len();
    add_listeners(&mut root);
    for argument in overrides {
        document::set(&mut root, argument, &mut problems);
    }
    // An option may have taken them all away.
    add_listeners(&mut root);
    let start =
        sources.first().cloned().unwrap_or_else(|| Arc::new(Source { name: "configuration".into(), text: String::new() }));
    let at = Location::start_of(&start);
    let findings = Findings::default();
    let config = read(&Section::new("", &root, &at, &findings), names, folder);
    let store = server::read_store(&Section::new("", &root, &at, &Findings::default()), folder);
    let mut found = findings.into_inner();
    if unreadable > 0 {
        // What could not be read is not there; that it is missing would only confuse.
        found.retain(|problem| !problem.is_warning && problem.at.span.start > 0 && !shares_line(problem, &problems));
    }
    problems.extend(found);
    problems.sort_by_key(|problem| {
        let source = sources.iter().position(|source| Arc::ptr_eq(source, &problem.at.source));
        (source.unwrap_or(usize::MAX), problem.at.span.start, problem.is_warning)
    });
    problems.dedup_by(|one, other| one.message == other.message && one.at.span == other.at.span);
    let problems = Problems(problems);
    Loaded { config: config.filter(|_| !problems.has_errors()), problems, store }
}

fn read(root: &Section<'_>, names: &Arc<Names>, folder: &Path) -> Option<Config> {
    let sections = root.sections("api");
    if sections.is_empty() && root.place("api").is_none() {
        let help = "write [[api]] with a name and an upstream, or copy one of the examples";
        root.findings.error(root.at, "there is no API to protect", help);
    }
    let apis: Vec<_> = sections
        .into_iter()
        .map(|section| {
            let hosts_at = section.place("hosts").unwrap_or(section.at);
            let api = api::read(&section, names, folder, false).map(|api| Placed { api, at: section.at, hosts_at });
            section.finish();
            api
        })
        .collect();
    let api_names: Vec<&str> = apis.iter().flatten().map(|placed| &*placed.api.name).collect();
    let listeners: Vec<_> = root
        .sections("listen")
        .into_iter()
        .map(|section| {
            let listener = server::read_listener(&section, &api_names, folder);
            section.finish();
            listener
        })
        .collect();
    let store = server::read_store(root, folder);
    let log = server::read_log(root);
    let (drain, drain_delay) = server::read_drain(root);
    let dashboard = server::read_dashboard(root);
    let webhooks = webhooks::read_webhooks(root, folder);
    for entry in root.rest() {
        root.unknown(entry, ["api", "listen", "store", "log", "server", "dashboard", "webhooks"].into_iter());
    }
    let listeners: Option<Vec<Listener>> = listeners.into_iter().collect();
    if let Some(listeners) = &listeners {
        apis.iter().flatten().for_each(|placed| placed.warn_of_hosts_without_certificate(listeners, root.findings));
    }
    let places: Vec<(String, &Location)> =
        apis.iter().flatten().map(|placed| (placed.api.name.to_string(), placed.at)).collect();
    let paths: Vec<&str> = apis.iter().flatten().filter_map(|placed| placed.api.brand.path.as_deref()).collect();
    for Placed { api, at, .. } in apis.iter().flatten() {
        if let Some(path) = api.brand.path.as_deref()
            && paths.iter().filter(|other| **other == path).count() > 1
        {
            let help = "give each a path of its own";
            root.findings.error(at, format!("{path:?} leads to the pages of keys of two APIs"), help);
        }
    }
    let own = own::read(names, &api_names, &paths)?;
    let apis: Option<Vec<_>> = apis.into_iter().map(|placed| placed.map(|placed| placed.api)).collect();
    let apis = Apis::new(Arc::clone(names), apis?, own);
    for error in apis.as_ref().err().into_iter().flatten() {
        let (ApisError::SameName(name) | ApisError::SameSite { second: name, .. }) = error;
        let at = places.iter().rev().find(|(of, _)| **of == **name).map_or(root.at, |(_, at)| at);
        root.findings.error(at, error.to_string(), "give each API its own name and its own `hosts` or `path`");
    }
    let apis = apis.ok()?.with_destinations(webhooks.destinations.clone());
    Some(Config { apis, listeners: listeners?, store, log, drain, drain_delay, dashboard, webhooks })
}

impl Placed<'_> {
    /// Points out hosts that callers can only reach over TLS and of which no certificate is: they would refuse to go on.
    fn warn_of_hosts_without_certificate(&self, listeners: &[Listener], findings: &Findings) {
        let serves_it = |listener: &&Listener| match &listener.serves {
            Serves::Gateway { api } => api.as_deref().is_none_or(|only| only == &*self.api.name),
            Serves::Service(_) => false,
        };
        let certificates: Option<Vec<_>> = listeners.iter().filter(serves_it).map(|listener| listener.tls.as_ref()).collect();
        let Some(certificates) = certificates.filter(|all| !all.is_empty()) else { return };
        for host in self.api.hosts.iter().map(Host::as_str).filter(|host| host.parse::<IpAddr>().is_err()) {
            if !certificates.iter().any(|certificates| certificates.is_for(host)) {
                let message = format!("no certificate is for {host:?}, and no listener serves it without one");
                let help = "add a [[listen.tls]] with a certificate for this name, or correct the name";
                findings.warning(self.hosts_at, message, help);
            }
        }
    }
}

/// Adds the default listeners where there are none.
fn add_listeners(root: &mut Table) {
    let is_empty = |entry: &Entry| matches!(&entry.node.value, Value::List(items) if items.is_empty());
    if root.get("listen").is_none_or(is_empty) {
        let source = Arc::new(Source { name: "the default listeners".to_owned(), text: DEFAULT_LISTENERS.to_owned() });
        if let Value::Table(table) = document::parse(&source, &mut Vec::new()).value {
            document::merge(root, table, &mut Vec::new());
        }
    }
}

fn shares_line(problem: &Problem, others: &[Problem]) -> bool {
    let line = |problem: &Problem| (problem.at.source.name.clone(), problem.at.line_and_column().0);
    others.iter().any(|other| line(other) == line(problem))
}

#[cfg(test)]
mod tests;
