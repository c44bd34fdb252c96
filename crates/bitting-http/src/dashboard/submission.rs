//! A form that was sent by whoever is signed in, from a page that was given to them.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use bitting_core::member::Token;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use super::door;
use super::fields::Fields;
use super::setback::Setback;
use super::view::Trouble;
use super::visitor::Visitor;
use crate::service::Shared;

/// A form of theirs. A handler that takes one is not reached by a form that somebody else has made them send.
pub(crate) struct Submission {
    pub(crate) visitor: Visitor,
    pub(crate) fields: Fields,
}

/// A form of somebody who need not be signed in, from a page of the dashboard.
pub(super) struct DoorForm {
    pub(super) fields: Fields,
    pub(super) headers: HeaderMap,
    pub(super) extensions: http::Extensions,
}

/// The most bytes of a form: a description and a list of a hundred networks, several times over.
const LARGEST: usize = 256 << 10;

impl FromRequest<Shared> for Submission {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let read = async {
            let fields = read(&parts.method, &parts.headers, body, shared).await?;
            Ok::<_, Setback>((Visitor::of(&parts.headers, &parts.extensions, shared).await?, fields))
        };
        let (visitor, fields) = read.await.map_err(|setback| setback.for_nobody(shared, &parts.headers))?;
        let Some(visitor) = visitor else {
            // Whatever they have typed waits for them behind the door.
            return Err(door::keep(shared, &parts.headers, parts.uri.path(), &fields));
        };
        let is_given = Token::presented(fields.text("csrf")).is_some_and(|given| given.digest() == visitor.form_token.digest());
        if is_given { Ok(Self { visitor, fields }) } else { Err(Setback::from(Trouble::Stale).response(&visitor).await) }
    }
}

impl FromRequest<Shared> for DoorForm {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        match read(&parts.method, &parts.headers, body, shared).await {
            Ok(fields) => Ok(Self { fields, headers: parts.headers, extensions: parts.extensions }),
            Err(setback) => Err(setback.for_nobody(shared, &parts.headers)),
        }
    }
}

async fn read(method: &Method, headers: &HeaderMap, body: Body, shared: &Shared) -> Result<Fields, Setback> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded");
    if method != Method::POST || !is_form {
        return Err(Trouble::Unreadable.into());
    }
    if !shared.reception.is_own_form(headers) {
        return Err(Trouble::Stale.into());
    }
    let bytes = to_bytes(body, LARGEST).await.map_err(|_| Trouble::Unreadable)?;
    Ok(Fields::read(&bytes))
}
