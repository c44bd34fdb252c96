//! `/apis/{api}/webhooks`: where events are sent, by whom it may be said where.
//!
//! Developers have the endpoints of their account, which hear of its events alone; operators see all, and have some of their own,
//! which hear of everything.

mod form;
mod steps;

use axum::response::Response;
use bitting_core::account::AccountId;
use bitting_core::webhook::{DeliveryId, WebhookId};
use bitting_engine::ServedApi;
use bitting_store::{DeliveryState, ListedWebhook, Page, WebhooksOf};
use http::StatusCode;
use serde::Deserialize;

use super::address::{Path, Query};
use super::members::maker;
use super::setback::{Setback, answered};
use super::view::{ApiLinks, DeliveriesOf, DeliveryLine, DeliveryPage, Place, Trouble, WebhookLine, WebhookPage, WebhooksPage};
use super::visitor::Visitor;
use super::{once, respond};

pub(super) use form::{ask, change, create, edit};
pub(super) use steps::{delete, rotate, send_again, switch, test};

/// How many endpoints stand on a page, and how many deliveries.
const LINES: usize = 50;
const DELIVERIES: usize = 20;

/// Where a list goes on.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    after: String,
}

/// `GET /apis/{api}/webhooks`
pub(super) async fn list(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<Asked>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let of = visitor.account().cloned().map_or(WebhooksOf::All, WebhooksOf::Account);
        let page = Page { after: asked.after.parse::<WebhookId>().ok(), limit: LINES + 1 };
        let mut rows = visitor.store().webhooks(&api.name, of, page).await?;
        let has_more = rows.len() > LINES;
        rows.truncate(LINES);
        let next = rows.last().filter(|_| has_more).map(|last| last.row.id.to_string());
        let mut shown = Vec::new();
        for listed in rows {
            shown.push(line(&visitor, &api, listed).await?);
        }
        let frame = visitor.frame(Some(&api), Place::Webhooks).await?;
        let (links, is_first) = (ApiLinks::new(&api.name), asked.after.is_empty());
        Ok(respond(StatusCode::OK, &WebhooksPage { frame, links, lines: shown, next, is_first }))
    })
    .await
}

/// `GET /apis/{api}/webhooks/{id}`
pub(super) async fn show(
    visitor: Visitor,
    Path((api, id)): Path<(String, String)>,
    Query(asked): Query<DeliveriesOf>,
) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let listed = visitor.webhook(&api, &id).await?;
        let (links, now, webhook) = (ApiLinks::new(&api.name), visitor.now(), listed.row.id);
        let state = DeliveryState::ALL.into_iter().find(|state| state.name() == asked.state);
        let page = Page { after: asked.after.parse::<DeliveryId>().ok(), limit: DELIVERIES + 1 };
        let mut rows = visitor.store().deliveries(webhook, state, page).await?;
        let has_more = rows.len() > DELIVERIES;
        rows.truncate(DELIVERIES);
        let page = WebhookPage {
            next: rows.last().filter(|_| has_more).map(|last| last.id.to_string()),
            deliveries: rows.iter().map(|row| DeliveryLine::new(row, links.delivery(webhook, row.id), now)).collect(),
            maker: maker(&visitor, &listed.row.created_by).await?,
            line: line(&visitor, &api, listed).await?,
            frame: visitor.frame(Some(&api), Place::Webhooks).await?,
            once: once::token()?,
            done: done(&asked.done),
            links,
            asked,
        };
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

/// `GET /apis/{api}/webhooks/{id}/deliveries/{delivery}`
pub(super) async fn delivery(
    visitor: Visitor,
    Path((api, id, delivery)): Path<(String, String, String)>,
    Query(asked): Query<DeliveriesOf>,
) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let listed = visitor.webhook(&api, &id).await?;
        let (links, webhook) = (ApiLinks::new(&api.name), listed.row.id);
        let delivery: DeliveryId = delivery.parse().map_err(|_| Trouble::NotFound)?;
        let (row, attempts) = visitor.store().delivery(webhook, delivery).await?.ok_or(Trouble::NotFound)?;
        let (href, of) = (links.delivery(webhook, row.id), (links.webhook(webhook), listed.row.url.to_string()));
        let frame = visitor.frame(Some(&api), Place::Webhooks).await?;
        let page = DeliveryPage::new(frame, of, (&row, &attempts), href, asked.done == "sent", visitor.now());
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

async fn line(visitor: &Visitor, api: &ServedApi, listed: ListedWebhook) -> Result<WebhookLine, Setback> {
    let account = match listed.row.account.as_ref().filter(|_| visitor.is_operator()) {
        Some(id) => Some(called(visitor, api, id).await?),
        None => None,
    };
    Ok(WebhookLine::new(listed, account, visitor.now()))
}

/// What an account is called.
async fn called(visitor: &Visitor, api: &ServedApi, id: &AccountId) -> Result<String, Setback> {
    let row = visitor.store().account(&api.name, id).await?;
    Ok(row.map_or_else(|| id.to_string(), |row| row.called().to_owned()))
}

/// What was done, in words. The address can say nothing else.
fn done(word: &str) -> Option<&'static str> {
    match word {
        "saved" => Some("Saved. It holds from now on, also for what waits."),
        "on" => Some("It is turned on. What has waited is sent now."),
        "off" => Some("It is turned off. What happens waits."),
        "many" => Some("As many tests as may are on their way. Send another when one of them has ended."),
        "shown" => Some("Its secret was shown already, once. If it is lost, rotate it."),
        _ => None,
    }
}
