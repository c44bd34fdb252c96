//! `/apis/{api}/accounts`: whoever owns keys, for operators.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::account::AccountId;
use bitting_core::record::Sequence;
use bitting_engine::{CommitError, InvalidChange, ServedApi};
use bitting_store::{AccountPatch, AccountRow, Change, Conditions, NewAccount, Page, Refusal};
use http::StatusCode;
use serde::Deserialize;

use super::address::{Path, Query};
use super::fields::Fields;
use super::respond;
use super::setback::{Setback, answered};
use super::submission::Submission;
use super::view::{AccountForm, AccountLine, AccountPage, AccountsPage, ApiLinks, NewAccountPage, Place, Trouble};
use super::visitor::Visitor;

/// How many stand on a page.
const LINES: usize = 50;

/// Which part of the list is asked for.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Part {
    /// After this id.
    after: String,
    /// Ids that begin so.
    q: String,
}

/// `GET /apis/{api}/accounts`
pub(super) async fn list(visitor: Visitor, Path(api): Path<String>, Query(part): Query<Part>) -> Response {
    answered(&visitor, async {
        let api = operated(&visitor, &api)?;
        let query = part.q.trim().to_owned();
        let page = Page { after: part.after.parse().ok(), limit: LINES + 1 };
        let mut rows = visitor.store().accounts(&api.name, &query, page).await?;
        let has_more = rows.len() > LINES;
        rows.truncate(LINES);
        let next = rows.last().filter(|_| has_more).map(|row| row.id.to_string());
        let page = AccountsPage {
            frame: visitor.frame(Some(&api), Place::Accounts).await?,
            links: ApiLinks::new(&api.name),
            title: api.labels.title.to_string(),
            has_plans: !api.plans.are_empty(),
            lines: rows.into_iter().map(|row| AccountLine::new(row, &api, visitor.now())).collect(),
            is_first: part.after.is_empty(),
            query,
            next,
        };
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

/// `GET /apis/{api}/accounts/new`
pub(super) async fn ask(visitor: Visitor, Path(api): Path<String>) -> Response {
    answered(&visitor, async {
        let api = operated(&visitor, &api)?;
        let form = AccountForm::of(&api, "", None);
        new_page(&visitor, &api, StatusCode::OK, String::new(), None, form).await
    })
    .await
}

/// `POST /apis/{api}/accounts`
pub(super) async fn create(Path(api): Path<String>, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = operated(&visitor, &api)?;
        let typed = fields.text("id").trim().to_owned();
        let mut form = typed_form(&api, &fields);
        let wrong = StatusCode::UNPROCESSABLE_ENTITY;
        let Ok(id) = typed.parse::<AccountId>() else {
            let error = "Use 1 to 128 letters, digits and any of . _ : @ / + = -".to_owned();
            return new_page(&visitor, &api, wrong, typed, Some(error), form).await;
        };
        let new =
            NewAccount { api: api.name.to_string(), id: id.clone(), name: form.name.clone(), plan: chosen_plan(&api, &form) };
        match visitor.submit(Change::CreateAccount(new), Conditions::default()).await {
            Ok(_) => Ok(Redirect::to(&ApiLinks::new(&api.name).account(&id)).into_response()),
            Err(CommitError::Refused(Refusal::AccountExists(_))) => {
                let error = "There is an account with this id already.".to_owned();
                new_page(&visitor, &api, wrong, typed, Some(error), form).await
            }
            Err(CommitError::Invalid(invalid)) => {
                let id_error = blame(&mut form, invalid);
                new_page(&visitor, &api, wrong, typed, id_error, form).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

async fn new_page(
    visitor: &Visitor,
    api: &ServedApi,
    status: StatusCode,
    id: String,
    id_error: Option<String>,
    form: AccountForm,
) -> Result<Response, Setback> {
    let (frame, links) = (visitor.frame(Some(api), Place::Accounts).await?, ApiLinks::new(&api.name));
    Ok(respond(status, &NewAccountPage { frame, links, id, id_error, form }))
}

/// `GET /apis/{api}/accounts/{id}`
pub(super) async fn show(visitor: Visitor, Path((api, id)): Path<(String, String)>) -> Response {
    answered(&visitor, async {
        let api = operated(&visitor, &api)?;
        let row = find(&visitor, &api, &id).await?;
        let form = AccountForm::of(&api, &row.name, row.plan.as_deref());
        page(&visitor, &api, row, form, StatusCode::OK, None).await
    })
    .await
}

/// `POST /apis/{api}/accounts/{id}`: other values, or suspended, or resumed.
pub(super) async fn update(Path((api, id)): Path<(String, String)>, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = operated(&visitor, &api)?;
        let row = find(&visitor, &api, &id).await?;
        let enabled = match fields.text("enabled") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let mut form = typed_form(&api, &fields);
        let patch = match enabled {
            Some(_) => AccountPatch { enabled, ..AccountPatch::default() },
            None => AccountPatch {
                name: Some(form.name.clone()),
                plan: (!form.plans.is_empty()).then(|| chosen_plan(&api, &form)),
                enabled: None,
            },
        };
        let seen = fields.text("sequence").parse().ok().map(Sequence).filter(|_| enabled.is_none());
        let change = Change::UpdateAccount { api: api.name.to_string(), account: row.id.clone(), patch };
        let done = match enabled {
            Some(true) => "Its keys are accepted again.",
            Some(false) => "Its keys are refused from now on.",
            None => "Saved. It holds for the next request.",
        };
        match visitor.submit(change, Conditions { account: seen, ..Conditions::default() }).await {
            Ok(committed) => {
                let row = committed.accounts.into_iter().next().unwrap_or(row);
                let form = AccountForm::of(&api, &row.name, row.plan.as_deref());
                page(&visitor, &api, row, form, StatusCode::OK, Some(done)).await
            }
            Err(CommitError::Refused(Refusal::Changed(_))) => {
                form.name_error = Some(format!(
                    "Somebody else has changed this account meanwhile; it is now called “{}”. Save again to have yours.",
                    row.name
                ));
                page(&visitor, &api, row, form, StatusCode::CONFLICT, None).await
            }
            Err(CommitError::Invalid(invalid)) => {
                blame(&mut form, invalid);
                page(&visitor, &api, row, form, StatusCode::UNPROCESSABLE_ENTITY, None).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

async fn page(
    visitor: &Visitor,
    api: &ServedApi,
    row: AccountRow,
    form: AccountForm,
    status: StatusCode,
    done: Option<&'static str>,
) -> Result<Response, Setback> {
    let form = AccountForm { sequence: row.sequence.0, ..form };
    let frame = visitor.frame(Some(api), Place::Accounts).await?;
    let line = AccountLine::new(row, api, visitor.now());
    Ok(respond(status, &AccountPage { frame, links: ApiLinks::new(&api.name), line, form, done }))
}

/// An API of which somebody runs all accounts. For others there is no such page.
fn operated(visitor: &Visitor, api: &str) -> Result<std::sync::Arc<ServedApi>, Trouble> {
    if visitor.is_operator() { visitor.api(api) } else { Err(Trouble::NotFound) }
}

async fn find(visitor: &Visitor, api: &ServedApi, id: &str) -> Result<AccountRow, Setback> {
    let id: AccountId = id.parse().map_err(|_| Trouble::NotFound)?;
    Ok(visitor.store().account(&api.name, &id).await?.ok_or(Trouble::NotFound)?)
}

fn typed_form(api: &ServedApi, fields: &Fields) -> AccountForm {
    AccountForm::of(api, fields.text("name").trim(), fields.given("plan"))
}

/// The first plan is that of accounts without one, so it need not be named.
fn chosen_plan(api: &ServedApi, form: &AccountForm) -> Option<String> {
    Some(form.plan.clone()).filter(|plan| **plan != *api.plans.fallback().name)
}

/// Says at each field what is wrong with it, and of the id, which only a new account's form has, to the caller.
fn blame(form: &mut AccountForm, invalid: InvalidChange) -> Option<String> {
    let InvalidChange::Fields(violations) = invalid else { return None };
    let mut id_error = None;
    for violation in violations {
        let of = match violation.field.as_str() {
            "plan" => &mut form.plan_error,
            "id" => &mut id_error,
            _ => &mut form.name_error,
        };
        *of = Some(violation.message);
    }
    id_error
}
