//! The line that a request leaves in the access log.

use std::sync::Arc;
use std::time::Instant;

use bitting_core::address::Client;
use bitting_core::reason::Reason;
use bitting_core::record::Record;
use bitting_engine::access::Access;
use bitting_engine::{Denial, Permit, RequestId, ServedApi};
use http::request::Parts;
use http::{Method, StatusCode, Uri};

/// The line while it is not written. It is written when this is dropped, so that a request which went upstream has one
/// even if its caller hangs up: hyper then drops everything that was at work for it.
pub(crate) struct AccessLine {
    started: Instant,
    request_id: RequestId,
    client: Client,
    method: Method,
    uri: Uri,
    decided: Option<Decided>,
    status: Option<StatusCode>,
}

struct Decided {
    api: Arc<ServedApi>,
    reason: Option<Reason>,
    key: Option<Arc<Record>>,
}

impl AccessLine {
    /// For a request whose head has just arrived.
    pub(crate) fn begin(request_id: RequestId, client: Client, head: &Parts) -> Self {
        Self {
            started: Instant::now(),
            request_id,
            client,
            method: head.method.clone(),
            uri: head.uri.clone(),
            decided: None,
            status: None,
        }
    }

    /// The request's id.
    pub(crate) fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Where the request came from.
    pub(crate) fn client(&self) -> Client {
        self.client
    }

    /// It is about an API, and nobody's key.
    pub(crate) fn concerns(&mut self, api: Arc<ServedApi>) {
        self.decided = Some(Decided { api, reason: None, key: None });
    }

    /// The request may pass.
    pub(crate) fn admitted(&mut self, permit: &Permit) {
        self.decided = Some(Decided { api: Arc::clone(permit.api()), reason: None, key: permit.key().cloned() });
    }

    /// Bitting refuses, or answers for an upstream that cannot.
    pub(crate) fn refused(&mut self, denial: &Denial) {
        let (api, key) = (Arc::clone(denial.api()), denial.key().cloned());
        self.decided = Some(Decided { api, reason: Some(denial.reason()), key });
    }

    /// The answer is ready. The line is written when what this returns is dropped.
    pub(crate) fn answered(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        // Between arrival and decision nothing waits, so nobody can hang up there.
        let Some(Decided { api, reason, key }) = &self.decided else { return };
        let access = Access {
            request_id: &self.request_id,
            api,
            client: self.client.address(),
            method: &self.method,
            path: self.uri.path(),
            status: self.status.unwrap_or_else(Access::client_closed_request),
            reason: *reason,
            key: key.as_deref(),
            elapsed: self.started.elapsed(),
        };
        if self.status.is_some() { access.log() } else { access.log_unanswered() }
    }
}
