//! `…/keys/{id}/edit`: other values for a key.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::record::Sequence;
use bitting_engine::{CommitError, InvalidChange};
use bitting_store::{Change, Conditions, KeyPatch, Refusal};
use http::StatusCode;

use super::subject::Subject;
use super::{FieldErrors, KeyDraft};
use crate::dashboard::address::Path;
use crate::dashboard::respond;
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{ApiLinks, FormPurpose, KeyForm, KeyFormPage, Place, with_query};
use crate::dashboard::visitor::Visitor;

/// `GET /apis/{api}/keys/{id}/edit`
pub(in crate::dashboard) async fn edit(visitor: Visitor, Path((api, id)): Path<(String, String)>) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        if subject.row.revoked_at.is_some() {
            return Ok(to_page(&subject, "ended"));
        }
        let draft = KeyDraft::of(&subject.row, subject.bounds(&visitor));
        page(&visitor, &subject, StatusCode::OK, draft, FieldErrors::default()).await
    })
    .await
}

/// `POST /apis/{api}/keys/{id}/edit`
pub(in crate::dashboard) async fn change(
    Path((api, id)): Path<(String, String)>,
    Submission { visitor, fields }: Submission,
) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        if subject.row.revoked_at.is_some() {
            return Ok(to_page(&subject, "ended"));
        }
        let (api, row, bounds) = (&subject.api, &subject.row, subject.bounds(&visitor));
        let draft = KeyDraft::read(&fields, bounds);
        let patch = match draft.patch(row, bounds) {
            Ok(patch) if patch == KeyPatch::default() => return Ok(to_page(&subject, "")),
            Ok(patch) => patch,
            Err(errors) => return page(&visitor, &subject, StatusCode::UNPROCESSABLE_ENTITY, draft, errors).await,
        };
        // What they have seen must be there still, or they decide on what is no longer so.
        let seen = fields.text("sequence").parse().map(Sequence).unwrap_or_default();
        let conditions = Conditions { keys: vec![(row.id, seen)], ..Conditions::default() };
        let change = Change::UpdateKey { api: api.name.to_string(), key: row.id, patch: Box::new(patch) };
        match visitor.submit(change, conditions).await {
            Ok(_) => Ok(to_page(&subject, "saved")),
            Err(CommitError::Refused(Refusal::Changed(_))) => {
                let message =
                    "Somebody else has changed this key meanwhile. Below is what you typed; save again to have it so.";
                let errors = FieldErrors::one(FieldErrors::WHOLE, message);
                page(&visitor, &subject, StatusCode::CONFLICT, draft, errors).await
            }
            Err(CommitError::Refused(Refusal::KeyRevoked(_))) => Ok(to_page(&subject, "ended")),
            Err(CommitError::Invalid(InvalidChange::Fields(violations))) => {
                page(&visitor, &subject, StatusCode::UNPROCESSABLE_ENTITY, draft, FieldErrors::of(&violations)).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// Leads to the key's page, where what was done is said.
pub(super) fn to_page(subject: &Subject, done: &str) -> Response {
    let key = ApiLinks::new(&subject.api.name).key(subject.row.id);
    Redirect::to(&with_query(&key, &[("done", Some(done))])).into_response()
}

async fn page(
    visitor: &Visitor,
    subject: &Subject,
    status: StatusCode,
    draft: KeyDraft,
    errors: FieldErrors,
) -> Result<Response, Setback> {
    let (links, row) = (ApiLinks::new(&subject.api.name), &subject.row);
    let (key, action) = (links.key(row.id), links.key_action(row.id, "edit"));
    let purpose = FormPurpose::Edit { sequence: row.sequence.0 };
    let bounds = subject.bounds(visitor);
    let form = KeyForm::new(bounds, (draft, errors), purpose, (action, key.clone()), visitor.form_token.expose());
    let frame = visitor.frame(Some(&subject.api), Place::Keys).await?;
    Ok(respond(status, &KeyFormPage::edit(frame, links.keys(), (row.name.clone(), key), form)))
}
