//! What is done with a key in one step: rotate, extend, revoke, and turning a switch. Each can be asked for on a page of its own,
//! and is done by a form.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::rights::CapabilitySpec;
use bitting_engine::{CommitError, InvalidChange, Issued, Overlap};
use bitting_store::{Change, Conditions, KeyPatch, Refusal, SwitchPatch};
use http::StatusCode;
use serde::Deserialize;

use super::FieldErrors;
use super::change::to_page;
use super::create::shown_before;
use super::draft::end_of;
use super::subject::Subject;
use crate::dashboard::address::{Path, Query};
use crate::dashboard::fields::Fields;
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{ActionOn, ActionPage, ApiLinks, KeyAction, MadePage, OVERLAPS, Place, Trouble};
use crate::dashboard::visitor::Visitor;
use crate::dashboard::{once, respond};

/// Which key of which API.
type Named = Path<(String, String)>;

/// Which switch.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::dashboard) struct Switch {
    capability: String,
}

/// `GET …/rotate`
pub(in crate::dashboard) async fn ask_rotate(visitor: Visitor, Path((api, id)): Named) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        if subject.row.replaced_by.is_some() {
            return Ok(to_page(&subject, "rotated"));
        }
        let once = once::token()?;
        ask(&visitor, &subject, KeyAction::Rotate { once: &once }, &FieldErrors::default()).await
    })
    .await
}

/// `GET …/extend`
pub(in crate::dashboard) async fn ask_extend(visitor: Visitor, Path((api, id)): Named) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        ask(&visitor, &subject, KeyAction::Extend, &FieldErrors::default()).await
    })
    .await
}

/// `GET …/revoke`
pub(in crate::dashboard) async fn ask_revoke(visitor: Visitor, Path((api, id)): Named) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        ask(&visitor, &subject, KeyAction::Revoke, &FieldErrors::default()).await
    })
    .await
}

/// `GET …/switch?capability=`
pub(in crate::dashboard) async fn ask_switch(
    visitor: Visitor,
    Path((api, id)): Named,
    Query(asked): Query<Switch>,
) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        let capability = capability(&subject, &asked.capability).ok_or(Trouble::NotFound)?;
        ask(&visitor, &subject, KeyAction::SwitchOn(capability), &FieldErrors::default()).await
    })
    .await
}

/// `POST …/rotate`: a new key, shown once; the old one ends after the overlap that was chosen.
pub(in crate::dashboard) async fn rotate(Path((api, id)): Named, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        let (links, now) = (ApiLinks::new(&subject.api.name), visitor.now());
        let overlap = fields.chosen("overlap", &OVERLAPS).ok_or(Trouble::Unreadable)?;
        let overlap = Overlap { length: overlap, end_when_unused_for: Some(early(&fields)) };
        let conditions = once::conditions(&visitor, &format!("rotate {}", subject.row.id), &fields)?;
        let issued = match Issued::successor(&subject.api, &subject.row, overlap, None, now) {
            Ok(issued) => issued,
            Err(InvalidChange::Fields(violations)) => {
                let message = violations.into_iter().map(|violation| violation.message).collect::<Vec<_>>().join(" ");
                return again(&visitor, &subject, &FieldErrors::one("overlap", message)).await;
            }
            Err(InvalidChange::Entropy(_)) => return Err(Trouble::Unavailable.into()),
        };
        match visitor.submit(issued.change, conditions).await {
            Ok(committed) => {
                let new = &committed.keys.first().ok_or(Trouble::Unavailable)?.row;
                if committed.replayed {
                    return Ok(shown_before(&links.key(new.id)));
                }
                let old = committed.keys.get(1).map(|key| &key.row);
                let frame = visitor.frame(Some(&subject.api), Place::Keys).await?;
                let page = MadePage::new(frame, (&subject.api, subject.plan()), (&issued.key, new), old, now);
                Ok(respond(StatusCode::OK, &page))
            }
            Err(CommitError::Refused(Refusal::AlreadyRotated(..) | Refusal::IdempotencyKeyReused)) => {
                Ok(to_page(&subject, "rotated"))
            }
            Err(CommitError::Refused(Refusal::KeyRevoked(_))) => Ok(to_page(&subject, "ended")),
            Err(CommitError::Invalid(InvalidChange::Fields(violations))) => {
                let message = violations.into_iter().map(|violation| violation.message).collect::<Vec<_>>().join(" ");
                again(&visitor, &subject, &FieldErrors::one("overlap", message)).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `POST …/extend`: another end, or none.
pub(in crate::dashboard) async fn extend(Path((api, id)): Named, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        let wrong = async |errors: FieldErrors| {
            let response = ask(&visitor, &subject, KeyAction::Extend, &errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
        };
        let expires_at = match end_of(&fields, subject.bounds(&visitor)) {
            Ok(end) => end,
            Err(errors) => return wrong(errors).await,
        };
        let patch = KeyPatch { expires_at: Some(expires_at), ..KeyPatch::default() };
        match update(&visitor, &subject, patch).await {
            Ok(()) => Ok(to_page(&subject, "extended")),
            Err(CommitError::Invalid(InvalidChange::Fields(violations))) => wrong(FieldErrors::of(&violations)).await,
            Err(error) => stale(&subject, error),
        }
    })
    .await
}

/// `POST …/revoke`: its end, from the next request on.
pub(in crate::dashboard) async fn revoke(Path((api, id)): Named, Submission { visitor, .. }: Submission) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        let change = Change::RevokeKey { api: subject.api.name.to_string(), key: subject.row.id };
        match visitor.submit(change, Conditions::default()).await {
            Ok(_) => Ok(to_page(&subject, "revoked")),
            Err(error) => stale(&subject, error),
        }
    })
    .await
}

/// `POST …/switch`: a capability on or off, from the next request on.
pub(in crate::dashboard) async fn switch(Path((api, id)): Named, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        let capability = capability(&subject, fields.text("capability")).ok_or(Trouble::NotFound)?;
        let (named, none) = (vec![capability.name.to_string()], Vec::new());
        let capabilities = match fields.text("on") {
            "yes" => SwitchPatch { on: named, off: none },
            "no" => SwitchPatch { on: none, off: named },
            _ => return Err(Trouble::Unreadable.into()),
        };
        match update(&visitor, &subject, KeyPatch { capabilities, ..KeyPatch::default() }).await {
            // Whoever turns switches in the list goes on there.
            Ok(()) if fields.text("from") == "list" => {
                Ok(Redirect::to(&ApiLinks::new(&subject.api.name).keys()).into_response())
            }
            Ok(()) => Ok(to_page(&subject, "saved")),
            Err(error) => stale(&subject, error),
        }
    })
    .await
}

/// How long the old key must be unused to end early, if it shall.
fn early(fields: &Fields) -> Option<Duration> {
    let seconds = fields.text("early").strip_suffix('s')?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn update(visitor: &Visitor, subject: &Subject, patch: KeyPatch) -> Result<(), CommitError> {
    let (api, key) = (subject.api.name.to_string(), subject.row.id);
    let change = Change::UpdateKey { api, key, patch: Box::new(patch) };
    visitor.submit(change, Conditions::default()).await.map(drop)
}

/// A tab that was open for so long that its key has ended meanwhile leads to the key as it is now.
fn stale(subject: &Subject, error: CommitError) -> Result<Response, Setback> {
    match error {
        CommitError::Refused(Refusal::KeyRevoked(_)) => Ok(to_page(subject, "ended")),
        error => Err(error.into()),
    }
}

fn capability<'s>(subject: &'s Subject, name: &str) -> Option<&'s CapabilitySpec> {
    subject.api.catalogue.capabilities().iter().find(|known| *known.name == *name)
}

async fn again(visitor: &Visitor, subject: &Subject, errors: &FieldErrors) -> Result<Response, Setback> {
    let once = once::token()?;
    let response = ask(visitor, subject, KeyAction::Rotate { once: &once }, errors).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}

/// The page that asks. Of a key that has ended nothing is asked any more.
async fn ask(visitor: &Visitor, subject: &Subject, action: KeyAction<'_>, errors: &FieldErrors) -> Result<Response, Setback> {
    if subject.row.revoked_at.is_some() {
        return Ok(to_page(subject, "ended"));
    }
    let last_use = subject.last_use(visitor).await?;
    let on = ActionOn {
        api: &subject.api,
        row: &subject.row,
        last_use: last_use.as_ref(),
        csrf: visitor.form_token.expose(),
        now: visitor.now(),
    };
    let frame = visitor.frame(Some(&subject.api), Place::Keys).await?;
    Ok(respond(StatusCode::OK, &ActionPage::new(frame, action, on, errors)))
}
