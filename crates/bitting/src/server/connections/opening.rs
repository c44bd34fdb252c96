//! The beginning of a connection: for whom a proxy brings it, whether it is secured, and which HTTP is spoken on it.

mod answer;
mod glance;
mod proxied;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use self::glance::{Glance, glance};
use super::wire::Wire;
use crate::certificates::H2;
use crate::config::Listener;

pub(super) use proxied::read_proxied;

/// A connection on which HTTP can begin.
pub(super) struct Opened {
    pub(super) wire: Wire,
    pub(super) speaks: Speaks,
    /// The name that the caller asked for when it was secured.
    pub(super) server_name: Option<Box<str>>,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    Http1,
    Http2,
}

/// Opens a connection as its listener wants it. `None` if it came to nothing; then its caller was told, as far as that is possible,
/// in the protocol that it seems to speak.
pub(super) async fn open(stream: TcpStream, peer: SocketAddr, listener: &Listener) -> Option<Opened> {
    let seen = glance(&stream).await.ok()?;
    match (&listener.tls, seen) {
        (Some(tls), Glance::Tls) => {
            let accepted = TlsAcceptor::from(Arc::clone(tls.server())).accept(stream).await;
            let secured = match accepted {
                Ok(secured) => secured,
                Err(error) => {
                    tracing::debug!(%error, %peer, "a connection could not be secured");
                    return None;
                }
            };
            let (_, session) = secured.get_ref();
            let speaks = if session.alpn_protocol() == Some(H2) { Speaks::Http2 } else { Speaks::Http1 };
            let server_name = session.server_name().map(Box::from);
            Some(Opened { wire: Wire::Tls(Box::new(secured)), speaks, server_name })
        }
        (Some(_), Glance::Http1 | Glance::Http2Preface) => {
            tracing::debug!(%peer, "plain HTTP on a listener with TLS was refused");
            answer::speak_https(stream).await;
            None
        }
        (None, Glance::Tls) => {
            answer::speak_no_tls(stream, peer, listener).await;
            None
        }
        (None, Glance::Http2Preface) if !listener.http2 => {
            answer::speak_http1(stream).await;
            None
        }
        (None, Glance::Http2Preface) => Some(Opened { wire: Wire::Plain(stream), speaks: Speaks::Http2, server_name: None }),
        (None, Glance::Http1) => Some(Opened { wire: Wire::Plain(stream), speaks: Speaks::Http1, server_name: None }),
        (_, Glance::Nothing) => None,
    }
}
