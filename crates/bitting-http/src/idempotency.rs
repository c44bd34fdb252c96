//! `Idempotency-Key`: a request that is repeated changes nothing twice.
//!
//! The store keeps what the first one did together with the change. Here is only what must not wait for it: two of the
//! same at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use bitting_core::reason::Reason;
use bitting_store::Idempotency;
use http::HeaderName;
use http::request::Parts;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::service::Shared;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says on an answer that it is the one that was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The requests with an idempotency key that are being answered.
pub(crate) type InFlight = Arc<Mutex<HashSet<(String, String)>>>;

/// What the caller calls this request, if they have a name for it.
pub(crate) struct Once {
    path: String,
    key: Option<String>,
}

/// A request that no other of the same name runs beside.
pub(crate) struct Alone {
    in_flight: InFlight,
    name: (String, String),
}

impl FromRequestParts<Shared> for Once {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _shared: &Shared) -> Result<Self, Fault> {
        let wrong = || Fault::field("Idempotency-Key", "write 1 to 255 visible ASCII characters");
        let key = match parts.headers.get(IDEMPOTENCY_KEY) {
            None => None,
            Some(value) => {
                let text = value.to_str().map_err(|_| wrong())?;
                let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
                Some(text.to_owned()).filter(|_| fits).ok_or_else(wrong).map(Some)?
            }
        };
        Ok(Self { path: parts.uri.path().to_owned(), key })
    }
}

impl Once {
    /// The condition for the change, and the place of the request while it is answered.
    pub(crate) fn claim(self, caller: &Caller, fingerprint: [u8; 32]) -> Result<Option<(Idempotency, Alone)>, Fault> {
        let Some(key) = self.key else { return Ok(None) };
        let scope = format!("{} {} POST {}", caller.id(), caller.api.name, self.path);
        let name = (scope.clone(), key.clone());
        let in_flight = Arc::clone(&caller.shared.in_flight);
        if !in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return Err(Fault::of(Reason::Conflict, "A request with this idempotency key is still being answered."));
        }
        Ok(Some((Idempotency { scope, key, fingerprint }, Alone { in_flight, name })))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}
