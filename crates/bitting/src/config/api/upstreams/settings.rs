//! A table of one upstream: its servers, and how they are treated.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::{ConnectionRules, Failover, Origin, PrivateKeyPem, TlsIdentity, Upstream, UpstreamHost, UpstreamTls};
use bitting_gateway::{InvalidTls, check_tls};
use http::HeaderValue;
use http::uri::Authority;

use crate::config::document::{Node, Table};
use crate::config::pem::{read_file, read_pair};
use crate::config::section::{At, Findings, Section, closest, texts_of};

/// The longest time that may be set, far beyond all that makes sense, so that no sum of times overflows.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// What an upstream says beside its `servers`.
const SETTINGS: [&str; 13] = [
    "host",
    "roots",
    "certificate",
    "key",
    "server_name",
    "connections",
    "waiting",
    "wait",
    "idle",
    "failures",
    "pause",
    "longest_pause",
    "resolver",
];

pub(super) fn read(section: &Section<'_>, folder: &Path) -> Option<Upstream> {
    let servers = section.node("servers").and_then(|entry| read_servers(&entry.node, "`servers`", section.findings));
    if section.place("servers").is_none() {
        let help = "write servers = \"http://127.0.0.1:3000\", or several in a list";
        section.findings.error(section.at, "this upstream has no `servers`", help);
    }
    let is_https = servers.as_ref().is_some_and(|servers| servers.iter().any(Origin::is_https));
    let host = read_host(section);
    let tls = read_tls(section, folder, is_https || servers.is_none());
    let connections = read_connections(section);
    let failover = read_failover(section);
    let resolver = read_resolver(section);
    Some(Upstream { servers: servers?.into(), host, tls: tls?, connections, failover, resolver })
}

/// Whether a table without `servers` must be meant for one upstream: what stands in it are its settings, or `servers` misspelt.
pub(super) fn are_meant(table: &Table) -> bool {
    let known = |key: &str| closest(key, ["servers"].into_iter()).is_some() || SETTINGS.contains(&key);
    table.entries.iter().any(|entry| known(&entry.key))
}

/// An origin or a list of them.
pub(super) fn read_servers(node: &Node, what: &str, findings: &Findings) -> Option<Vec<Origin>> {
    let Some(texts) = texts_of(node) else {
        let help = "write \"http://127.0.0.1:3000\", several in a list, a table with `servers`, or one for each environment in a table";
        findings.error(&node.at, format!("{what} is {}", node.value.kind()), help);
        return None;
    };
    if texts.is_empty() {
        findings.error(&node.at, format!("{what} names nobody"), "write [\"http://127.0.0.1:3000\"], where your API listens");
        return None;
    }
    let mut servers: Vec<Origin> = Vec::new();
    let mut are_good = true;
    for text in texts {
        let Some(At { value: origin, at }) = text.parse::<Origin>(findings) else {
            are_good = false;
            continue;
        };
        if servers.contains(&origin) {
            findings.error(at, format!("{origin} is named twice"), "name each server once");
            are_good = false;
        }
        servers.push(origin);
    }
    are_good.then_some(servers)
}

fn read_host(section: &Section<'_>) -> UpstreamHost {
    let Some(text) = section.text("host") else { return UpstreamHost::default() };
    match text.value {
        "preserve" => UpstreamHost::Preserve,
        "upstream" => UpstreamHost::Upstream,
        name => {
            let authority = name.parse::<Authority>().ok().filter(|_| !name.contains('@'));
            let fixed = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
            if fixed.is_none() {
                let help = "write \"preserve\", \"upstream\", or a host such as \"api.internal\"";
                section.findings.error(text.at, format!("{name:?} is no host"), help);
            }
            fixed.map(UpstreamHost::Fixed).unwrap_or_default()
        }
    }
}

/// `None` if something is wrong with it.
fn read_tls(section: &Section<'_>, folder: &Path, is_https: bool) -> Option<UpstreamTls> {
    let roots = section.text("roots");
    let certificate = section.text("certificate");
    let key = section.text("key");
    let server_name = section.text("server_name");
    let settings = [("roots", &roots), ("certificate", &certificate), ("key", &key), ("server_name", &server_name)];
    let first = settings.iter().find_map(|(name, text)| text.as_ref().map(|text| (name, text.at)));
    if let (Some((name, at)), false) = (first, is_https) {
        let help = "write `servers` with \"https://…\", or remove it";
        section.findings.error(at, format!("`{name}` is for servers that are spoken to by TLS, and none is"), help);
        return None;
    }
    for (one, other, name) in [(&certificate, &key, "key"), (&key, &certificate, "certificate")] {
        if let (Some(one), None) = (one, other) {
            let help = format!("write {name} = \"….pem\" too: a certificate and its key are shown together");
            section.findings.error(one.at, format!("there is no `{name}` beside it"), help);
            return None;
        }
    }
    let roots_pem = match &roots {
        Some(path) => read_file(section, path, folder).map(Some),
        None => Some(None),
    };
    let pair = match (&certificate, &key) {
        (Some(certificate), Some(key)) => read_pair(section, certificate, key, folder, "servers").map(Some),
        _ => Some(None),
    };
    let (roots_pem, pair) = (roots_pem?, pair?);
    let tls = UpstreamTls {
        roots: roots_pem.map(Arc::from),
        identity: pair.map(|pair| TlsIdentity { certificate: pair.chain.into(), key: PrivateKeyPem::new(pair.key) }),
        server_name: server_name.as_ref().map(|name| name.value.into()),
    };
    match check_tls(&tls) {
        Ok(()) => Some(tls),
        Err(error) => {
            let (text, help) = match &error {
                InvalidTls::Roots(_) => {
                    let help = "write the path of a PEM file with the certificates of authorities; `openssl x509 -inform DER -in FILE -out NEW` converts a binary one";
                    (&roots, help)
                }
                InvalidTls::Certificate(_) => {
                    (&certificate, "write the path of a PEM file with the certificate, then those that signed it")
                }
                InvalidTls::Key(_) => {
                    (&key, "write the path of a PEM file with the unencrypted key that belongs to `certificate`")
                }
                InvalidTls::ServerName(_) => {
                    (&server_name, "write the name in the upstream's certificate, as in \"api.internal\"")
                }
            };
            let text = text.as_ref()?;
            section.findings.error(text.at, format!("{:?} cannot be used: {error}", text.value), help);
            None
        }
    }
}

fn read_connections(section: &Section<'_>) -> ConnectionRules {
    let default = ConnectionRules::default();
    let count = |key, least, default| {
        let read = section.number(key, least..=1_000_000).and_then(|count| usize::try_from(count.value).ok());
        read.unwrap_or(default)
    };
    ConnectionRules {
        most: count("connections", 1, default.most),
        waiting: count("waiting", 0, default.waiting),
        wait: duration(section, "wait", Duration::ZERO).unwrap_or(default.wait),
        idle: duration(section, "idle", Duration::ZERO).unwrap_or(default.idle),
    }
}

fn read_failover(section: &Section<'_>) -> Failover {
    let default = Failover::default();
    let failures = section.number("failures", 1..=1_000_000).and_then(|count| u32::try_from(count.value).ok());
    let pause = duration(section, "pause", Duration::from_millis(1)).unwrap_or(default.pause);
    let longest_pause = duration(section, "longest_pause", Duration::from_millis(1));
    if let (Some(longest), Some(at)) = (longest_pause, section.place("longest_pause"))
        && longest < pause
    {
        section.findings.error(at, "`longest_pause` is shorter than `pause`", "write a longer one");
    }
    Failover {
        failures: failures.unwrap_or(default.failures),
        pause,
        longest_pause: longest_pause.unwrap_or(default.longest_pause).max(pause),
    }
}

/// Addresses of name servers; without a port they listen at 53.
fn read_resolver(section: &Section<'_>) -> Box<[SocketAddr]> {
    let texts = section.texts("resolver").unwrap_or_default();
    let each = texts.into_iter().filter_map(|text| {
        let with_port = text.value.parse::<SocketAddr>().ok();
        let address = with_port.or_else(|| text.value.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53)));
        if address.is_none() {
            let help = "write the address of a name server, as in \"10.0.0.2\" or \"127.0.0.1:5353\"";
            section.findings.error(text.at, format!("{:?} is not an address", text.value), help);
        }
        address
    });
    each.collect()
}

/// A time of at least so long, and of a year at most.
pub(super) fn duration(section: &Section<'_>, key: &'static str, least: Duration) -> Option<Duration> {
    let duration = section.duration(key)?;
    if (least..=LONGEST).contains(&duration) {
        return Some(duration);
    }
    let at = section.place(key).unwrap_or(section.at);
    let help = if duration < least { "write a longer time, as in \"30s\"" } else { "write a year at most" };
    section.findings.error(at, format!("`{key}` is out of range"), help);
    None
}
