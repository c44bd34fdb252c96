//! `/members` and `/apis/{api}/members`: who may sign in.

mod actions;

use std::collections::HashMap;

use axum::response::Response;
use bitting_core::account::AccountId;
use bitting_core::api::Api;
use bitting_engine::{CommitError, Guest, InvalidChange, Invitation, ServedApi};
use bitting_store::{Conditions, MemberRow, Page, Refusal};
use http::{HeaderMap, StatusCode};

use super::address::Path;
use super::setback::{Setback, answered};
use super::submission::Submission;
use super::view::{ApiLinks, LinkMadePage, MemberLine, MembersPage, Place, Trouble, Whose, called, link};
use super::visitor::Visitor;
use super::{one_time_link, respond};

pub(super) use actions::{disable, enable, make_link, remove_second_factor};

/// The most members on the page. Accounts with more are rare, and their newest come first.
const MOST: usize = 500;

/// What somebody has typed to invite somebody.
#[derive(Default)]
struct Typed {
    email: String,
    name: String,
    account: String,
    email_error: Option<String>,
    account_error: Option<String>,
}

/// `GET /members`: operators see operators, developers those of their account.
pub(super) async fn own(visitor: Visitor) -> Response {
    answered(&visitor, async {
        let api = own_api(&visitor)?;
        list(&visitor, api.as_deref(), StatusCode::OK, Typed::default(), None).await
    })
    .await
}

/// `GET /apis/{api}/members`
pub(super) async fn of_api(visitor: Visitor, Path(api): Path<String>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        list(&visitor, Some(&api), StatusCode::OK, Typed::default(), None).await
    })
    .await
}

/// `POST /members`
pub(super) async fn invite_own(headers: HeaderMap, submission: Submission) -> Response {
    let visitor = &submission.visitor;
    answered(visitor, async {
        let api = own_api(visitor)?;
        invite(&submission, &headers, api.as_deref()).await
    })
    .await
}

/// `POST /apis/{api}/members`
pub(super) async fn invite_to_api(Path(api): Path<String>, headers: HeaderMap, submission: Submission) -> Response {
    let visitor = &submission.visitor;
    answered(visitor, async {
        let api = visitor.api(&api)?;
        invite(&submission, &headers, Some(&api)).await
    })
    .await
}

/// The API of a developer's account; operators belong to none.
fn own_api(visitor: &Visitor) -> Result<Option<std::sync::Arc<ServedApi>>, Trouble> {
    if visitor.is_operator() { Ok(None) } else { visitor.api(&visitor.member.api).map(Some) }
}

async fn list(
    visitor: &Visitor,
    api: Option<&ServedApi>,
    status: StatusCode,
    typed: Typed,
    done: Option<String>,
) -> Result<Response, Setback> {
    let name = api.map_or(bitting_own(visitor), |api| api.name.to_string());
    let page = Page { after: None, limit: MOST };
    let rows = visitor.store().members(&name, visitor.account(), page).await?;
    let mut makers = HashMap::new();
    for row in &rows {
        if !makers.contains_key(&row.created_by) {
            makers.insert(row.created_by.clone(), maker(visitor, &row.created_by).await?);
        }
    }
    let now = visitor.now();
    let line = |row: MemberRow| {
        let made_by = makers.get(&row.created_by).cloned().unwrap_or_default();
        MemberLine::new(row, &visitor.member, made_by, now)
    };
    let frame = visitor.frame(api.map(|api| api as &ServedApi), Place::Members).await?;
    let account = frame.person.as_ref().and_then(|person| person.account.clone());
    let whose = match (api, account) {
        (None, _) => Whose::Operators,
        (Some(_), Some(account)) => Whose::Account(account),
        (Some(api), None) => Whose::AllAccounts(api.labels.title.to_string()),
    };
    let Typed { email, name, account, email_error, account_error } = typed;
    let action = place(api.map(|api| &**api));
    let lines = rows.into_iter().map(line).collect();
    let page = MembersPage { frame, action, whose, lines, email, name, account, email_error, account_error, done };
    Ok(respond(status, &page))
}

/// Who made something, in words.
pub(super) async fn maker(visitor: &Visitor, by: &str) -> Result<String, Setback> {
    if let Ok(id) = by.parse() {
        let member = visitor.store().member(id).await?;
        return Ok(member.map_or_else(|| by.to_owned(), |member| called(&member.row).to_owned()));
    }
    Ok(match by.split_once(':') {
        Some(("cli", user)) => format!("{user}, at the command line"),
        _ if by == "system" => "Bitting".to_owned(),
        _ => by.to_owned(),
    })
}

async fn invite(submission: &Submission, headers: &HeaderMap, api: Option<&ServedApi>) -> Result<Response, Setback> {
    let Submission { visitor, fields } = submission;
    let (email, name) = (fields.text("email").trim().to_owned(), fields.text("name").trim().to_owned());
    let typed =
        Typed { email: email.clone(), name: name.clone(), account: fields.text("account").to_owned(), ..Typed::default() };
    let account = match (api, visitor.account()) {
        (None, _) => None,
        (Some(_), Some(own)) => Some(own.clone()),
        (Some(_), None) => {
            let Ok(account) = fields.text("account").trim().parse::<AccountId>() else {
                let account_error = Some("Write the id of an account, as it stands in the list of accounts.".to_owned());
                let typed = Typed { account_error, ..typed };
                return list(visitor, api, StatusCode::UNPROCESSABLE_ENTITY, typed, None).await;
            };
            Some(account)
        }
    };
    let own = api.map_or(bitting_own(visitor), |api| api.name.to_string());
    let guest = Guest { api: own, account, name: name.clone(), email: Some(email.clone()) };
    let made = Invitation::of(guest, visitor.now()).map_err(|_| Trouble::Unavailable)?;
    let wrong = match visitor.submit(made.change.clone(), Conditions::default()).await {
        Ok(_) => {
            let who = if name.is_empty() { email } else { name };
            return hand_over(visitor, headers, api, who, &made, true).await;
        }
        Err(CommitError::Invalid(InvalidChange::Fields(wrong))) => {
            Typed { email_error: wrong.first().map(|wrong| wrong.message.clone()), ..typed }
        }
        Err(CommitError::Refused(Refusal::MemberExists)) => {
            Typed { email_error: Some("Somebody signs in with this address already.".to_owned()), ..typed }
        }
        Err(CommitError::Refused(Refusal::NoSuchAccount(_))) => {
            Typed { account_error: Some("There is no such account. Make it first.".to_owned()), ..typed }
        }
        Err(error) => return Err(error.into()),
    };
    list(visitor, api, StatusCode::UNPROCESSABLE_ENTITY, wrong, None).await
}

/// Shows a link that was made, once.
async fn hand_over(
    visitor: &Visitor,
    headers: &HeaderMap,
    api: Option<&ServedApi>,
    who: String,
    made: &Invitation,
    is_invitation: bool,
) -> Result<Response, Setback> {
    let page = LinkMadePage {
        frame: visitor.frame(api, Place::Members).await?,
        who,
        link: one_time_link(&visitor.shared.reception.origin(headers), &made.token),
        is_invitation,
        expires_at: made.expires_at,
        now: visitor.now(),
        back: place(api.map(|api| &**api)),
    };
    Ok(respond(StatusCode::CREATED, &page))
}

/// Where members of an API are listed, or operators.
fn place(api: Option<&Api>) -> String {
    api.map_or_else(|| link::MEMBERS.to_owned(), |api| ApiLinks::new(&api.name).members())
}

/// The API of operators.
fn bitting_own(visitor: &Visitor) -> String {
    visitor.engine().apis().own().name.to_string()
}
