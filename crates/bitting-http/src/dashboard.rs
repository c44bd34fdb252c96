//! The dashboard: where people make keys, see what they did, and end them.
//!
//! Pages are written by the server and need no script. A page is a struct in [`view`] that takes rows and plain values and
//! does no I/O; a handler reads, fills it in and [`respond`]s. A client-side application was rejected: it would need an
//! interface of its own to keep, and nothing here waits for anything but the server.

mod accounts;
mod address;
mod assets;
mod attempts;
mod audit_log;
mod bans;
mod brand;
mod code;
mod cookie;
mod docs;
mod door;
mod events;
mod fields;
#[cfg(test)]
mod fixture;
mod home;
mod keys;
mod members;
mod once;
mod password;
mod reception;
mod refusals;
mod respond;
mod setback;
mod submission;
mod usage;
mod view;
mod visitor;
mod webhooks;
mod welcome;
mod you;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use bitting_core::member::Token;
use http::HeaderMap;

use self::view::link;
use crate::service::Shared;

pub(crate) use assets::{asset, logo};
pub(crate) use docs::file as docs_file;
pub(crate) use reception::Reception;
pub use reception::{DashboardSettings, InvalidPublicUrl, PublicUrl};
pub(crate) use respond::respond;
pub(crate) use view::thousands;
pub use welcome::{NotWelcomed, welcome};

/// The page for what is not there.
pub(crate) fn nothing_here(shared: &Shared, headers: &HeaderMap) -> Response {
    setback::Setback::from(view::Trouble::NotFound).for_nobody(shared, headers)
}

/// Where a path of an API's own leads.
pub(crate) fn elsewhere(shared: &Shared, path: &str) -> Option<Response> {
    let apis = shared.engine.apis();
    let led = apis.protected().iter().find(|api| api.brand.path.as_deref() == Some(path))?;
    Some(Redirect::to(&view::ApiLinks::new(&led.name).keys()).into_response())
}

/// A one-time link, below where the dashboard is reached.
pub fn one_time_link(url: &str, token: &Token) -> String {
    format!("{url}{}", link::one_time(token.expose()))
}

/// The cookie that says light or dark.
const THEME_COOKIE: &str = "bitting_theme";

/// Every page.
pub(crate) fn pages() -> Router<Shared> {
    Router::new()
        .route("/assets/{name}", get(asset))
        .route("/assets/logo/{api}", get(logo))
        .route(link::SIGN_IN, get(door::show).post(door::sign_in))
        .route(link::SECOND_FACTOR, post(door::give_code))
        .route(link::SIGN_OUT, post(door::sign_out))
        .route(link::LINK, get(door::open).post(door::follow))
        .route(link::THEME, post(door::choose_theme))
        .route(link::YOU, get(you::show))
        .route(link::SESSIONS, post(you::end_sessions))
        .route(link::PASSWORD, post(you::change_password))
        .route(link::YOUR_SECOND_FACTOR, get(you::offer_second_factor).post(you::set_second_factor))
        .route(link::MEMBERS, get(members::own).post(members::invite_own))
        .route("/members/{id}/link", post(members::make_link))
        .route("/members/{id}/disable", post(members::disable))
        .route("/members/{id}/enable", post(members::enable))
        .route("/members/{id}/remove-second-factor", post(members::remove_second_factor))
        .route(link::HOME, get(home::show))
        .route("/apis/{api}/keys", get(keys::list))
        .route("/apis/{api}/keys/live", get(keys::live))
        .route("/apis/{api}/keys/new", get(keys::ask).post(keys::create))
        .route("/apis/{api}/keys/{id}", get(keys::show))
        .route("/apis/{api}/keys/{id}/live", get(keys::live_one))
        .route("/apis/{api}/keys/{id}/edit", get(keys::edit).post(keys::change))
        .route("/apis/{api}/keys/{id}/rotate", get(keys::ask_rotate).post(keys::rotate))
        .route("/apis/{api}/keys/{id}/extend", get(keys::ask_extend).post(keys::extend))
        .route("/apis/{api}/keys/{id}/revoke", get(keys::ask_revoke).post(keys::revoke))
        .route("/apis/{api}/keys/{id}/switch", get(keys::ask_switch).post(keys::switch))
        .route("/apis/{api}/accounts", get(accounts::list).post(accounts::create))
        .route("/apis/{api}/accounts/new", get(accounts::ask))
        .route("/apis/{api}/accounts/{id}", get(accounts::show).post(accounts::update))
        .route("/apis/{api}/usage", get(usage::show))
        .route("/apis/{api}/usage.csv", get(usage::csv))
        .route("/apis/{api}/events", get(events::list))
        .route("/apis/{api}/events/read", post(events::mark_read))
        .route("/apis/{api}/events/live", get(events::live))
        .route("/apis/{api}/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/apis/{api}/webhooks/new", get(webhooks::ask))
        .route("/apis/{api}/webhooks/{id}", get(webhooks::show))
        .route("/apis/{api}/webhooks/{id}/edit", get(webhooks::edit).post(webhooks::change))
        .route("/apis/{api}/webhooks/{id}/switch", post(webhooks::switch))
        .route("/apis/{api}/webhooks/{id}/rotate", post(webhooks::rotate))
        .route("/apis/{api}/webhooks/{id}/test", post(webhooks::test))
        .route("/apis/{api}/webhooks/{id}/delete", post(webhooks::delete))
        .route("/apis/{api}/webhooks/{id}/deliveries/{delivery}", get(webhooks::delivery).post(webhooks::send_again))
        .route("/apis/{api}/bans", get(bans::list).post(bans::lift))
        .route("/apis/{api}/audit-log", get(audit_log::show))
        .route("/apis/{api}/docs", get(docs::show))
        .route("/apis/{api}/docs/authentication.md", get(docs::markdown))
        .route("/apis/{api}/docs/llms.txt", get(docs::llms))
        .route("/apis/{api}/docs/openapi.json", get(docs::document))
        .route("/llms.txt", get(docs::index))
        .route("/apis/{api}/members", get(members::of_api).post(members::invite_to_api))
}
