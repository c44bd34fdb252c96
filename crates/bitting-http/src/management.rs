//! Managing keys and accounts: the same handlers for keys that manage keys, on the gateway, and for operators, on the
//! service listener.
//!
//! A handler takes a [`Caller`](crate::caller::Caller), which knows the API and how far the caller's word goes. What may be
//! changed is decided by the engine, on the rows as they are, and not here. Two sets of handlers were rejected: what one
//! forgets, the other allows.

mod accounts;
mod audit_log;
mod bans;
mod events;
mod id;
mod keys;
mod leak_reports;
mod overlap;
mod portal_sessions;
mod usage;
mod webhooks;

pub(crate) use self::events::Followers;
pub(crate) use self::keys::sample as sample_of_keys;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::service::Shared;

/// The keys of one API, below the path at which they are managed. Each route brings its part of the document.
pub(crate) fn keys() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::show, keys::update, keys::revoke))
        .routes(routes!(keys::rotate))
}

/// Everything that operators manage of one API.
pub(crate) fn of_operators() -> OpenApiRouter<Shared> {
    OpenApiRouter::default()
        .nest("/v1/apis/{api}/api-keys", keys())
        .routes(routes!(keys::import))
        .routes(routes!(keys::bulk_revoke))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::show, accounts::update))
        .routes(routes!(audit_log::list))
        .routes(routes!(events::list))
        .routes(routes!(events::follow))
        .routes(routes!(usage::read))
        .routes(routes!(bans::list))
        .routes(routes!(bans::lift))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::update, webhooks::delete))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::delivery))
        .routes(routes!(webhooks::resend))
        .routes(routes!(portal_sessions::open))
        .routes(routes!(leak_reports::report))
}
