//! JSON bodies, with errors that name the field.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The most bytes that a request's body may have.
const LIMIT: usize = 1 << 20;

/// How long it may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A body that was read, or one to send; what is sent is not stored by anybody.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send a JSON object with Content-Type: application/json";
            return Err(Problem::unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let body = Limited::new(request.into_body(), LIMIT).collect();
        let body = tokio::time::timeout(TIMEOUT, body).await.map_err(|_| {
            Problem::unreadable(StatusCode::REQUEST_TIMEOUT, format!("the body took longer than {} s", TIMEOUT.as_secs()))
        })?;
        let body = body.map_err(|error| {
            if error.downcast_ref::<LengthLimitError>().is_some() {
                Problem::unreadable(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {LIMIT} bytes"))
            } else {
                Problem::unreadable(StatusCode::BAD_REQUEST, "the body ended before its time")
            }
        })?;
        let body = body.to_bytes();
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            Problem::unreadable(StatusCode::BAD_REQUEST, format!("the body is not what it should be: {}", said(&error)))
        })
    }
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

/// What is wrong, without any value that was sent, which `serde_json` quotes: one of the wrong type could be a key.
fn said(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    let words = ["missing field", "unknown field", "duplicate field"];
    match words.into_iter().find(|word| text.starts_with(word)) {
        Some(_) => text,
        None if error.is_syntax() || error.is_eof() => format!("no JSON at {place}"),
        None => format!("a value of the wrong type at {place}"),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
