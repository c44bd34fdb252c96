//! Sockets that a service manager listens on and has handed over (`sd_listen_fds(3)`), so that no connection is refused while the
//! server is restarted: those that come meanwhile wait in the socket.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

use crate::config::Listener;
use crate::failure::{Failure, FailureKind};

/// The sockets, with their addresses. They stay open for as long as this lives, also while no listener uses them.
#[derive(Debug, Default)]
pub struct HandedOver(Vec<(SocketAddr, TcpListener)>);

impl HandedOver {
    /// Takes what there is for this process. Must be called once, and before there are threads: it changes the environment.
    ///
    /// # Errors
    /// If something else than a TCP socket was handed over.
    pub fn take() -> Result<Self, Failure> {
        let mut handed_over = ListenFd::from_env();
        let mut sockets = Vec::new();
        for position in 0..handed_over.len() {
            let socket = handed_over.take_tcp_listener(position).map_err(|error| {
                let what = format!("the service manager handed over a socket that cannot be served: {error}");
                Failure::new(format!("{what}\nin the socket unit, each ListenStream= is an IP address and a port"))
            })?;
            let Some(socket) = socket else { continue };
            let address = socket.local_addr().map_err(Failure::other)?;
            // The runtime must never wait in it.
            socket.set_nonblocking(true).map_err(Failure::other)?;
            sockets.push((address, socket));
        }
        Ok(Self(sockets))
    }

    /// The one that listens on an address, if there is one.
    pub(super) fn socket(&self, address: SocketAddr) -> Option<std::io::Result<TcpListener>> {
        self.0.iter().find(|(of, _)| is_same(*of, address)).map(|(_, socket)| socket.try_clone())
    }

    /// Looks whether each is some listener's: connections to one that nobody serves would wait for ever.
    pub(super) fn check(&self, listeners: &[Listener]) -> Result<(), Failure> {
        let is_served = |address| listeners.iter().any(|listener| is_same(address, listener.address));
        let Some((address, _)) = self.0.iter().find(|(address, _)| !is_served(*address)) else { return Ok(()) };
        let what = format!("the service manager listens on {address}, which is the address of no [[listen]]");
        let cure = format!("write a [[listen]] with address = \"{address}\", or take it out of the socket unit");
        Err(Failure::of(FailureKind::Configuration, format!("{what}\n{cure}")))
    }
}

/// Whether who connects to one could have been meant by the other. A socket for all addresses of IPv6 takes those of IPv4 too.
fn is_same(handed_over: SocketAddr, configured: SocketAddr) -> bool {
    let all = handed_over.ip().is_unspecified() && configured.ip().is_unspecified();
    handed_over == configured || (all && handed_over.is_ipv6() && handed_over.port() == configured.port())
}
