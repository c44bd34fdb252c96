//! From the name of a server to its addresses, again and again.
//!
//! The system's own `getaddrinfo` does not say for how long an answer holds, so names are asked for by a resolver of Rust's, which reads
//! the machine's `resolv.conf` and `hosts` as the system's does. Both are read anew for each question: they change while a server runs.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::Instant;

/// The shortest time after which a name is asked for again, whatever its answer says.
const SOONEST: Duration = Duration::from_secs(1);

/// The longest. Name servers near by have the answer ready, and what stands in `hosts` says nothing of time.
const LATEST: Duration = Duration::from_mins(1);

/// The longest pause after questions that nobody answered.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Of a name that exists, with other records.
const NO_ADDRESS: &str = "the name exists, but has no address";

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Its addresses.
    Addresses(Vec<IpAddr>),
    /// Somebody who must know says that it has none.
    Nothing(Box<str>),
    /// Nobody knows. What was known before may hold still.
    Unknown(Box<str>),
}

/// Asks for a name for as long as it is polled, each time when the answer before has run out, and tells what was found.
pub(crate) async fn follow(name: &str, servers: &[SocketAddr], mut tell: impl FnMut(Found)) {
    let mut pause = SOONEST;
    loop {
        let (found, valid_for) = look_up(name, servers).await;
        let next = match &found {
            Found::Unknown(_) => {
                let this = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                this
            }
            Found::Addresses(_) | Found::Nothing(_) => {
                pause = SOONEST;
                valid_for.clamp(SOONEST, LATEST)
            }
        };
        tell(found);
        tokio::time::sleep(next).await;
    }
}

async fn look_up(name: &str, servers: &[SocketAddr]) -> (Found, Duration) {
    let addresses = in_the_file_of_hosts(name);
    if !addresses.is_empty() {
        return (Found::Addresses(addresses), LATEST);
    }
    let (config, options) = whom_to_ask(servers);
    let asked = shown(&config);
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
    let resolver = match builder.build() {
        Ok(resolver) => resolver,
        Err(error) => return (Found::Unknown(in_words(&error, &asked).into()), Duration::ZERO),
    };
    match resolver.lookup_ip(name).await {
        Ok(found) => {
            let valid_for = found.valid_until().saturating_duration_since(Instant::now().into_std());
            let addresses: Vec<IpAddr> = found.iter().collect();
            if addresses.is_empty() {
                return (Found::Nothing(NO_ADDRESS.into()), valid_for);
            }
            (Found::Addresses(addresses), valid_for)
        }
        Err(error) if error.is_no_records_found() => (Found::Nothing(in_words(&error, &asked).into()), SOONEST),
        Err(error) => (Found::Unknown(in_words(&error, &asked).into()), Duration::ZERO),
    }
}

/// What is wrong with a name, for whoever reads the log: the resolver's own words speak of queries, classes and records.
fn in_words(error: &NetError, asked: &str) -> String {
    match error {
        _ if error.is_nx_domain() => format!("there is no such name, says the name server ({asked})"),
        _ if error.is_no_records_found() => NO_ADDRESS.to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the name server ({asked}) does not answer for it: {code}"),
        NetError::Timeout => format!("no name server answered in time ({asked})"),
        NetError::Io(error) => format!("no name server can be reached ({asked}): {error}"),
        NetError::NoConnections => format!("no name server can be reached ({asked})"),
        error => format!("the name cannot be asked for, or the answer makes no sense ({asked}): {error}"),
    }
}

/// The name servers of a configuration, as a configuration of ours would write them.
fn shown(config: &ResolverConfig) -> String {
    let address = |server: &NameServerConfig| {
        let port = server.connections.first().map_or(53, |connection| connection.port);
        if port == 53 { server.ip.to_string() } else { SocketAddr::new(server.ip, port).to_string() }
    };
    let mut servers: Vec<String> = config.name_servers().iter().map(address).collect();
    servers.dedup();
    servers.join(", ")
}

/// The addresses that the machine's file of hosts gives a name. The resolver looks there too, but asks a name server for the kind of address
/// that a name does not have there, and waits for the answer.
fn in_the_file_of_hosts(name: &str) -> Vec<IpAddr> {
    let (Ok(hosts), Ok(name)) = (Hosts::from_system(), Name::from_utf8(name)) else { return Vec::new() };
    let kinds = [RecordType::A, RecordType::AAAA].into_iter();
    let found = kinds.filter_map(|kind| hosts.lookup_static_host(&Query::query(name.clone(), kind)));
    found.flat_map(|found| found.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()).collect()
}

fn whom_to_ask(servers: &[SocketAddr]) -> (ResolverConfig, ResolverOpts) {
    let (config, mut options) = if servers.is_empty() {
        hickory_resolver::system_conf::read_system_conf()
            // A machine without such a file asks itself, as the system's resolver does. Never a stranger: names of upstreams are internal.
            .unwrap_or_else(|_| (at(&[SocketAddr::from(([127, 0, 0, 1], 53))]), ResolverOpts::default()))
    } else {
        (at(servers), ResolverOpts::default())
    };
    // When to ask again is decided here.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    (config, options)
}

fn at(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.into())
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
}
