//! The access log: one line for each request, with nothing secret in it.
//!
//! A line is an event of `tracing` with a target of its own, so that whoever sets logging up can send it where it likes.
//! It has no query, which can hold keys, and keys that stand in path or method are left out, whichever API's they are.

use std::net::IpAddr;
use std::time::Duration;

use bitting_core::reason::Reason;
use bitting_core::record::Record;
use http::{Method, StatusCode};

use crate::apis::ServedApi;
use crate::request_id::RequestId;

/// The target of the access log's events.
pub const TARGET: &str = "bitting::access";

/// One request, when its answer is ready.
#[derive(Debug, Clone, Copy)]
pub struct Access<'r> {
    /// The request's id.
    pub request_id: &'r RequestId,
    /// The API that it was for, if that is known.
    pub api: &'r ServedApi,
    /// Where it came from.
    pub client: IpAddr,
    /// Its method.
    pub method: &'r Method,
    /// Its path, as it was sent.
    pub path: &'r str,
    /// The status of the answer.
    pub status: StatusCode,
    /// Why Bitting answered instead of the upstream.
    pub reason: Option<Reason>,
    /// The key's record, if the key is known.
    pub key: Option<&'r Record>,
    /// From the head of the request to the head of the answer.
    pub elapsed: Duration,
}

impl Access<'_> {
    /// Writes the line, if anybody wants it. The keys of none of the APIs are in it.
    pub fn log(&self) {
        self.write(None);
    }

    /// Writes the line of a request whose connection ended before the answer: the caller hung up, or the time to drain was
    /// over. `unanswered` tells it from an upstream that answers [499](Self::client_closed_request) itself.
    pub fn log_unanswered(&self) {
        self.write(Some(true));
    }

    /// The customary status of a request that nobody waits for any more, 499. It is sent to nobody.
    pub fn client_closed_request() -> StatusCode {
        StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
    }

    fn write(&self, unanswered: Option<bool>) {
        if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            return;
        }
        let environment = self.key.and_then(|key| self.api.environment(key.environment));
        tracing::info!(
            target: TARGET,
            request_id = self.request_id.as_str(),
            api = &*self.api.name,
            client = %self.client,
            // Whatever a caller writes in its place, be it a key.
            method = &*self.api.concealment().conceal(self.method.as_str()),
            path = &*self.api.concealment().conceal(self.path),
            status = self.status.as_u16(),
            reason = self.reason.map(Reason::name),
            key = self.key.map(|key| tracing::field::display(key.id)),
            account = self.key.map(|key| key.account.id().as_str()),
            environment = environment.map(|environment| &*environment.name),
            ms = milliseconds(self.elapsed),
            unanswered,
        );
    }
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}
