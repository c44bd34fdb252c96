//! One connection to one server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::upload::Upload;

/// A connection that carries one request at a time. Whoever drops it closes it, and with it whatever is under way: hyper itself would go
/// on writing to a server that does not read, and hold the caller's body all the while.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Upload>,
    /// Whether it has carried a request already, so that its server may be closing it for having been idle.
    pub(crate) was_used: bool,
    /// Nothing, once it speaks another protocol and belongs to whoever does.
    task: Option<AbortHandle>,
}

/// How connections to an origin are secured.
#[derive(Clone)]
pub(crate) struct Secured {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Connection {
    /// Connects within a time, TLS included.
    pub(crate) async fn open(to: SocketAddr, secured: Option<&Secured>, within: Duration) -> io::Result<Self> {
        let opening = async {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            match secured {
                None => Self::over(stream).await,
                Some(Secured { config, name }) => {
                    Self::over(TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await?).await
                }
            }
        };
        match tokio::time::timeout(within, opening).await {
            Ok(opened) => opened,
            Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)),
        }
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // How it ends is told to the request that it carried; without one it matters to nobody.
        let task = tokio::spawn(async move { drop(connection.with_upgrades().await) });
        Ok(Self { sender, was_used: false, task: Some(task.abort_handle()) })
    }

    /// Leaves it to whoever takes the upgraded connection from the response.
    pub(crate) fn hand_over(mut self) {
        self.task = None;
    }

    /// Whether it can carry a request now.
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
