//! `[[listen]]`, `[store]`, `[log]`, `[server]`: the process itself.

mod certificates;
mod limits;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bitting_core::address::{AddressList, ForwardedHeader};
use bitting_http::{DashboardSettings, Part, PublicUrl};

use super::section::{At, Section};
use crate::certificates::Certificates;

pub use limits::ListenLimits;

/// An address to listen on, and what is served there.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The address.
    pub address: SocketAddr,
    /// What is served.
    pub serves: Serves,
    /// The certificates, if connections are secured.
    pub tls: Option<Certificates>,
    /// Whether HTTP/2 is spoken beside HTTP/1.1.
    pub http2: bool,
    /// Whether each connection begins with what a proxy says of its own caller, in the PROXY protocol.
    pub proxy_protocol: bool,
    /// How much one connection, and all together, may take.
    pub limits: ListenLimits,
    /// Who may say for whom they forward.
    pub trusted_proxies: AddressList,
    /// The header in which they say it.
    pub forwarded_header: ForwardedHeader,
}

/// What a listener serves. Operators' routes are never on a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serves {
    /// The protected APIs: all of them by host and path, or one whatever the host.
    Gateway {
        /// The only API.
        api: Option<String>,
    },
    /// Bitting's own API.
    Service(Vec<Part>),
}

impl fmt::Display for Serves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway { api: None } => f.write_str("gateway"),
            Self::Gateway { api: Some(api) } => write!(f, "gateway for {api}"),
            Self::Service(_) => f.write_str("service"),
        }
    }
}

/// How the process logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// A level, or directives such as `info,bitting_engine=debug`.
    pub level: String,
    /// Whether each request is a line.
    pub access: bool,
}

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// For programs.
    Json,
}

/// Reads one listener; `apis` are the names of the configured APIs, and paths are relative to the folder.
pub(super) fn read_listener(listen: &Section<'_>, apis: &[&str], folder: &Path) -> Option<Listener> {
    let address = listen.required_text("address", "\"127.0.0.1:8080\"").and_then(|text| read_address(&text, listen));
    let serves = read_serves(listen, apis);
    let trusted_proxies = listen.addresses("trusted_proxies").unwrap_or_default();
    let headers = [("x-forwarded-for", ForwardedHeader::XForwardedFor), ("forwarded", ForwardedHeader::Forwarded)];
    let forwarded_header = listen.choice("forwarded_header", &headers).unwrap_or_default();
    let http2 = listen.boolean("http2").unwrap_or(true);
    let tls = certificates::read_certificates(listen, http2, folder);
    let proxy_protocol = listen.boolean("proxy_protocol").unwrap_or_default();
    if proxy_protocol && listen.place("trusted_proxies").is_none() {
        let at = listen.place("proxy_protocol").unwrap_or(listen.at);
        let help = "write trusted_proxies = [\"10.0.0.0/8\"] with the addresses of the proxies: others could say any address";
        listen.findings.error(at, "nobody may speak the PROXY protocol here", help);
    }
    let limits = limits::read_limits(listen);
    Some(Listener { address: address?, serves: serves?, tls, http2, proxy_protocol, limits, trusted_proxies, forwarded_header })
}

fn read_address(text: &At<'_, &str>, listen: &Section<'_>) -> Option<SocketAddr> {
    let address = text.value.parse().ok();
    if address.is_none() {
        let help = "write an IP address and a port, as in \"127.0.0.1:8080\", \"0.0.0.0:80\" or \"[::]:8080\"";
        listen.findings.error(text.at, format!("{:?} is not an address to listen on", text.value), help);
    }
    address
}

fn read_serves(listen: &Section<'_>, apis: &[&str]) -> Option<Serves> {
    let Some(words) = listen.texts("serve") else {
        if listen.place("serve").is_none() {
            let help =
                "write serve = [\"gateway\"], or any of \"dashboard\", \"management\", \"verify\", \"metrics\" and \"health\"";
            listen.findings.error(listen.at, "this listener serves nothing", help);
        }
        return None;
    };
    let choices = [
        ("gateway", None),
        ("dashboard", Some(Part::Dashboard)),
        ("management", Some(Part::Management)),
        ("verify", Some(Part::Verify)),
        ("metrics", Some(Part::Metrics)),
        ("health", Some(Part::Health)),
    ];
    let (mut gateway, mut service) = (None, Vec::new());
    for word in &words {
        match word.clone().choose(&choices, listen.findings) {
            Some(None) => gateway = Some(word.at),
            Some(Some(part)) if !service.contains(&part) => service.push(part),
            Some(Some(_)) | None => {}
        }
    }
    let api = listen.text("api");
    if let Some(api) = api.as_ref().filter(|api| !apis.contains(&api.value)) {
        let help = format!("the configured APIs are: {}", apis.join(", "));
        listen.findings.error(api.at, format!("there is no API {:?}", api.value), help);
    }
    match gateway {
        Some(at) if !service.is_empty() => {
            let help = "give the gateway a listener of its own, so that its callers cannot reach operators' routes";
            listen.findings.error(at, "a gateway listener serves nothing else", help);
            None
        }
        Some(_) => Some(Serves::Gateway { api: api.map(|api| api.value.to_owned()) }),
        None => {
            if let Some(api) = api {
                let help = "remove `api`: it binds a gateway listener to one API";
                listen.findings.error(api.at, "only a gateway listener serves an API", help);
            }
            Some(Serves::Service(service))
        }
    }
}

/// Reads where the store is; relative to the folder of the configuration.
pub(super) fn read_store(root: &Section<'_>, folder: &Path) -> PathBuf {
    let default = folder.join("bitting.db");
    let Some(store) = root.section("store") else { return default };
    let path = store.text("path").map_or(default, |text| folder.join(text.value));
    store.finish();
    path
}

/// Reads how to log.
pub(super) fn read_log(root: &Section<'_>) -> LogSettings {
    let mut settings = LogSettings { format: LogFormat::Auto, level: "info".to_owned(), access: true };
    let Some(log) = root.section("log") else { return settings };
    let formats = [("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
    settings.format = log.choice("format", &formats).unwrap_or(settings.format);
    settings.access = log.boolean("access").unwrap_or(settings.access);
    if let Some(level) = log.text("level") {
        let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
        let mut directives = level.value.split(',').map(|directive| directive.rsplit('=').next().unwrap_or_default().trim());
        if !directives.all(is_level) {
            let help = "write \"info\", \"debug\", \"warn\" or \"error\", or directives such as \"info,bitting_engine=debug\"";
            log.findings.error(level.at, format!("{:?} is not a log level", level.value), help);
        }
        level.value.clone_into(&mut settings.level);
    }
    log.finish();
    settings
}

/// Reads how long requests in progress may take when the process is told to stop, and how long before that it says so.
pub(super) fn read_drain(root: &Section<'_>) -> (Duration, Duration) {
    let default = (Duration::from_secs(30), Duration::ZERO);
    let Some(server) = root.section("server") else { return default };
    let drain = server.duration("drain").unwrap_or(default.0);
    let delay = server.duration("drain_delay").unwrap_or(default.1);
    server.finish();
    (drain, delay)
}

/// Reads how the dashboard is set up.
pub(super) fn read_dashboard(root: &Section<'_>) -> DashboardSettings {
    let default = DashboardSettings::default();
    let Some(dashboard) = root.section("dashboard") else { return default };
    let settings = DashboardSettings {
        public_url: dashboard.parsed::<PublicUrl>("public_url").map(|url| url.value),
        idle: dashboard.duration("idle").unwrap_or(default.idle),
        lifetime: dashboard.duration("session").unwrap_or(default.lifetime),
    };
    dashboard.finish();
    settings
}
