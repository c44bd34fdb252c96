//! From a name to addresses.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Finds the addresses of a name. What it finds is checked before it is connected to, whoever finds it.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses, in the order in which they should be tried.
    ///
    /// # Errors
    /// If nobody knows.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver: its name servers, and its file of hosts.
#[derive(Debug, Clone)]
pub struct SystemResolver(Arc<Semaphore>);

/// How many questions may be open. Each holds a thread until the system has given up, which outlasts whoever asked.
const OPEN: usize = 16;

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(OPEN)))
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let found = (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect());
            drop(permit);
            found
        });
        asked.await.map_err(io::Error::other)?
    }
}
