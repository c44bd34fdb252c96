//! `bitting webhooks …`

use bitting_core::event::EventKind;
use bitting_core::webhook::{InvalidUrl, WebhookId};
use bitting_engine::{Clock as _, SignedWith, WallClock, WebhookSpec};
use bitting_store::{Change, ListedWebhook, Page, WebhookPatch, WebhooksOf};
use serde_json::json;

use super::context::Context;
use super::options::{OfApi, Shared, WebhooksCommand};
use super::output::{note, say, say_json, say_once, second, table, to_json};
use crate::failure::{Failure, FailureKind};

/// Runs one of the commands.
pub(super) async fn run(command: WebhooksCommand, shared: &Shared) -> Result<(), Failure> {
    let context = Context::new(shared).await?;
    match command {
        WebhooksCommand::List { of, account, page } => {
            let of_whom = account.map_or(WebhooksOf::All, WebhooksOf::Account);
            let page = Page { after: None, limit: page.limit };
            list(&context.owner.webhooks(&name(&context, &of)?, of_whom, page).await?, shared.json)
        }
        WebhooksCommand::Create { url, of, account, description, events, severity } => {
            let api = name(&context, &of)?;
            let spec = WebhookSpec { account, url, description, events, severity };
            let made = spec.make(&api, WallClock.now())?;
            let Change::CreateWebhook(new) = &made.change else { return Ok(()) };
            let id = new.id;
            hand_over(&context, id, made, shared.json).await
        }
        WebhooksCommand::Update { webhook, of, url, description, disable, enable } => {
            let api = name(&context, &of)?;
            let wrong = |error: InvalidUrl| Failure::of(FailureKind::Refused, format!("url: {error}"));
            let url = url.map(|url| url.parse().map_err(wrong)).transpose()?;
            let enabled = (disable || enable).then_some(enable);
            let patch = Box::new(WebhookPatch { url, description, enabled, ..WebhookPatch::default() });
            context.owner.commit(Change::UpdateWebhook { api: api.clone(), webhook, patch }).await?;
            let all = context.owner.webhooks(&api, WebhooksOf::All, Page { after: None, limit: usize::MAX }).await?;
            list(&all.into_iter().filter(|one| one.row.id == webhook).collect::<Vec<_>>(), shared.json)
        }
        WebhooksCommand::RotateSecret { webhook, of, overlap } => {
            let made = SignedWith::rotated(&name(&context, &of)?, webhook, overlap, WallClock.now())?;
            hand_over(&context, webhook, made, shared.json).await
        }
        WebhooksCommand::Delete { webhook, of } => {
            let api = name(&context, &of)?;
            context.owner.commit(Change::DeleteWebhook { api, webhook }).await?;
            note(&format!("{webhook} is gone"));
            Ok(())
        }
    }
}

fn name(context: &Context, of: &OfApi) -> Result<String, Failure> {
    context.api(of.api.as_deref()).map(|api| api.name.to_string())
}

/// Makes the secret known and shows it, the secret alone on standard output.
async fn hand_over(context: &Context, webhook: WebhookId, made: SignedWith, json: bool) -> Result<(), Failure> {
    context.owner.commit(made.change).await?;
    let lost = "the secret was made and cannot be shown again: make another with `bitting webhooks rotate-secret`";
    let secret = made.secret.expose();
    if json {
        return say_once(&to_json(&json!({"id": webhook, "secret": &**secret}))?, lost);
    }
    note(&format!("Messages of {webhook} are signed with this secret, which is shown only now."));
    say_once(&secret, lost)
}

fn list(all: &[ListedWebhook], json: bool) -> Result<(), Failure> {
    if json {
        return say_json(&all);
    }
    if all.is_empty() {
        note("no webhooks");
        return Ok(());
    }
    let cells = |one: &ListedWebhook| {
        let account = one.row.account.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
        let events: Vec<&str> = one.row.events.iter().map(|kind| EventKind::name(*kind)).collect();
        let events = if events.is_empty() { "all".to_owned() } else { events.join(" ") };
        vec![one.row.id.to_string(), one.row.url.to_string(), account, events, status(one), one.waiting.to_string()]
    };
    let head = ["WEBHOOK", "URL", "ACCOUNT", "EVENTS", "STATUS", "WAITING"];
    say(&table(&head, &all.iter().map(cells).collect::<Vec<_>>()))
}

fn status(one: &ListedWebhook) -> String {
    match (one.row.enabled, one.row.disabled_because, one.failing_since) {
        (false, Some(because), _) => format!("disabled: {}", because.name()),
        (false, None, _) => "disabled".to_owned(),
        (true, _, Some(since)) => format!("failing since {}", second(since)),
        (true, _, None) => "active".to_owned(),
    }
}
