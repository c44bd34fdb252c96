//! Connecting to an upstream within a given time.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

type Failed = Box<dyn Error + Send + Sync>;

/// A connector whose timeout covers finding out the address too. That of hyper's own begins after it, and the system's
/// resolver can take half a minute to say that no name server answers.
#[derive(Clone)]
pub(crate) struct Connector<R = GaiResolver> {
    http: HttpConnector<R>,
    limit: Duration,
}

impl<R> Connector<R> {
    /// Connects with another connector, which divides the time among the addresses of a name.
    pub(crate) fn new(mut http: HttpConnector<R>, limit: Duration) -> Self {
        http.set_connect_timeout(Some(limit));
        Self { http, limit }
    }
}

impl<R> Service<Uri> for Connector<R>
where
    HttpConnector<R>: Service<Uri, Response = TokioIo<TcpStream>, Error: Into<Failed>, Future: Send + 'static>,
{
    type Response = TokioIo<TcpStream>;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.http.call(to));
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected.map_err(Into::into),
                Err(elapsed) => Err(io::Error::new(io::ErrorKind::TimedOut, elapsed).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;

    use hyper_util::client::legacy::connect::dns::Name;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_resolver_that_does_not_answer_takes_no_longer_than_a_connection_may() {
        let silent = service_fn(|_: Name| std::future::pending::<Result<std::vec::IntoIter<SocketAddr>, Infallible>>());
        let connector = Connector::new(HttpConnector::new_with_resolver(silent), Duration::from_millis(20));
        let error = connector.oneshot(Uri::from_static("http://shop.example:80")).await.unwrap_err();
        assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::TimedOut);
    }
}
