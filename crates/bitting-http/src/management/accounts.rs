//! `…/accounts`: who owns the keys of one API.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::time::Timestamp;
use bitting_store::{AccountPatch, AccountRow, Change, Conditions, NewAccount, Page};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::conditional::{IfMatch, IfMatchHeader, entity_tag};
use crate::fault::Fault;
use crate::idempotency::{Once, OnceHeader, REPLAYED};
use crate::json::{Digested, Json};
use crate::management::id::{AccountIdPath, Id};
use crate::nullable::Nullable;
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};

/// An account as it is shown.
#[derive(Serialize, ToSchema)]
struct Account {
    #[schema(value_type = words::AccountId, read_only)]
    id: String,
    #[schema(value_type = words::Label)]
    name: String,
    /// Null for the API's first.
    #[schema(value_type = Option<words::PlanName>, required = true)]
    plan: Option<String>,
    #[schema(value_type = words::AccountStatus, read_only)]
    status: &'static str,
    enabled: bool,
    #[schema(value_type = words::Time, read_only)]
    created_at: Timestamp,
    #[schema(value_type = words::Time, read_only)]
    updated_at: Timestamp,
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"id": "acme", "name": "Acme Inc."})))]
pub(crate) struct CreateAccount {
    #[schema(value_type = words::AccountId)]
    id: AccountId,
    #[serde(default)]
    #[schema(value_type = words::Label)]
    name: String,
    /// One of the API's plans; the first where nothing is said.
    #[schema(value_type = Option<words::PlanName>)]
    plan: Option<String>,
}

/// New values. What is left out stays; null removes what can be absent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"enabled": false})))]
pub(crate) struct UpdateAccount {
    #[schema(value_type = Option<words::Label>)]
    name: Option<String>,
    /// One of the API's plans; null for its first.
    #[serde(default)]
    #[schema(value_type = Option<words::PlanName>)]
    plan: Nullable<String>,
    /// False suspends the account: all its keys are refused.
    enabled: Option<bool>,
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
            plan: row.plan,
            status: if row.enabled { "active" } else { "suspended" },
            enabled: row.enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// List accounts by id
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/accounts",
    operation_id = "listAccounts",
    tag = "accounts",
    params(PageParameters),
    responses((status = 200, description = "A page of accounts", body = page::Page<Account>)),
)]
pub(crate) async fn list(caller: Caller, query: Result<Query<ListAccounts>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let page = Asked::<AccountId>::new(asked.limit, asked.cursor.as_deref(), &(&*caller.api.name, "accounts"))?;
    let reading = Page { after: page.after.clone(), limit: page.reading() };
    let rows = caller.shared.engine.store().accounts(&caller.api.name, "", reading).await?;
    Ok(Json(page.page(rows, |last| last.id.clone(), Account::from)).into_response())
}

/// Show an account
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/accounts/{id}",
    operation_id = "showAccount",
    tag = "accounts",
    params(AccountIdPath),
    responses((
        status = 200,
        description = "The account",
        body = Account,
        headers(("ETag" = String, description = "The state of the account, for `If-Match`")),
    )),
)]
pub(crate) async fn show(caller: Caller, Id(id): Id) -> Result<Response, Fault> {
    Ok(shown(find(&caller, &id).await?))
}

/// Make an account
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/accounts",
    operation_id = "createAccount",
    tag = "accounts",
    params(OnceHeader),
    request_body = CreateAccount,
    responses((
        status = 201,
        description = "The account",
        body = Account,
        headers(
            ("ETag" = String, description = "The state of the account, for `If-Match`"),
            ("Location" = String, description = "Where the account is shown"),
            ("Idempotency-Replayed" = String, description = "`true` if the same request was answered before"),
        ),
    )),
)]
pub(crate) async fn create(caller: Caller, once: Once, asked: Digested<CreateAccount>) -> Result<Response, Fault> {
    let committed = match once.claim(&caller, asked.digest).await? {
        Err(before) => *before,
        Ok(claim) => {
            let CreateAccount { id, name, plan } = asked.value;
            let change = Change::CreateAccount(NewAccount { api: caller.api.name.to_string(), id, name, plan });
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

/// Change, suspend or resume an account
#[utoipa::path(
    patch,
    path = "/v1/apis/{api}/accounts/{id}",
    operation_id = "updateAccount",
    tag = "accounts",
    params(AccountIdPath, IfMatchHeader),
    request_body = UpdateAccount,
    responses((
        status = 200,
        description = "The account as it is now",
        body = Account,
        headers(("ETag" = String, description = "The new state of the account, for `If-Match`")),
    )),
)]
pub(crate) async fn update(
    caller: Caller,
    Id(id): Id,
    if_match: IfMatch,
    Json(asked): Json<UpdateAccount>,
) -> Result<Response, Fault> {
    let row = find(&caller, &id).await?;
    let conditions = Conditions { account: if_match.condition(row.sequence)?, ..Conditions::default() };
    let UpdateAccount { name, plan, enabled } = asked;
    let patch = AccountPatch { name, plan: plan.into(), enabled };
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
