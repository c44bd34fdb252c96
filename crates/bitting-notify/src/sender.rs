//! Sending one message, and what came back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bitting_core::webhook::{Destinations, WebhookHost, WebhookUrl};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use crate::connect::connect;
use crate::failure::Failure;
use crate::message::Message;
use crate::resolve::{Resolve, Turn};
use crate::roots::Roots;

/// Sends messages to where they may go.
#[derive(Clone)]
pub struct Sender {
    destinations: Destinations,
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    /// How long a message may take, from the question for an address to the answer's head.
    limit: Duration,
}

/// What came of sending a message once.
#[derive(Debug)]
pub struct Exchange {
    /// What was sent beside the body.
    pub sent: HeaderMap,
    /// How long it took.
    pub duration: Duration,
    /// The answer, or why there is none.
    pub outcome: Result<Response, Failure>,
}

/// What an endpoint answered.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Bytes,
}

/// How much of an answer's body is kept. No more than that is read.
const KEPT: usize = 1_024;

/// How long the body is waited for. The status has said already whether the message was taken.
const BODY_LIMIT: Duration = Duration::from_secs(2);

/// How large an answer's head may be.
const HEAD: usize = 16 * 1_024;

impl Sender {
    /// A sender that gives each message so long.
    pub fn new(destinations: Destinations, resolver: Arc<dyn Resolve>, roots: Roots, limit: Duration) -> Self {
        Self { destinations, resolver, tls: roots.client(), limit }
    }

    /// Sends a message once. This ends, whatever the other end does.
    pub async fn send(&self, message: &Message, to: &WebhookUrl) -> Exchange {
        let Some(request) = message.request(to) else {
            let outcome = Err(Failure::Unready("the message cannot be written as a request".into()));
            return Exchange { sent: HeaderMap::new(), duration: Duration::ZERO, outcome };
        };
        let sent = request.headers().clone();
        let turn = match to.host() {
            WebhookHost::Name(_) => self.resolver.turn().await,
            WebhookHost::Address(_) => Turn::default(),
        };
        let started = Instant::now();
        let outcome = self.exchange(request, to, turn, started).await;
        Exchange { sent, duration: started.elapsed(), outcome }
    }

    async fn exchange(
        &self,
        request: http::Request<Full<Bytes>>,
        to: &WebhookUrl,
        turn: Turn,
        started: Instant,
    ) -> Result<Response, Failure> {
        let deadline = started + self.limit;
        let too_long = |during| Failure::TooLong { during, limit: self.limit };
        let connecting = connect(to, &self.destinations, (&*self.resolver, turn), &self.tls);
        let stream = tokio::time::timeout_at(deadline, connecting).await.map_err(|_| too_long("connect"))??;
        let talking = async {
            let (mut requests, connection) = http1::Builder::new()
                .max_buf_size(HEAD)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(|error| Failure::of_http(&error))?;
            let driver = Driver(tokio::spawn(async move {
                // What goes wrong is told to whoever waits for the answer.
                let _ = connection.await;
            }));
            let response = requests.send_request(request).await.map_err(|error| Failure::of_http(&error))?;
            Ok::<_, Failure>((response, driver))
        };
        let (response, driver) = tokio::time::timeout_at(deadline, talking).await.map_err(|_| too_long("answer"))??;
        let (head, body) = response.into_parts();
        let body = beginning(body, deadline.min(Instant::now() + BODY_LIMIT)).await;
        drop(driver);
        Ok(Response { status: head.status, headers: head.headers, body })
    }
}

/// The beginning of a body, as far as it comes in time and whole; then the connection is closed, so one that never ends, or is
/// shorter than it says, costs no more than any other.
async fn beginning(mut body: Incoming, deadline: Instant) -> Bytes {
    let mut read = Vec::new();
    while read.len() < KEPT {
        match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                read.extend_from_slice(&data[..data.len().min(KEPT - read.len())]);
            }
            Ok(Some(Err(_)) | None) | Err(_) => break,
        }
    }
    read.into()
}

/// The task that drives a connection; it ends with this.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("destinations", &self.destinations).field("limit", &self.limit).finish_non_exhaustive()
    }
}
