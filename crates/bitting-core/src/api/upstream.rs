//! Where the protected API itself is, and how it is spoken to.

mod origin;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;

pub use origin::{InvalidOrigin, Origin};
pub use tls::{PrivateKeyPem, TlsIdentity, UpstreamTls};

/// One upstream: servers that all answer the same, and how they are treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Where its servers are. Each request goes to the one that has least to do.
    pub servers: Box<[Origin]>,
    /// What it is told to be called.
    pub host: UpstreamHost,
    /// How `https` servers are trusted.
    pub tls: UpstreamTls,
    /// How many connections there may be.
    pub connections: ConnectionRules,
    /// When a server is left out.
    pub failover: Failover,
    /// Which name servers are asked for the servers' names; the machine's own if there are none.
    pub resolver: Box<[SocketAddr]>,
}

/// What the upstream finds in `Host`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum UpstreamHost {
    /// What the caller asked for.
    #[default]
    Preserve,
    /// The server's own host and port.
    Upstream,
    /// Always the same.
    Fixed(HeaderValue),
}

/// How many connections there may be to one server, at each of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionRules {
    /// At most so many at once. As HTTP/1.1 goes, each carries one request at a time.
    pub most: usize,
    /// So many requests may wait for one of them.
    pub waiting: usize,
    /// So long each may wait.
    pub wait: Duration,
    /// So long a connection is kept that nobody uses.
    pub idle: Duration,
}

/// When a server is left out, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover {
    /// After so many failures in a row. A failure is a connection that cannot be had, or a head that does not come or makes no sense.
    pub failures: u32,
    /// For so long at first; then one request tries it, and each further failure doubles the time.
    pub pause: Duration,
    /// But never for longer than this.
    pub longest_pause: Duration,
}

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// For a connection: finding the address, connecting and TLS, at however many servers.
    pub connect: Duration,
    /// From the request until the whole head of the response. How slowly a caller may send the request's body is for the listener to say.
    pub response_head: Duration,
    /// Between two pieces of the response's body.
    pub response_idle: Duration,
    /// While nothing moves on an upgraded connection, either way.
    pub upgraded_idle: Duration,
}

impl Upstream {
    /// Servers with everything else as it is where nothing is said.
    pub fn of(servers: Vec<Origin>) -> Self {
        Self {
            servers: servers.into(),
            host: UpstreamHost::default(),
            tls: UpstreamTls::default(),
            connections: ConnectionRules::default(),
            failover: Failover::default(),
            resolver: Box::default(),
        }
    }

    /// Whether a request to the one may arrive at a server of the other.
    pub fn shares_a_server_with(&self, other: &Self) -> bool {
        self.servers.iter().any(|server| other.servers.contains(server))
    }
}

impl Default for ConnectionRules {
    fn default() -> Self {
        Self {
            most: 4_096,
            waiting: 1_024,
            wait: Duration::from_secs(5),
            // Shorter than most servers keep theirs, so that few requests meet a connection that is just being closed.
            idle: Duration::from_secs(20),
        }
    }
}

impl Default for Failover {
    fn default() -> Self {
        Self { failures: 3, pause: Duration::from_secs(1), longest_pause: Duration::from_mins(1) }
    }
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            response_head: Duration::from_mins(1),
            response_idle: Duration::from_mins(5),
            upgraded_idle: Duration::from_hours(1),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, server) in self.servers.iter().enumerate() {
            write!(f, "{}{server}", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
