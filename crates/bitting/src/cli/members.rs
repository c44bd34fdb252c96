//! `bitting members …`

use bitting_engine::{Clock as _, Guest, InvalidChange, Invitation, WallClock};
use bitting_store::{Change, MemberPatch, MemberRow, Page};
use serde_json::json;

use super::context::Context;
use super::options::{MembersCommand, Shared};
use super::output::{note, say, say_json, say_once, second, table, to_json};
use crate::config::OWN_API;
use crate::failure::{Failure, FailureKind};

/// Runs one of the commands.
pub(super) async fn run(command: MembersCommand, shared: &Shared) -> Result<(), Failure> {
    let context = Context::new(shared).await?;
    match command {
        MembersCommand::List { api, account, page } => {
            let api = api.as_deref().map_or(Ok(OWN_API.to_owned()), |api| name(&context, api))?;
            let page = Page { after: None, limit: page.limit };
            list(&context.owner.members(&api, account, page).await?, shared.json)
        }
        MembersCommand::Invite { email, name: called, api, account } => {
            let api = api.as_deref().map_or(Ok(OWN_API.to_owned()), |api| name(&context, api))?;
            if account.is_some() == (api == OWN_API) {
                let message = "whose developer is it?\nwrite --api and --account, or neither for an operator";
                return Err(Failure::of(FailureKind::Options, message));
            }
            let guest = Guest { api, account, name: called, email: Some(email) };
            let made = Invitation::of(guest, WallClock.now()).map_err(InvalidChange::from)?;
            hand_over(&context, made, shared.json).await
        }
        MembersCommand::Reset { member } => {
            let row = find(&context, &member).await?;
            let made = Invitation::again(&row, WallClock.now()).map_err(InvalidChange::from)?;
            hand_over(&context, made, shared.json).await
        }
        MembersCommand::Update { member, name, disable, enable, remove_second_factor } => {
            let row = find(&context, &member).await?;
            let patch = MemberPatch {
                name,
                enabled: (disable || enable).then_some(enable),
                second_factor: remove_second_factor.then_some(None),
                ..MemberPatch::default()
            };
            let change = Change::UpdateMember { api: row.api.clone(), member: row.id, patch: Box::new(patch) };
            context.owner.commit(change).await?;
            list(&[find(&context, &row.id.to_string()).await?], shared.json)
        }
    }
}

fn name(context: &Context, api: &str) -> Result<String, Failure> {
    context.api(Some(api)).map(|api| api.name.to_string())
}

/// Somebody by their id or e-mail address.
async fn find(context: &Context, member: &str) -> Result<MemberRow, Failure> {
    let missing = || Failure::of(FailureKind::NotFound, format!("there is no member {member}"));
    context.owner.member(member).await?.ok_or_else(missing)
}

/// Makes the link known and shows it, the link alone on standard output.
async fn hand_over(context: &Context, made: Invitation, json: bool) -> Result<(), Failure> {
    context.owner.commit(made.change).await?;
    let link = bitting_http::one_time_link(&context.dashboard_url, &made.token);
    let lost = "the link was made and cannot be shown again: make another with `bitting members reset`";
    if json {
        return say_once(&to_json(&json!({"url": link, "expires_at": made.expires_at}))?, lost);
    }
    note(&format!("This link works once, until {}. Give it to nobody else.", second(made.expires_at)));
    say_once(&link, lost)
}

fn list(rows: &[MemberRow], json: bool) -> Result<(), Failure> {
    if json {
        return say_json(&rows);
    }
    if rows.is_empty() {
        note("no members");
        return Ok(());
    }
    let cells = |row: &MemberRow| {
        let account = row.account.as_ref().map_or_else(|| "operator".to_owned(), ToString::to_string);
        vec![
            row.id.to_string(),
            row.name.clone(),
            row.email.clone().unwrap_or_default(),
            account,
            status(row).to_owned(),
            second(row.created_at),
        ]
    };
    say(&table(&["MEMBER", "NAME", "E-MAIL", "ACCOUNT", "STATUS", "CREATED"], &rows.iter().map(cells).collect::<Vec<_>>()))
}

fn status(row: &MemberRow) -> &'static str {
    match row {
        MemberRow { enabled: false, .. } => "disabled",
        row if row.is_awaited() => "invited",
        MemberRow { has_second_factor: true, .. } => "active, second factor",
        MemberRow { .. } => "active",
    }
}
