//! `…/accounts`: who owns the keys of one API.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::time::Timestamp;
use bitting_store::{AccountPatch, AccountRow, Change, Conditions, NewAccount, Page};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::conditional::{IfMatch, entity_tag};
use crate::fault::Fault;
use crate::idempotency::{Once, REPLAYED};
use crate::json::{Digested, Json};
use crate::management::id::Id;
use crate::page::Asked;

/// An account as it is shown.
#[derive(Serialize)]
struct Account {
    id: String,
    name: String,
    /// `active` or `suspended`.
    status: &'static str,
    enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An account to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccount {
    id: AccountId,
    #[serde(default)]
    name: String,
}

/// Which part of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListAccounts {
    limit: Option<usize>,
    cursor: Option<String>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            status: if row.enabled { "active" } else { "suspended" },
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(crate) async fn list(caller: Caller, query: Result<Query<ListAccounts>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let page = Asked::<AccountId>::new(asked.limit, asked.cursor.as_deref(), &(&*caller.api.name, "accounts"))?;
    let reading = Page { after: page.after.clone(), limit: page.reading() };
    let rows = caller.shared.engine.store().accounts(&caller.api.name, reading).await?;
    Ok(Json(page.page(rows, |last| last.id.clone(), Account::from)).into_response())
}

pub(crate) async fn show(caller: Caller, Id(id): Id) -> Result<Response, Fault> {
    Ok(shown(find(&caller, &id).await?))
}

pub(crate) async fn create(caller: Caller, once: Once, asked: Digested<CreateAccount>) -> Result<Response, Fault> {
    let committed = match once.claim(&caller, asked.digest).await? {
        Err(before) => *before,
        Ok(claim) => {
            let CreateAccount { id, name } = asked.value;
            let change = Change::CreateAccount(NewAccount { api: caller.api.name.to_string(), id, name });
            caller.submit(change, claim.conditions()).await?
        }
    };
    let made = committed.accounts.into_iter().next().ok_or_else(|| Fault::not_found("account"))?;
    let location = HeaderValue::try_from(format!("/v1/apis/{}/accounts/{}", caller.api.name, made.id));
    let mut response = shown(made);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if committed.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(crate) async fn update(
    caller: Caller,
    Id(id): Id,
    if_match: IfMatch,
    Json(patch): Json<AccountPatch>,
) -> Result<Response, Fault> {
    let row = find(&caller, &id).await?;
    let conditions = Conditions { account: if_match.condition(row.sequence)?, ..Conditions::default() };
    let change = Change::UpdateAccount { api: caller.api.name.to_string(), account: row.id.clone(), patch };
    let committed = caller.submit(change, conditions).await?;
    Ok(shown(committed.accounts.into_iter().next().unwrap_or(row)))
}

async fn find(caller: &Caller, id: &str) -> Result<AccountRow, Fault> {
    let unknown = || Fault::not_found(format_args!("account {}", id.chars().take(64).collect::<String>()));
    let id = id.parse().map_err(|_| unknown())?;
    caller.shared.engine.store().account(&caller.api.name, &id).await?.ok_or_else(unknown)
}

fn shown(row: AccountRow) -> Response {
    let tag = entity_tag(row.sequence);
    ([(header::ETAG, tag)], Json(Account::from(row))).into_response()
}
