//! From a name to addresses.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lanes::MOST_FLYING;

/// Finds the addresses of a name. What it finds is checked before it is connected to, whoever finds it.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// Waits until a question may be asked, which is no fault of whoever is asked for: their time begins after it.
    async fn turn(&self) -> Turn {
        Turn::default()
    }

    /// The addresses, in the order in which they should be tried.
    ///
    /// # Errors
    /// If nobody knows.
    async fn resolve(&self, name: &str, turn: Turn) -> io::Result<Vec<IpAddr>>;
}

/// The right to ask one question, kept until it is answered.
#[derive(Debug, Default)]
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The system's resolver: its name servers, and its file of hosts.
#[derive(Debug, Clone)]
pub struct SystemResolver(Arc<Semaphore>);

/// How many questions may be open. Each holds a thread until the system has given up, which outlasts whoever asked: so these are
/// several times what is on its way at once, and half of the threads that the runtime has for what blocks.
const OPEN: usize = 4 * MOST_FLYING;

impl Default for SystemResolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(OPEN)))
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn turn(&self) -> Turn {
        // It is never closed.
        Turn { _permit: Arc::clone(&self.0).acquire_owned().await.ok() }
    }

    async fn resolve(&self, name: &str, turn: Turn) -> io::Result<Vec<IpAddr>> {
        let name = name.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let found = (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect());
            drop(turn);
            found
        });
        asked.await.map_err(io::Error::other)?
    }
}
