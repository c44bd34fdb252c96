//! `POST …/portal-sessions`: people who are signed in at the API's own site come to the dashboard without a password.

use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::time::Timestamp;
use bitting_engine::{CommitError, InvalidChange, Invitation};
use bitting_store::{Conditions, Refusal};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::dashboard::one_time_link;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;

/// Who shall come in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"account": "acme", "member": "mara@acme.example"})))]
pub(crate) struct OpenPortal {
    /// Whose keys they will see.
    #[schema(value_type = words::AccountId)]
    account: AccountId,
    /// What your site calls them. It stands beside what they do; the same name is the same person.
    #[schema(value_type = words::Name)]
    member: String,
}

/// Where to send them.
#[derive(Serialize, ToSchema)]
pub(crate) struct PortalSession {
    /// It opens the dashboard once. Redirect their browser to it at once.
    #[schema(examples("https://keys.example.com/link?token=…"))]
    url: String,
    /// From then on it opens nothing.
    #[schema(value_type = words::Time)]
    expires_at: Timestamp,
}

/// Send somebody to the dashboard
///
/// For your own backend: whoever is signed in at your site needs no second password.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/portal-sessions",
    operation_id = "openPortal",
    tag = "portal",
    request_body = OpenPortal,
    responses((status = 201, description = "Where to send them", body = PortalSession)),
)]
pub(crate) async fn open(caller: Caller, headers: HeaderMap, Json(asked): Json<OpenPortal>) -> Result<Response, Fault> {
    let OpenPortal { account, member } = asked;
    let name = member.trim();
    if name.is_empty() {
        return Err(Fault::field("member", "write the name by which your site knows them, 1 to 200 characters"));
    }
    let made = match invite(&caller, &account, name).await {
        // Two at once: the other one has made them known.
        Err(CommitError::Refused(Refusal::MemberExists)) => invite(&caller, &account, name).await,
        made => made,
    };
    let Invitation { token, expires_at, .. } = made.map_err(|error| match error {
        CommitError::Refused(Refusal::MemberDisabled) => Fault::field("member", "they may not sign in: somebody disabled them"),
        CommitError::Refused(Refusal::NoSuchAccount(_)) => {
            Fault::field("account", "there is no such account; make it first, with POST …/accounts")
        }
        error => error.into(),
    })?;
    let url = one_time_link(&caller.shared.reception.origin(&headers), &token);
    Ok((StatusCode::CREATED, Json(PortalSession { url, expires_at })).into_response())
}

async fn invite(caller: &Caller, account: &AccountId, name: &str) -> Result<Invitation, CommitError> {
    let engine = &caller.shared.engine;
    let known = engine.store().portal_member(&caller.api.name, account, name).await.map_err(std::sync::Arc::new)?;
    let made = match known {
        Some(member) if !member.row.enabled => return Err(Refusal::MemberDisabled.into()),
        Some(member) => Invitation::again(&member.row, engine.now()),
        None => Invitation::of_visitor(&caller.api.name, account.clone(), name, engine.now()),
    };
    let made = made.map_err(InvalidChange::from)?;
    caller.submit(made.change.clone(), Conditions::default()).await?;
    Ok(made)
}
