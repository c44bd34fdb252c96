//! `/link`: one-time links, with which people come for the first time, choose another password, or are sent by the API's own
//! site.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::member::Token;
use bitting_engine::{CommitError, InvalidChange};
use bitting_store::{Actor, Change, Conditions, LinkPurpose, LinkRow, MemberPatch, Refusal, SignInWay, StoredMember};
use http::header::REFERRER_POLICY;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;

use super::{Arrival, enter, frame, origin};
use crate::dashboard::address::Query;
use crate::dashboard::attempts::Tried;
use crate::dashboard::password::{Password, SHORTEST};
use crate::dashboard::respond;
use crate::dashboard::setback::Setback;
use crate::dashboard::submission::DoorForm;
use crate::dashboard::view::{ApiLinks, Errand, JoinPage, SwitchPage, Trouble, link as links, sign_in_at};
use crate::dashboard::visitor::Visitor;
use crate::service::Shared;

/// The link's secret.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::dashboard) struct Secret {
    token: String,
}

/// What is wrong with what somebody says of themselves.
#[derive(Default)]
struct Wrong {
    name: Option<String>,
    email: Option<String>,
    password: Option<String>,
}

/// `GET /link`
pub(in crate::dashboard) async fn open(
    State(shared): State<Shared>,
    visitor: Result<Visitor, Response>,
    Query(secret): Query<Secret>,
    parts: Parts,
) -> Response {
    let headers = &parts.headers;
    if let Some(nobody) = looks_ahead(&parts) {
        return nobody;
    }
    let visitor = visitor.ok();
    let opened = async {
        let (token, link, member) = look_up(&shared, &secret.token).await?;
        match (link.purpose, visitor) {
            (LinkPurpose::Portal, Some(present)) if present.member.id != member.row.id => {
                let (present, arriving) = (present.member.name.clone(), member.row.name.clone());
                let frame = frame(&shared, headers, Some(&home_of(&member)));
                Ok(respond(StatusCode::OK, &SwitchPage { frame, token: token.expose().to_owned(), present, arriving }))
            }
            (LinkPurpose::Portal, _) => come_in(&shared, headers, &parts.extensions, &token, member).await,
            (LinkPurpose::Invitation | LinkPurpose::Reset, _) => {
                Ok(join_page(&shared, headers, &token, &link, &member, None, Wrong::default()))
            }
        }
    };
    quietly(opened.await.unwrap_or_else(|setback: Setback| setback.for_nobody(&shared, headers)))
}

/// The answer to a program that only looks where a link leads, as mail programs and browsers do before anybody follows it: it
/// must not use the link up. No answer that succeeds, since a browser would show it in place of the page.
fn looks_ahead(parts: &Parts) -> Option<Response> {
    let purpose = parts.headers.get("sec-purpose").and_then(|purpose| purpose.to_str().ok()).unwrap_or_default();
    if parts.method == Method::HEAD {
        Some(StatusCode::METHOD_NOT_ALLOWED.into_response())
    } else if purpose.contains("prefetch") {
        Some(StatusCode::SERVICE_UNAVAILABLE.into_response())
    } else {
        None
    }
}

/// `POST /link`
pub(in crate::dashboard) async fn follow(State(shared): State<Shared>, form: DoorForm) -> Response {
    let followed = async {
        let (token, link, member) = look_up(&shared, form.fields.text("token")).await?;
        match link.purpose {
            LinkPurpose::Portal => come_in(&shared, &form.headers, &form.extensions, &token, member).await,
            LinkPurpose::Invitation | LinkPurpose::Reset => join(&shared, &form, &token, &link, member).await,
        }
    };
    quietly(followed.await.unwrap_or_else(|setback: Setback| setback.for_nobody(&shared, &form.headers)))
}

async fn look_up(shared: &Shared, token: &str) -> Result<(Token, LinkRow, StoredMember), Setback> {
    let token = Token::presented(token).ok_or(Trouble::LinkUsed)?;
    let found = shared.engine.store().link(token.digest(), shared.engine.now()).await?;
    let (link, member) = found.ok_or(Trouble::LinkUsed)?;
    Ok((token, link, member))
}

/// Somebody whom the API's own site sends.
async fn come_in(
    shared: &Shared,
    headers: &HeaderMap,
    extensions: &http::Extensions,
    token: &Token,
    member: StoredMember,
) -> Result<Response, Setback> {
    let errand = Errand { next: home_of(&member), kept: None };
    let spends = Some(token.digest());
    let (member, way) = (member.row, SignInWay::Portal);
    enter(Arrival { shared, headers, extensions, member, way, spends, step: None, proof: None }, errand).await
}

/// Takes the password that somebody has chosen, and signs them in unless they owe a code.
async fn join(
    shared: &Shared,
    form: &DoorForm,
    token: &Token,
    link: &LinkRow,
    member: StoredMember,
) -> Result<Response, Setback> {
    let DoorForm { fields, headers, extensions } = form;
    let email = member.row.email.clone().unwrap_or_else(|| fields.text("email").trim().to_lowercase());
    let name = Some(fields.text("name").trim()).filter(|_| member.row.name.is_empty());
    let password = Password::new(fields.text("password").to_owned());
    let mut wrong = Wrong { password: password.weakness(&email), ..Wrong::default() };
    if name.is_some_and(str::is_empty) {
        wrong.name = Some("Write the name that others know you by.".to_owned());
    }
    let again = |wrong| Ok(join_page(shared, headers, token, link, &member, Some(fields), wrong));
    if wrong.password.is_some() || wrong.name.is_some() {
        return again(wrong);
    }
    let chosen = shared.reception.hasher.hash(password).await?;
    let patch = MemberPatch {
        name: name.map(str::to_owned),
        email: member.row.email.is_none().then(|| email.clone()),
        password: Some(chosen.clone()),
        spends: Some(token.digest()),
        ..MemberPatch::default()
    };
    let (api, id) = (member.row.api.clone(), member.row.id);
    let change = Change::UpdateMember { api, member: id, patch: Box::new(patch) };
    match shared.engine.submit(change, origin(extensions, Actor::Member(id)), Conditions::default()).await {
        Ok(_) => {}
        Err(CommitError::Refused(Refusal::MemberExists)) => {
            wrong.email = Some("Somebody signs in with this address already.".to_owned());
            return again(wrong);
        }
        Err(CommitError::Invalid(InvalidChange::Fields(violations))) => {
            for violation in violations {
                let of = if violation.field == "name" { &mut wrong.name } else { &mut wrong.email };
                *of = Some(violation.message);
            }
            return again(wrong);
        }
        Err(error) => return Err(error.into()),
    }
    shared.reception.attempts.forget(Tried::email(&email));
    if member.second_factor.is_some() {
        // A link alone does not stand in for the second factor.
        return Ok(Redirect::to(&sign_in_at(links::HOME)).into_response());
    }
    let errand = Errand { next: home_of(&member), kept: None };
    let (member, way, proof) = (member.row, SignInWay::Link, Some(chosen));
    enter(Arrival { shared, headers, extensions, member, way, spends: None, step: None, proof }, errand).await
}

fn join_page(
    shared: &Shared,
    headers: &HeaderMap,
    token: &Token,
    link: &LinkRow,
    member: &StoredMember,
    typed: Option<&crate::dashboard::fields::Fields>,
    wrong: Wrong,
) -> Response {
    let is_wrong = wrong.name.is_some() || wrong.email.is_some() || wrong.password.is_some();
    let text = |name| typed.map_or("", |typed| typed.text(name)).to_owned();
    let page = JoinPage {
        frame: frame(shared, headers, Some(&home_of(member))),
        token: token.expose().to_owned(),
        is_reset: link.purpose == LinkPurpose::Reset,
        is_first: member.row.is_operator() && member.row.is_awaited() && member.row.created_by == "system",
        name: member.row.name.is_empty().then(|| text("name")),
        asks_email: member.row.email.is_none(),
        email: member.row.email.clone().unwrap_or_else(|| text("email")),
        name_error: wrong.name,
        email_error: wrong.email,
        password_error: wrong.password,
        shortest: SHORTEST,
    };
    respond(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// Where a member begins.
fn home_of(member: &StoredMember) -> String {
    if member.row.is_operator() { links::HOME.to_owned() } else { ApiLinks::new(&member.row.api).keys() }
}

/// The address of the page is a secret, so it is told to nobody.
fn quietly(mut response: Response) -> Response {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
