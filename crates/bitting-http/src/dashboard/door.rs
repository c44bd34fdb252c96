//! The ways in, and the way out.
//!
//! Each way is a module that ends with [`enter`]: it makes a session with a new id, whatever id the browser has brought, and
//! leads on to where somebody wanted to go. `OpenID` Connect and passkeys will be further ways.

mod code;
mod link;
mod sign_in;

use std::net::IpAddr;

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::member::{Token, TokenDigest};
use bitting_engine::{Admission, Engine, Entropy};
use bitting_store::{Actor, Change, Conditions, MemberRow, NewSession, Origin, PasswordHash, Sessions, SignInWay};
use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::fields::Fields;
use super::setback::Setback;
use super::submission::{DoorForm, Submission};
use super::view::{Errand, Frame, KeptPage, Place, Theme, Trouble, link as links};
use super::visitor::{Visitor, theme_of};
use super::{THEME_COOKIE, brand, cookie, respond};
use crate::service::Shared;

pub(super) use super::view::sign_in_at;
pub(super) use code::give_code;
pub(super) use link::{follow, open};
pub(super) use sign_in::{show, sign_in};

/// What stands around a page of somebody who is not signed in. The house is that of the API that they want to go to.
pub(super) fn frame(shared: &Shared, headers: &HeaderMap, next: Option<&str>) -> Frame {
    frame_in(theme_of(headers), shared, next)
}

/// The same, of somebody whose theme is known.
pub(super) fn frame_in(theme: Theme, shared: &Shared, next: Option<&str>) -> Frame {
    let apis = shared.engine.apis();
    let wanted = next.and_then(|next| next.strip_prefix("/apis/")).and_then(|rest| rest.split(['/', '?']).next());
    let api = wanted.and_then(|name| apis.protected().iter().find(|api| &*api.name == name)).map(|api| &***api);
    Frame {
        brand: brand::of(&apis, api),
        api: None,
        place: Place::Elsewhere,
        person: None,
        csrf: String::new(),
        support: brand::support(api),
        docs: brand::docs(api, false),
        theme,
        unread: 0,
    }
}

/// Shows the door to whoever has sent a form after their session had ended, and keeps what they have typed.
pub(super) fn keep(shared: &Shared, headers: &HeaderMap, path: &str, fields: &Fields) -> Response {
    let errand = Errand { next: path.to_owned(), kept: Some(fields.kept()) };
    sign_in::page(shared, headers, StatusCode::UNAUTHORIZED, errand, String::new(), false)
}

/// Where somebody wanted to go, and what they had typed there. Only a path of this server is gone to.
fn errand(fields: &Fields) -> Errand {
    Errand { next: own_path(fields.text("next")).to_owned(), kept: fields.given("kept").map(str::to_owned) }
}

/// A path of this server: what begins otherwise could lead to another.
fn own_path(text: &str) -> &str {
    let is_path = text.starts_with('/') && !text.starts_with("//") && text.len() <= 2_000;
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_path && is_plain { text } else { links::HOME }
}

/// Whoever may come in.
struct Arrival<'a> {
    shared: &'a Shared,
    headers: &'a HeaderMap,
    extensions: &'a http::Extensions,
    member: MemberRow,
    way: SignInWay,
    /// The link that they came with.
    spends: Option<TokenDigest>,
    /// The time step of the code that they gave.
    step: Option<u64>,
    /// What was kept of the password that they gave or have chosen.
    proof: Option<PasswordHash>,
}

/// Signs somebody in and leads them on.
async fn enter(arrival: Arrival<'_>, errand: Errand) -> Result<Response, Setback> {
    let Arrival { shared, headers, extensions, member, way, spends, step, proof } = arrival;
    let engine = &shared.engine;
    let mut random = [0; 32];
    Entropy.fill(&mut random).map_err(|_| Trouble::Unavailable)?;
    let token = Token::new(random);
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let session = NewSession {
        digest: token.digest(),
        way,
        expires_at: engine.now().plus(shared.reception.settings.lifetime),
        agent: agent.chars().take(200).collect(),
        spends,
        step,
        proof,
    };
    let change = Change::SignIn { api: member.api.clone(), member: member.id, session };
    engine.submit(change, origin(extensions, Actor::Member(member.id)), Conditions::default()).await?;
    end_former(engine, headers, extensions, shared.reception.is_secure()).await;
    let mut response = match errand.kept {
        None => Redirect::to(own_path(&errand.next)).into_response(),
        Some(kept) => kept_page(shared, &token, (headers, extensions), &errand.next, &kept).await?,
    };
    cookie::set(response.headers_mut(), &token, shared.reception.is_secure());
    Ok(response)
}

/// Ends the session that the browser had before: it is nobody's any more.
async fn end_former(engine: &Engine, headers: &HeaderMap, extensions: &http::Extensions, is_secure: bool) {
    let Some(former) = cookie::read(headers, is_secure) else { return };
    let idle = std::time::Duration::MAX;
    if let Ok(Some((session, member))) = engine.store().session(former.digest(), idle, engine.now()).await {
        let sessions = Sessions::One(session.digest);
        let change = Change::SignOut { api: member.row.api.clone(), member: member.row.id, sessions };
        let ended = engine.submit(change, origin(extensions, Actor::Member(member.row.id)), Conditions::default()).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "a session that was replaced could not be ended");
        }
    }
}

/// What somebody had typed, on a page of the session that has just begun.
async fn kept_page(
    shared: &Shared,
    token: &Token,
    (headers, extensions): (&HeaderMap, &http::Extensions),
    action: &str,
    kept: &str,
) -> Result<Response, Setback> {
    let visitor = Visitor::holding(token, headers, extensions, shared).await?.ok_or(Trouble::Stale)?;
    let typed = Fields::read(kept.as_bytes());
    let page = KeptPage {
        frame: visitor.frame(None, Place::Elsewhere).await?,
        action: own_path(action).to_owned(),
        fields: typed.pairs().filter(|(name, _)| *name != "csrf").map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
    };
    Ok(respond(StatusCode::OK, &page))
}

/// Who asks for a change, and from where.
fn origin(extensions: &http::Extensions, actor: Actor) -> Origin {
    let admission = extensions.get::<Admission>();
    Origin {
        actor,
        request_id: admission.map_or_else(String::new, |admission| admission.request_id.as_str().to_owned()),
        address: admission.map(|admission| admission.client),
    }
}

/// Where somebody is. What is not guarded has no client, and is refused before.
fn client(extensions: &http::Extensions) -> Result<IpAddr, Trouble> {
    extensions.get::<Admission>().map(|admission| admission.client).ok_or(Trouble::NotFound)
}

/// `POST /sign-out`
pub(super) async fn sign_out(Submission { visitor, .. }: Submission) -> Response {
    let sessions = Sessions::One(visitor.session.digest);
    let change = Change::SignOut { api: visitor.member.api.clone(), member: visitor.member.id, sessions };
    if let Err(error) = visitor.submit(change, Conditions::default()).await {
        return Setback::from(error).response(&visitor).await;
    }
    let mut response = Redirect::to(links::SIGN_IN).into_response();
    cookie::forget(response.headers_mut(), visitor.shared.reception.is_secure());
    response
}

/// `POST /theme`
pub(super) async fn choose_theme(DoorForm { fields, headers, .. }: DoorForm) -> Response {
    let theme = if fields.text("theme") == "dark" { Theme::Dark } else { Theme::Light };
    let referer = headers.get(http::header::REFERER).and_then(|referer| referer.to_str().ok());
    let back = referer.and_then(|referer| referer.parse::<http::Uri>().ok());
    let back = back.as_ref().and_then(|uri| uri.path_and_query()).map_or("/", |path| path.as_str());
    let mut response = Redirect::to(own_path(back)).into_response();
    let cookie = format!("{THEME_COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax", theme.attribute().unwrap_or_default());
    response.headers_mut().extend(HeaderValue::from_str(&cookie).ok().map(|value| (SET_COOKIE, value)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_led_to_another_server() {
        for good in ["/", "/apis/shop/keys?q=a%20b&env=live", "/you"] {
            assert_eq!(own_path(good), good);
        }
        for wrong in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\nx", "/é", "evil"]
        {
            assert_eq!(own_path(wrong), "/", "{wrong:?}");
        }
    }
}
