//! `Idempotency-Key`: a request that is repeated changes nothing twice.
//!
//! The store keeps what the first one did together with the change. Here is only what must not wait for it: two of the
//! same at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use bitting_core::reason::Reason;
use bitting_store::{Committed, Conditions, Idempotency};
use http::HeaderName;
use http::request::Parts;
use utoipa::IntoParams;

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

/// A request that no other of the same name runs beside, and that was not answered before.
pub(crate) struct Claim {
    idempotency: Option<Idempotency>,
    in_flight: InFlight,
    name: (String, String),
}

/// It in the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the header is read by `Once`")]
pub(crate) struct OnceHeader {
    /// Your name for this request. If it is sent again within a day it changes nothing, and the answer is the same but for
    /// the key's text.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$",
        example = "order-2026-10-14-1"
    )]
    idempotency_key: String,
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
    /// Takes the request's place while it is answered. `Err` is what it did before, if it was answered before; whatever has
    /// become of its subject since, the answer is the same.
    pub(crate) async fn claim(self, caller: &Caller, fingerprint: [u8; 32]) -> Result<Result<Claim, Box<Committed>>, Fault> {
        let in_flight = Arc::clone(&caller.shared.in_flight);
        let Some(key) = self.key else {
            return Ok(Ok(Claim { idempotency: None, in_flight, name: Default::default() }));
        };
        let scope = format!("{} {} POST {}", caller.id(), caller.api.name, self.path);
        let name = (scope.clone(), key.clone());
        if !in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return Err(Fault::of(Reason::Conflict, "A request with this idempotency key is still being answered."));
        }
        let idempotency = Idempotency { scope, key, fingerprint };
        let claim = Claim { idempotency: Some(idempotency.clone()), in_flight, name };
        let engine = &caller.shared.engine;
        match engine.store().remembered(idempotency, engine.now()).await? {
            Some(before) => Ok(Err(Box::new(before?))),
            None => Ok(Ok(claim)),
        }
    }
}

impl Claim {
    /// What must hold for the request's change.
    pub(crate) fn conditions(&self) -> Conditions {
        Conditions { idempotency: self.idempotency.clone(), ..Conditions::default() }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.idempotency.is_some() {
            self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        }
    }
}
