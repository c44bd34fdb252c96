//! A connection to an address that may be connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bitting_core::webhook::{Destinations, WebhookHost, WebhookUrl};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::failure::Failure;
use crate::resolve::{Resolve, Turn};

/// A stream of bytes, secured or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 4;

/// How long one of several addresses may take before the next one is tried.
const PER_ADDRESS: Duration = Duration::from_secs(4);

/// Connects to an endpoint. Each address is checked here, after it was found and right before it is connected to.
pub(crate) async fn connect(
    to: &WebhookUrl,
    destinations: &Destinations,
    (resolver, turn): (&dyn Resolve, Turn),
    tls: &Arc<ClientConfig>,
) -> Result<Box<dyn Stream>, Failure> {
    destinations.check(to)?;
    let stream = match to.host() {
        WebhookHost::Address(address) => reach(SocketAddr::new(*address, to.port())).await?,
        WebhookHost::Name(name) => {
            let found = resolver.resolve(name, turn).await.map_err(|error| Failure::NoAddress(name.clone(), error))?;
            reach_one_of(name, &found, to.port(), destinations).await?
        }
    };
    // The kernel says to whom it is connected; this is what was checked, and stays so if the code above should change.
    let peer = stream.peer_addr().map_err(|error| Failure::NoAnswer(error.to_string().into()))?;
    destinations.check_address(peer.ip())?;
    if !to.is_https() {
        return Ok(Box::new(stream));
    }
    let name = match to.host() {
        WebhookHost::Address(address) => ServerName::from(*address),
        WebhookHost::Name(name) => ServerName::try_from(name.to_string())
            .map_err(|error| Failure::NoTls(io::Error::new(io::ErrorKind::InvalidInput, error)))?,
    };
    let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    Ok(Box::new(secured.map_err(Failure::NoTls)?))
}

/// Connects to the first address that answers, of those that may be connected to.
async fn reach_one_of(name: &str, found: &[IpAddr], port: u16, destinations: &Destinations) -> Result<TcpStream, Failure> {
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut failure = Failure::NoAddress(name.into(), nothing());
    let mut tried = 0;
    for address in found {
        if let Err(refused) = destinations.check_address(*address) {
            if tried == 0 {
                failure = Failure::LeadsAstray { name: name.into(), refused };
            }
            continue;
        }
        tried += 1;
        match reach(SocketAddr::new(*address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
        if tried == MOST_ADDRESSES {
            break;
        }
    }
    Err(failure)
}

async fn reach(address: SocketAddr) -> Result<TcpStream, Failure> {
    match tokio::time::timeout(PER_ADDRESS, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(|error| Failure::NoConnection(address, error)),
        Err(elapsed) => Err(Failure::NoConnection(address, io::Error::new(io::ErrorKind::TimedOut, elapsed))),
    }
}
