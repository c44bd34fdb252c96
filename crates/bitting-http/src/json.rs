//! JSON bodies, with errors that name the field.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use bitting_core::reason::Reason;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::fault::Fault;

/// The most bytes that a request's body may have.
pub(crate) const LIMIT: usize = 1 << 20;

/// How long it may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A body that was read, or one to send; what is sent is not stored by anybody.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Fault> {
        let body = body(request).await?;
        read(&body).map(Self)
    }
}

/// A body with the digest of its bytes, by which a repeated request is known.
pub(crate) struct Digested<T> {
    pub(crate) value: T,
    pub(crate) digest: [u8; 32],
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Digested<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Fault> {
        let body = body(request).await?;
        Ok(Self { value: read(&body)?, digest: Sha256::digest(&body).into() })
    }
}

/// All of a JSON body.
async fn body(request: Request) -> Result<Bytes, Fault> {
    if !is_json(request.headers()) {
        return Err(not_json());
    }
    bytes(request, LIMIT).await
}

/// All of a body of any kind.
pub(crate) async fn bytes(request: Request, limit: usize) -> Result<Bytes, Fault> {
    let body = Limited::new(request.into_body(), limit).collect();
    let body = tokio::time::timeout(TIMEOUT, body)
        .await
        .map_err(|_| Fault::invalid(format!("the body took longer than {} s", TIMEOUT.as_secs())))?;
    let body = body.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            too_large(limit)
        } else {
            Fault::invalid("the body ended before its time")
        }
    })?;
    Ok(body.to_bytes())
}

/// A body that says itself that it is something else.
pub(crate) fn not_json() -> Fault {
    Fault::of(Reason::UnsupportedMediaType, "send a JSON object with Content-Type: application/json")
}

/// A body that goes on after the most that is read.
pub(crate) fn too_large(limit: usize) -> Fault {
    Fault::of(Reason::PayloadTooLarge, format!("the body is larger than {limit} bytes"))
}

/// Reads a body, and says in which field it is wrong.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    if body.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        // A list would be read as the fields in their order.
        return Err(Fault::invalid("the body is a value of the wrong type: send a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let said = said(error.inner());
        if path == "." {
            Fault::invalid(format!("the body is not what it should be: {said}"))
        } else {
            Fault::field(&path, said)
        }
    });
    let value = read?;
    json.end().map_err(|error| Fault::invalid(format!("the body is not what it should be: {}", said(&error))))?;
    Ok(value)
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// As people read it, for documentation.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // What is documented is what is sent, and that can be written.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What is wrong, without any value that was sent, which `serde_json` quotes: one of the wrong type could be a key.
fn said(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    let words = ["missing field", "unknown field", "duplicate field"];
    match words.into_iter().find(|word| text.starts_with(word)) {
        // The field's name says where; its line and column add nothing.
        Some(_) => text.split(" at line").next().unwrap_or_default().to_owned(),
        None if error.is_syntax() || error.is_eof() => format!("no JSON at {place}"),
        None => format!("a value of the wrong type at {place}"),
    }
}

/// Whether a body may be JSON: it says so, or nothing.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let value = value.to_str().unwrap_or_default();
    value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
