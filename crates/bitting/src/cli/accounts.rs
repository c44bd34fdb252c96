//! `bitting accounts …`

use bitting_store::{AccountPatch, AccountRow, Change, NewAccount, Page};

use super::context::Context;
use super::options::{AccountsCommand, Shared};
use super::output::{facts, note, say, say_json, second, table};
use crate::failure::{Failure, FailureKind};

/// Runs one of the commands.
pub(super) async fn run(command: AccountsCommand, shared: &Shared) -> Result<(), Failure> {
    let context = Context::new(shared).await?;
    match command {
        AccountsCommand::Create { api, account, name, plan } => {
            let api = context.api(api.api.as_deref())?.name.to_string();
            let change = Change::CreateAccount(NewAccount { api, id: account, name, plan });
            commit(&context, change, shared.json).await
        }
        AccountsCommand::Update { api, account, name, plan, suspend, resume } => {
            let api = context.api(api.api.as_deref())?.name.to_string();
            let enabled = (suspend || resume).then_some(resume);
            let plan = plan.map(|plan| Some(plan).filter(|plan| !plan.is_empty()));
            let patch = AccountPatch { name, plan, enabled };
            commit(&context, Change::UpdateAccount { api, account, patch }, shared.json).await
        }
        AccountsCommand::Show { api, account } => {
            let api = context.api(api.api.as_deref())?;
            let row = context.owner.account(&api.name, &account).await?;
            let missing = || Failure::of(FailureKind::NotFound, format!("there is no account {account}"));
            show(&row.ok_or_else(missing)?, shared.json)
        }
        AccountsCommand::List { api, page, after } => {
            let api = context.api(api.api.as_deref())?;
            let page = Page { after, limit: page.limit };
            list(&context.owner.accounts(&api.name, page).await?, shared.json)
        }
    }
}

async fn commit(context: &Context, change: Change, json: bool) -> Result<(), Failure> {
    let done = context.owner.commit(change).await?;
    done.accounts.first().map_or(Ok(()), |row| show(row, json))
}

fn show(row: &AccountRow, json: bool) -> Result<(), Failure> {
    if json {
        return say_json(row);
    }
    let mut lines = vec![
        ("account", row.id.to_string()),
        ("api", row.api.clone()),
        ("name", row.name.clone()),
        ("plan", row.plan.clone().unwrap_or_default()),
        ("status", status(row).to_owned()),
        ("created", second(row.created_at)),
        ("updated", second(row.updated_at)),
    ];
    // Most APIs have no plans.
    lines.retain(|(name, value)| *name != "plan" || !value.is_empty());
    say(&facts(&lines))
}

fn list(rows: &[AccountRow], json: bool) -> Result<(), Failure> {
    if json {
        return say_json(&rows);
    }
    if rows.is_empty() {
        note("no accounts");
        return Ok(());
    }
    let has_plans = rows.iter().any(|row| row.plan.is_some());
    let cells = |row: &AccountRow| {
        let plan = has_plans.then(|| row.plan.clone().unwrap_or_default());
        let first = [row.id.to_string(), row.name.clone()].into_iter().chain(plan);
        first.chain([status(row).to_owned(), second(row.created_at)]).collect::<Vec<_>>()
    };
    let head = ["ACCOUNT", "NAME"].into_iter().chain(has_plans.then_some("PLAN")).chain(["STATUS", "CREATED"]);
    say(&table(&head.collect::<Vec<_>>(), &rows.iter().map(cells).collect::<Vec<_>>()))
}

fn status(row: &AccountRow) -> &'static str {
    if row.enabled { "active" } else { "suspended" }
}
