//! A new endpoint, and other values for one that is there.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::account::AccountId;
use bitting_core::webhook::{InvalidUrl, Refused, WebhookUrl};
use bitting_engine::{CommitError, InvalidChange, ServedApi, WebhookSpec};
use bitting_store::{Change, Conditions, Refusal, WebhookPatch};
use http::StatusCode;

use crate::dashboard::address::Path;
use crate::dashboard::keys::{FieldErrors, sentence};
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{ApiLinks, Place, SecretPage, Trouble, WebhookDraft, WebhookFormPage, WebhookWhich, with_query};
use crate::dashboard::visitor::Visitor;
use crate::dashboard::{once, respond};

/// `GET /apis/{api}/webhooks/new`
pub(in crate::dashboard) async fn ask(visitor: Visitor, Path(api): Path<String>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        new_page(&visitor, &api, StatusCode::OK, WebhookDraft::default(), FieldErrors::default()).await
    })
    .await
}

/// `POST /apis/{api}/webhooks`: the endpoint, and its secret once.
pub(in crate::dashboard) async fn create(Path(api): Path<String>, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let (links, draft) = (ApiLinks::new(&api.name), WebhookDraft::read(&fields));
        let again = async |draft, errors| new_page(&visitor, &api, StatusCode::UNPROCESSABLE_ENTITY, draft, errors).await;
        let mut errors = mistakes(&visitor, &draft).err().unwrap_or_default();
        let account = match visitor.account() {
            Some(own) => Some(own.clone()),
            None if draft.account.is_empty() => None,
            None => draft.account.parse::<AccountId>().map_err(|_| errors.add("account", NO_ACCOUNT)).ok(),
        };
        if !errors.is_empty() {
            return again(draft, errors).await;
        }
        let spec = WebhookSpec {
            account,
            url: draft.url.clone(),
            description: draft.description.clone(),
            events: draft.named(),
            severity: draft.which.severity(),
        };
        let made = match spec.make(&api.name, visitor.now()) {
            Ok(made) => made,
            Err(InvalidChange::Fields(violations)) => return again(draft, FieldErrors::of(&violations)).await,
            Err(InvalidChange::Entropy(_)) => return Err(Trouble::Unavailable.into()),
        };
        let conditions = once::conditions(&visitor, &format!("webhook {}", api.name), &fields)?;
        match visitor.submit(made.change, conditions).await {
            Ok(committed) => {
                let row = committed.webhooks.first().ok_or(Trouble::Unavailable)?;
                let page = links.webhook(row.id);
                if committed.replayed {
                    return Ok(Redirect::to(&with_query(&page, &[("done", Some("shown"))])).into_response());
                }
                let frame = visitor.frame(Some(&api), Place::Webhooks).await?;
                let (url, secret, list) = (row.url.to_string(), made.secret.expose(), links.webhooks());
                Ok(respond(StatusCode::OK, &SecretPage { frame, url, secret, page, list, old: None }))
            }
            Err(error) => match wrong(&error) {
                Some(errors) => again(draft, errors).await,
                None => Err(error.into()),
            },
        }
    })
    .await
}

/// `GET /apis/{api}/webhooks/{id}/edit`
pub(in crate::dashboard) async fn edit(visitor: Visitor, Path((api, id)): Path<(String, String)>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let row = visitor.webhook(&api, &id).await?.row;
        let page = edit_page(&visitor, &api, &id, WebhookDraft::of(&row), FieldErrors::default()).await?;
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

/// `POST /apis/{api}/webhooks/{id}/edit`
pub(in crate::dashboard) async fn change(
    Path((api, id)): Path<(String, String)>,
    Submission { visitor, fields }: Submission,
) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let row = visitor.webhook(&api, &id).await?.row;
        let (draft, shown) = (WebhookDraft::read(&fields), WebhookDraft::of(&row));
        let again = async |draft, errors| {
            let page = edit_page(&visitor, &api, &id, draft, errors).await?;
            Ok(respond(StatusCode::UNPROCESSABLE_ENTITY, &page))
        };
        let url = match mistakes(&visitor, &draft) {
            Ok(url) => url,
            Err(errors) => return again(draft, errors).await,
        };
        // What the form cannot say stays as long as nobody chooses anew.
        let is_chosen = (draft.which, draft.named()) != (shown.which, shown.named());
        let patch = WebhookPatch {
            url: Some(url),
            description: Some(draft.description.clone()),
            events: is_chosen.then(|| draft.named()),
            severity: is_chosen.then(|| draft.which.severity()),
            enabled: None,
        };
        let change = Change::UpdateWebhook { api: api.name.to_string(), webhook: row.id, patch: Box::new(patch) };
        match visitor.submit(change, Conditions::default()).await {
            Ok(_) => {
                let page = ApiLinks::new(&api.name).webhook(row.id);
                Ok(Redirect::to(&with_query(&page, &[("done", Some("saved"))])).into_response())
            }
            Err(error) => match wrong(&error) {
                Some(errors) => again(draft, errors).await,
                None => Err(error.into()),
            },
        }
    })
    .await
}

const NO_ACCOUNT: &str = "There is no account with this id.";

/// The URL that is meant, or what is wrong with what was typed. Where messages may go is the configuration's to say, which only
/// operators can change.
fn mistakes(visitor: &Visitor, draft: &WebhookDraft) -> Result<WebhookUrl, FieldErrors> {
    let mut errors = FieldErrors::default();
    let url = draft.url.parse::<WebhookUrl>();
    match &url {
        Err(invalid) => errors.add("url", sentence(&invalid.to_string())),
        Ok(url) => {
            if let Err(refused) = visitor.engine().apis().destinations().check(url) {
                errors.add("url", refusal(&refused, visitor.is_operator()));
            }
        }
    }
    if draft.which == WebhookWhich::Chosen && draft.events.is_empty() {
        errors.add("events", "Choose at least one, or another part of them.");
    }
    match url {
        Ok(url) if errors.is_empty() => Ok(url),
        _ => Err(errors),
    }
}

/// Why nothing may be sent to a URL, and what to do about it for whoever asks.
fn refusal(refused: &Refused, to_operator: bool) -> String {
    match refused {
        _ if to_operator => sentence(&refused.to_string()),
        Refused::Http => sentence(&InvalidUrl::Scheme.to_string()),
        Refused::Name(name) => format!("{name} is a private name. Messages go to public addresses alone."),
        Refused::Address(address, unfit) => format!("{address} is {unfit}. Messages go to public addresses alone."),
    }
}

/// What is wrong with the form, if that is why the change was not made.
fn wrong(error: &CommitError) -> Option<FieldErrors> {
    match error {
        CommitError::Invalid(InvalidChange::Fields(violations)) => Some(FieldErrors::of(violations)),
        CommitError::Refused(Refusal::NoSuchAccount(_)) => Some(FieldErrors::one("account", NO_ACCOUNT)),
        CommitError::Refused(Refusal::TooManyWebhooks(most)) => Some(FieldErrors::one(
            FieldErrors::WHOLE,
            format!("There are {most} endpoints already, which is as many as there may be. Delete one first."),
        )),
        CommitError::Refused(Refusal::IdempotencyKeyReused) => Some(FieldErrors::one(
            FieldErrors::WHOLE,
            "This form has added an endpoint before. Send it once more to add another.",
        )),
        _ => None,
    }
}

async fn new_page(
    visitor: &Visitor,
    api: &ServedApi,
    status: StatusCode,
    draft: WebhookDraft,
    errors: FieldErrors,
) -> Result<Response, Setback> {
    let (frame, links) = (visitor.frame(Some(api), Place::Webhooks).await?, ApiLinks::new(&api.name));
    let (action, once) = (links.webhooks(), Some(once::token()?));
    Ok(respond(status, &WebhookFormPage { frame, back: action.clone(), action, once, draft, errors }))
}

async fn edit_page(
    visitor: &Visitor,
    api: &ServedApi,
    id: &str,
    draft: WebhookDraft,
    errors: FieldErrors,
) -> Result<WebhookFormPage, Setback> {
    let id = id.parse().map_err(|_| Trouble::NotFound)?;
    let (frame, links) = (visitor.frame(Some(api), Place::Webhooks).await?, ApiLinks::new(&api.name));
    let (action, back) = (links.webhook_action(id, "edit"), links.webhook(id));
    Ok(WebhookFormPage { frame, action, back, once: None, draft, errors })
}
