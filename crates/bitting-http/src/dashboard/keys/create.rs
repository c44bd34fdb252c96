//! `…/keys/new`: a new key, shown once.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::account::AccountId;
use bitting_core::api::Api;
use bitting_engine::{CommitError, InvalidChange, ServedApi};
use bitting_store::{AccountRow, Page, Refusal};
use http::StatusCode;
use serde::Deserialize;

use super::subject::bounds;
use super::{Bounds, FieldErrors, KeyDraft};
use crate::dashboard::address::{Path, Query};
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{ApiLinks, FormPurpose, KeyForm, KeyFormPage, MadePage, Place, with_query};
use crate::dashboard::visitor::Visitor;
use crate::dashboard::{once, respond};

/// How many accounts are offered to choose from; every other can be typed.
const OFFERED: usize = 50;

/// Whose key it shall be, where somebody comes from the account's page.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::dashboard) struct Asked {
    account: String,
}

/// `GET /apis/{api}/keys/new`
pub(in crate::dashboard) async fn ask(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<Asked>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let links = ApiLinks::new(&api.name);
        let form = empty_form(&visitor, &api, &asked.account, &links.keys()).await?;
        page(&visitor, &api, StatusCode::OK, form).await
    })
    .await
}

/// `POST /apis/{api}/keys/new`
pub(in crate::dashboard) async fn create(Path(api): Path<String>, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let (links, now) = (ApiLinks::new(&api.name), visitor.now());
        let account = owner(&visitor, &api, fields.text("account").trim()).await?;
        let bounds = bounds(&visitor, &api, account.as_ref());
        let draft = KeyDraft::read(&fields, bounds);
        let again = async |draft: KeyDraft, errors: FieldErrors| {
            let form = form(&visitor, bounds, (draft, errors), &links.keys()).await?;
            page(&visitor, &api, StatusCode::UNPROCESSABLE_ENTITY, form).await
        };
        let spec = match draft.spec(bounds, visitor.account().cloned()) {
            Ok(spec) => spec,
            Err(errors) => return again(draft, errors).await,
        };
        let issued = match spec.issue(&api, now) {
            Ok(issued) => issued,
            Err(InvalidChange::Fields(violations)) => return again(draft, FieldErrors::of(&violations)).await,
            Err(InvalidChange::Entropy(_)) => return again(draft, FieldErrors::one(FieldErrors::WHOLE, NO_RANDOMNESS)).await,
        };
        let conditions = once::conditions(&visitor, &format!("create {}", api.name), &fields)?;
        match visitor.submit(issued.change, conditions).await {
            Ok(committed) => {
                let row = &committed.keys.first().ok_or(crate::dashboard::view::Trouble::Unavailable)?.row;
                if committed.replayed {
                    return Ok(shown_before(&links.key(row.id)));
                }
                let frame = visitor.frame(Some(&api), Place::Keys).await?;
                let page = MadePage::new(frame, (&api, bounds.plan), (&issued.key, row), None, now);
                Ok(respond(StatusCode::OK, &page))
            }
            Err(error) => match wrong(&error) {
                Some(errors) => again(draft, errors).await,
                None => Err(error.into()),
            },
        }
    })
    .await
}

/// Leads to the page of a key that was made by the same form before.
pub(super) fn shown_before(key: &str) -> Response {
    Redirect::to(&with_query(key, &[("done", Some("shown"))])).into_response()
}

const NO_RANDOMNESS: &str = "The server has no randomness to make a key of. Try again in a minute.";

/// What is wrong with the form, if that is why the change was not made.
fn wrong(error: &CommitError) -> Option<FieldErrors> {
    let (field, message) = match error {
        CommitError::Invalid(InvalidChange::Fields(violations)) => return Some(FieldErrors::of(violations)),
        CommitError::Refused(Refusal::NoSuchAccount(_)) => {
            ("account", "There is no account with this id. Create it first.".to_owned())
        }
        CommitError::Refused(Refusal::TooManyKeys(_, most)) => {
            (FieldErrors::WHOLE, format!("The account has {most} keys, as many as it may have. Revoke one first."))
        }
        CommitError::Refused(Refusal::IdempotencyKeyReused) => {
            (FieldErrors::WHOLE, "This form has made a key before. Send it once more to make another.".to_owned())
        }
        _ => return None,
    };
    Some(FieldErrors::one(field, message))
}

/// The account that a key is made for, as far as it is known and there.
async fn owner(visitor: &Visitor, api: &Api, typed: &str) -> Result<Option<AccountRow>, Setback> {
    let id = visitor.account().cloned().or_else(|| typed.parse::<AccountId>().ok());
    match id {
        Some(id) => Ok(visitor.store().account(&api.name, &id).await?),
        None => Ok(None),
    }
}

/// The form of a new key as it is first shown. `back` is where it is given up.
pub(super) async fn empty_form(visitor: &Visitor, api: &ServedApi, account: &str, back: &str) -> Result<KeyForm, Setback> {
    let owner = owner(visitor, api, account).await?;
    let bounds = bounds(visitor, api, owner.as_ref());
    let draft = KeyDraft { account: account.to_owned(), ..KeyDraft::new(bounds) };
    form(visitor, bounds, (draft, FieldErrors::default()), back).await
}

async fn form(visitor: &Visitor, bounds: Bounds<'_>, typed: (KeyDraft, FieldErrors), back: &str) -> Result<KeyForm, Setback> {
    let accounts = match visitor.account() {
        Some(_) => None,
        None => Some(offered(visitor, &bounds.api.name).await?),
    };
    let action = ApiLinks::new(&bounds.api.name).new_key();
    let purpose = FormPurpose::Create { once: once::token()?, accounts };
    Ok(KeyForm::new(bounds, typed, purpose, (action, back.to_owned()), visitor.form_token.expose()))
}

/// The first accounts, by id and name.
async fn offered(visitor: &Visitor, api: &str) -> Result<Vec<(String, String)>, Setback> {
    let rows = visitor.store().accounts(api, "", Page { after: None, limit: OFFERED }).await?;
    Ok(rows.into_iter().map(|row| (row.id.to_string(), row.name)).collect())
}

async fn page(visitor: &Visitor, api: &ServedApi, status: StatusCode, form: KeyForm) -> Result<Response, Setback> {
    let frame = visitor.frame(Some(api), Place::Keys).await?;
    Ok(respond(status, &KeyFormPage::create(frame, ApiLinks::new(&api.name).keys(), form)))
}
