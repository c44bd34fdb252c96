//! Managing keys and accounts: the same handlers for keys that manage keys, on the gateway, and for operators, on the
//! service listener.
//!
//! A handler takes a [`Caller`](crate::caller::Caller), which knows the API and how far the caller's word goes. What may be
//! changed is decided by the engine, on the rows as they are, and not here. Two sets of handlers were rejected: what one
//! forgets, the other allows.

mod accounts;
mod audit_log;
mod id;
mod keys;

use axum::Router;
use axum::routing::{get, post};

use crate::guard;
use crate::service::Shared;

/// The keys of one API, below the path at which they are managed.
pub(crate) fn keys() -> Router<Shared> {
    Router::new()
        .route("/", get(keys::list).post(keys::create))
        .route("/{id}", get(keys::show).patch(keys::update).delete(keys::revoke))
        .route("/{id}/rotate", post(keys::rotate))
        .method_not_allowed_fallback(guard::method_not_allowed)
        .fallback(guard::nothing_here)
}

/// Everything that operators manage of one API.
pub(crate) fn of_operators() -> Router<Shared> {
    Router::new()
        .nest("/v1/apis/{api}/api-keys", keys())
        .route("/v1/apis/{api}/api-keys:import", post(keys::import))
        .route("/v1/apis/{api}/api-keys:revoke", post(keys::bulk_revoke))
        .route("/v1/apis/{api}/accounts", get(accounts::list).post(accounts::create))
        .route("/v1/apis/{api}/accounts/{id}", get(accounts::show).patch(accounts::update))
        .route("/v1/apis/{api}/audit-log", get(audit_log::list))
}
