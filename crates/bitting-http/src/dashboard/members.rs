//! `/members` and `/apis/{api}/members`: who may sign in.

mod actions;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::response::Response;
use bitting_core::account::AccountId;
use bitting_core::api::Api;
use bitting_engine::{CommitError, Guest, InvalidChange, Invitation, ServedApi};
use bitting_store::{Conditions, KeyFilter, KeyStatus, MemberRow, Page, Refusal, StatusFilter};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::address::{Path, Query};
use super::setback::{Setback, answered};
use super::submission::Submission;
use super::view::{
    ApiLinks, LeftBehind, LinkMadePage, MemberLine, MembersPage, Place, Trouble, Whose, called, link, may_invite, with_query,
};
use super::visitor::Visitor;
use super::{one_time_link, respond};

pub(super) use actions::{disable, enable, make_link, remove_second_factor};

/// The most members on the page. Accounts with more are rare, and their newest come first.
const MOST: usize = 500;

/// The most people whom developers of an account have invited and who have not come, as long as an invitation lasts.
const MOST_AWAITED: usize = 20;
const AWAITED: Duration = Duration::from_hours(24 * 7);

/// Who was just disabled.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    disabled: String,
}

/// The most keys of somebody that are counted.
const COUNTED: usize = 1_000;

/// What somebody who was disabled leaves behind, if the visitor sees them.
async fn left_behind(visitor: &Visitor, id: &str) -> Result<Option<LeftBehind>, Setback> {
    let Ok(row) = visitor.colleague(id).await else { return Ok(None) };
    if row.enabled {
        return Ok(None);
    }
    let mut keys = Vec::new();
    let creator = row.id.to_string();
    for api in visitor.engine().apis().protected() {
        // Operators make keys everywhere, developers in their own API.
        if row.account.is_some() && *api.name != *row.api {
            continue;
        }
        let status = Some((StatusFilter::Is(KeyStatus::Active), visitor.now()));
        let filter =
            KeyFilter { account: visitor.account().cloned(), creator: Some(creator.clone()), status, ..KeyFilter::default() };
        let found = visitor.store().keys(&api.name, filter, Page { after: None, limit: COUNTED }).await?.len();
        if found > 0 {
            let list = with_query(&ApiLinks::new(&api.name).keys(), &[("created_by", Some(&*creator))]);
            keys.push((list, found, found == COUNTED, api.labels.title.to_string()));
        }
    }
    Ok(Some(LeftBehind::new(called(&row), keys)))
}

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
pub(super) async fn own(visitor: Visitor, Query(asked): Query<Asked>) -> Response {
    answered(&visitor, async {
        let api = own_api(&visitor)?;
        let done = left_behind(&visitor, &asked.disabled).await?;
        list(&visitor, api.as_deref(), StatusCode::OK, Typed::default(), done).await
    })
    .await
}

/// `GET /apis/{api}/members`
pub(super) async fn of_api(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<Asked>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let done = left_behind(&visitor, &asked.disabled).await?;
        list(&visitor, Some(&api), StatusCode::OK, Typed::default(), done).await
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
    done: Option<LeftBehind>,
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
    let removed = api
        .filter(|_| rows.iter().any(|row| !row.enabled))
        .map(|api| with_query(&ApiLinks::new(&api.name).keys(), &[("created_by", Some(super::keys::REMOVED))]));
    let lines = rows.into_iter().map(line).collect();
    let may_invite = may_invite(&visitor.member);
    let page = MembersPage {
        frame,
        action,
        whose,
        lines,
        email,
        name,
        account,
        email_error,
        account_error,
        done,
        removed,
        may_invite,
    };
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
    if !may_invite(&visitor.member) {
        return Err(Trouble::Forbidden.into());
    }
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
    if has_invited_enough(visitor).await? {
        let enough = format!("{MOST_AWAITED} people were invited within a week and have not come yet. Wait until some have.");
        let typed = Typed { email_error: Some(enough), ..typed };
        return list(visitor, api, StatusCode::UNPROCESSABLE_ENTITY, typed, None).await;
    }
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
            Typed { email_error: Some(taken(visitor, &email).await?.to_owned()), ..typed }
        }
        Err(CommitError::Refused(Refusal::NoSuchAccount(_))) => {
            Typed { account_error: Some("There is no such account. Make it first.".to_owned()), ..typed }
        }
        Err(error) => return Err(error.into()),
    };
    list(visitor, api, StatusCode::UNPROCESSABLE_ENTITY, wrong, None).await
}

/// Why an address that somebody has cannot be invited, as far as the visitor may know of them.
async fn taken(visitor: &Visitor, email: &str) -> Result<&'static str, Setback> {
    let found = visitor.store().member_by_email(&email.to_lowercase()).await?;
    let is_seen = visitor.is_operator() || found.is_some_and(|member| visitor.is_colleague(&member.row));
    Ok(if is_seen {
        "Somebody signs in with this address already."
    } else {
        "This address cannot be invited. Ask whoever runs the API."
    })
}

/// Whether developers of an account have invited as many as may be awaited at once. Who is somebody's customer already shows in
/// which addresses cannot be invited, so nobody may try many.
async fn has_invited_enough(visitor: &Visitor) -> Result<bool, Setback> {
    let Some(account) = visitor.account() else { return Ok(false) };
    let all = Page { after: None, limit: usize::MAX };
    let rows = visitor.store().members(&visitor.member.api, Some(account), all).await?;
    let developers: HashSet<String> = rows.iter().map(|row| row.id.to_string()).collect();
    // Disabling somebody who has not come makes no room.
    let is_awaited = |row: &&MemberRow| row.is_awaited() && visitor.now().since(row.created_at) < AWAITED;
    let awaited = rows.iter().filter(is_awaited).filter(|row| developers.contains(&row.created_by)).count();
    Ok(awaited >= MOST_AWAITED)
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
