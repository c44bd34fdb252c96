//! `/sign-in`: e-mail address and password.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::api::Api;
use bitting_store::SignInWay;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{Arrival, enter, errand, frame, own_path};
use crate::dashboard::address::Query;
use crate::dashboard::attempts::Tried;
use crate::dashboard::password::{Password, Unanswered};
use crate::dashboard::respond;
use crate::dashboard::setback::Setback;
use crate::dashboard::submission::DoorForm;
use crate::dashboard::view::{CodePage, Errand, SignInPage, Trouble, link as links};
use crate::dashboard::visitor::Visitor;
use crate::service::Shared;

/// Where somebody wants to go.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::dashboard) struct Wish {
    next: String,
}

/// `GET /sign-in`
pub(in crate::dashboard) async fn show(
    State(shared): State<Shared>,
    visitor: Result<Visitor, Response>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Response {
    let next = if wish.next.is_empty() { links::HOME } else { own_path(&wish.next) };
    if visitor.is_ok() {
        return Redirect::to(next).into_response();
    }
    page(&shared, &headers, StatusCode::OK, Errand { next: next.to_owned(), kept: None }, String::new(), false)
}

/// The page, also after an attempt that failed.
pub(super) fn page(
    shared: &Shared,
    headers: &HeaderMap,
    status: StatusCode,
    errand: Errand,
    email: String,
    has_failed: bool,
) -> Response {
    let apis = shared.engine.apis();
    let site = |api: &Api| api.brand.site.as_deref().map(str::to_owned);
    let site =
        apis.protected().iter().find(|api| errand.next.starts_with(&format!("/apis/{}/", api.name))).and_then(|api| site(api));
    let frame = frame(shared, headers, Some(&errand.next));
    respond(status, &SignInPage { frame, errand, email, has_failed, site, note: None })
}

/// `POST /sign-in`
pub(in crate::dashboard) async fn sign_in(State(shared): State<Shared>, form: DoorForm) -> Response {
    match attempt(&shared, &form).await {
        Ok(response) => response,
        Err(setback) => setback.for_nobody(&shared, &form.headers),
    }
}

async fn attempt(shared: &Shared, form: &DoorForm) -> Result<Response, Setback> {
    let DoorForm { fields, headers, extensions } = form;
    let (reception, now, client) = (&shared.reception, shared.engine.now(), super::client(extensions)?);
    let email = fields.text("email").trim().to_lowercase();
    let begun = reception.attempts.begin(Tried::email(&email), client, now);
    let attempt = begun.map_err(|again_at| Trouble::TooMany { again_at })?;
    let password = Password::new(fields.text("password").to_owned());
    let judged = attempt.judged(async {
        let found = shared.engine.store().member_by_email(&email).await?.filter(|member| member.row.enabled);
        let kept = found.as_ref().and_then(|member| member.password.clone());
        let is_right = reception.hasher.verify(password, kept.clone()).await?;
        Ok::<_, Setback>((found.filter(|_| is_right), kept))
    });
    let (attempt, (found, kept)) = judged.await?;
    let errand = errand(fields);
    let (Some(member), Some(proof)) = (found, kept) else {
        tracing::info!(%client, "somebody could not sign in");
        return Ok(page(shared, headers, StatusCode::UNAUTHORIZED, errand, email, true));
    };
    if member.second_factor.is_some() {
        attempt.taken_back();
        let half_way = reception.half_way.enter(member.row.id, proof, now).map_err(|_| Trouble::Unavailable)?;
        let frame = frame(shared, headers, Some(&errand.next));
        let page = CodePage { frame, errand, half_way: half_way.expose().to_owned(), has_failed: false };
        return Ok(respond(StatusCode::OK, &page));
    }
    attempt.succeeded();
    let (member, way, proof) = (member.row, SignInWay::Password, Some(proof));
    enter(Arrival { shared, headers, extensions, member, way, spends: None, step: None, proof }, errand).await
}

impl From<Unanswered> for Setback {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Busy | Unanswered::Failed => Trouble::Unavailable.into(),
        }
    }
}
