//! `…/bans`: the addresses that are banned for presenting invalid keys.

use std::cmp::Reverse;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::response::{IntoResponse, Response};
use bitting_core::ban::{Ban, ClientNetwork};
use bitting_core::time::Timestamp;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};
use crate::service::Shared;

/// Which part of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListBans {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A client that is refused for a while, for presenting invalid keys.
#[derive(Serialize, ToSchema)]
#[schema(as = Ban)]
pub(crate) struct BanView {
    /// An address, or the /64 of IPv6 addresses.
    #[schema(examples("203.0.113.7", "2001:db8:1:2::/64"))]
    address: String,
    #[schema(value_type = words::Time)]
    since: Timestamp,
    /// From then on it is free again.
    #[schema(value_type = words::Time)]
    until: Timestamp,
    /// How many invalid keys it took.
    failures: u32,
}

/// `{address}` of the path.
pub(crate) struct BannedAddress(ClientNetwork);

/// It in the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the path is read by `BannedAddress`")]
pub(crate) struct BannedAddressPath {
    /// An address. Of IPv6 any of its /64 will do.
    #[param(value_type = words::Network)]
    address: String,
}

/// List banned addresses
///
/// The latest first. Only an API that has `[api.bans]` bans anybody.
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/bans",
    operation_id = "listBans",
    tag = "bans",
    params(PageParameters),
    responses((status = 200, description = "A page of bans", body = page::Page<BanView>)),
)]
pub(crate) async fn list(caller: Caller, query: Result<Query<ListBans>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let page = Asked::<(Timestamp, String)>::new(asked.limit, asked.cursor.as_deref(), &(&*caller.api.name, "bans"))?;
    let after = page.after.as_ref().and_then(|(since, address)| Some((Reverse(*since), address.parse().ok()?)));
    let mut bans = caller.shared.engine.bans(&caller.api);
    if let Some(after) = after {
        bans.retain(|ban| (Reverse(ban.since), ban.network) > after);
    }
    bans.truncate(page.reading());
    Ok(Json(page.page(bans, |last| (last.since, last.network.to_string()), BanView::from)).into_response())
}

/// Lift a ban
///
/// The next request from there is checked as any other. The audit log has it as `ban.lifted`.
#[utoipa::path(
    delete,
    path = "/v1/apis/{api}/bans/{address}",
    operation_id = "liftBan",
    tag = "bans",
    params(BannedAddressPath),
    responses((status = 200, description = "The ban as it was", body = BanView)),
)]
pub(crate) async fn lift(caller: Caller, BannedAddress(network): BannedAddress) -> Result<Json<BanView>, Fault> {
    let lifted = caller.shared.engine.lift_ban(&caller.api, network, caller.origin()).await?;
    lifted.map(|ban| Json(BanView::from(ban))).ok_or_else(|| no_such_ban(&network.to_string()))
}

impl From<Ban> for BanView {
    fn from(Ban { network, since, until, failures }: Ban) -> Self {
        Self { address: network.to_string(), since, until, failures }
    }
}

impl FromRequestParts<Shared> for BannedAddress {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Fault> {
        let path = RawPathParams::from_request_parts(parts, shared).await.ok();
        let address = path.iter().flatten().find(|(name, _)| *name == "address").map_or("", |(_, value)| value);
        address.parse().map(Self).map_err(|_| no_such_ban(address))
    }
}

fn no_such_ban(address: &str) -> Fault {
    Fault::not_found(format_args!("ban of {}", address.chars().take(64).collect::<String>()))
}
