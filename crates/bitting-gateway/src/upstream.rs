//! Connections to upstreams.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bitting_core::reason::Reason;
use bitting_engine::{Apis, ServedApi};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connector::Connector;
use crate::upload::Upload;

/// One pool of connections for each pair of timeouts that is configured; mostly there is one.
pub(crate) struct Upstreams(ArcSwap<Pools>);

type Pools = Vec<(Timeouts, Client<Connector, Upload>)>;

/// To connect, and for the head of the response.
type Timeouts = (Duration, Duration);

/// How long a connection is kept that nobody uses. Shorter than most servers keep theirs, so that few requests meet a
/// connection that is just being closed.
const IDLE: Duration = Duration::from_secs(20);

impl Upstreams {
    pub(crate) fn new(apis: &Apis) -> Self {
        let upstreams = Self(ArcSwap::default());
        upstreams.adopt(apis);
        upstreams
    }

    /// Opens pools for the APIs of another generation. Those that it shares with the present one are kept; others end with their last
    /// request.
    pub(crate) fn adopt(&self, apis: &Apis) {
        let mut wanted: Vec<Timeouts> = apis.protected().iter().map(|api| timeouts(api)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let present = self.0.load_full();
        let pool = |timeouts| {
            let kept = present.iter().find(|(of, _)| *of == timeouts);
            (timeouts, kept.map_or_else(|| client(timeouts), |(_, client)| client.clone()))
        };
        self.0.store(Arc::new(wanted.into_iter().map(pool).collect()));
    }

    /// Sends a request and waits for the head of the response. The time that the upstream has for it does not pass while
    /// the caller has yet to send more of the body, which may take as long as it likes.
    pub(crate) async fn send(&self, api: &ServedApi, request: Request<Incoming>) -> Result<Response<Incoming>, Reason> {
        let wanted = timeouts(api);
        let pools = self.0.load();
        let kept = pools.iter().find(|(timeouts, _)| *timeouts == wanted).map(|(_, client)| client.clone());
        drop(pools);
        // A request that was decided by a generation that is gone gets what it would have had.
        let client = kept.unwrap_or_else(|| client(wanted));
        let (head, body) = request.into_parts();
        let uri = head.uri.clone();
        let (body, turn) = Upload::new(body);
        let mut answer = client.request(Request::from_parts(head, body));
        let limit = api.timeouts.response_head;
        let mut left = limit;
        loop {
            match tokio::time::timeout(left, &mut answer).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => return Err(why(&error, api, &uri)),
                Err(_elapsed) => {
                    let passed = turn.as_ref().map_or(limit, |turn| turn.waited_for_upstream());
                    left = limit.saturating_sub(passed);
                    if left.is_zero() {
                        return Err(Reason::UpstreamTimeout);
                    }
                }
            }
        }
    }
}

fn timeouts(api: &ServedApi) -> Timeouts {
    (api.timeouts.connect, api.timeouts.response_head)
}

fn client((connect, response_head): Timeouts) -> Client<Connector, Upload> {
    let mut connector = HttpConnector::new();
    // hyper does not let go of a connection before everything is written, nor of the body and so of the caller. The kernel
    // ends one whose other side takes nothing any more.
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(response_head));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(Connector::new(connector, connect))
}

fn why(error: &ClientError, api: &ServedApi, uri: &Uri) -> Reason {
    let mut reason = Reason::UpstreamUnreachable;
    let (mut innermost, mut cause) = (None, error.source());
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            reason = Reason::UpstreamTimeout;
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
            // The caller's own body broke off, or its chunks made no sense.
            return Reason::InvalidRequest;
        }
        innermost = Some(error);
        cause = error.source();
    }
    // Not the whole address: what stands in its path is the caller's.
    let upstream = uri.authority().map(tracing::field::display);
    // What hyper says of it is always the same; the system's own words are the innermost.
    tracing::warn!(api = &*api.name, upstream, %error, cause = innermost.map(tracing::field::display), "the upstream failed");
    reason
}
