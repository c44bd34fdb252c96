//! Connections to upstreams.

use std::error::Error;
use std::io;
use std::time::Duration;

use bitting_core::reason::Reason;
use bitting_engine::{Apis, ServedApi};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// One pool of connections for each connect timeout that is configured; mostly there is one.
pub(crate) struct Upstreams(Vec<(Duration, Client<HttpConnector, Incoming>)>);

/// How long a connection is kept that nobody uses. Shorter than most servers keep theirs, so that few requests meet a
/// connection that is just being closed.
const IDLE: Duration = Duration::from_secs(20);

impl Upstreams {
    pub(crate) fn new(apis: &Apis) -> Self {
        let mut timeouts: Vec<Duration> = apis.protected().iter().map(|api| api.timeouts.connect).collect();
        timeouts.sort_unstable();
        timeouts.dedup();
        Self(timeouts.into_iter().map(|timeout| (timeout, client(timeout))).collect())
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(&self, api: &ServedApi, request: Request<Incoming>) -> Result<Response<Incoming>, Reason> {
        let wanted = api.timeouts.connect;
        let client = self.0.iter().find(|(timeout, _)| *timeout == wanted).map(|(_, client)| client);
        let Some(client) = client else { return Err(Reason::UpstreamUnreachable) };
        match tokio::time::timeout(api.timeouts.response_head, client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(why(&error, api)),
            Err(_elapsed) => Err(Reason::UpstreamTimeout),
        }
    }
}

fn client(connect_timeout: Duration) -> Client<HttpConnector, Incoming> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(connect_timeout));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(connector)
}

fn why(error: &ClientError, api: &ServedApi) -> Reason {
    let (mut reason, mut cause) = (Reason::UpstreamUnreachable, error.source());
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            reason = Reason::UpstreamTimeout;
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
            // The caller's own body broke off, or its chunks made no sense.
            return Reason::InvalidRequest;
        }
        cause = error.source();
    }
    tracing::warn!(api = &*api.name, %error, cause = error.source().map(tracing::field::display), "the upstream failed");
    reason
}
