//! `/apis/{api}/events`: what happened, and what of it somebody has read.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::account::AccountId;
use bitting_core::event::Severity;
use bitting_core::key::KeyId;
use bitting_engine::ServedApi;
use bitting_store::{EventFilter, EventRow, KeyFilter, KeyStatus, Page};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::address::{Path, Query};
use super::keys::actors;
use super::respond;
use super::setback::{Setback, answered};
use super::submission::Submission;
use super::view::{ApiLinks, EventCounts, EventLine, EventOf, EventView, EventsAsked, EventsPage, Place, Trouble, plural};
use super::visitor::{Visitor, Watcher};

/// How many events stand on a page.
const LINES: usize = 50;

/// How many keys can be chosen from. Whoever has more comes from the key's own page.
const KEYS: usize = 100;

/// `GET /apis/{api}/events`
pub(super) async fn list(
    visitor: Visitor,
    Path(api): Path<String>,
    Query(asked): Query<EventsAsked>,
    headers: HeaderMap,
) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let Narrowed { filter, key, can_be } = Narrowed::new(&visitor, &api, &asked.key, &asked.account).await?;
        let read_up_to = visitor.store().read_up_to(visitor.member.id, &api.name).await?;
        let newest = newest(&visitor, &api).await?;
        let counts = if can_be { counts(&visitor, &api, &filter, read_up_to).await? } else { EventCounts::default() };
        let page = Page { after: asked.after.parse().ok(), limit: if can_be { LINES + 1 } else { 0 } };
        let shown = of_view(filter.clone(), asked.view(), read_up_to);
        let mut rows = visitor.store().events(&api.name, shown, page).await?;
        let has_more = rows.len() > LINES;
        rows.truncate(LINES);
        let page = EventsPage {
            next: rows.last().filter(|_| has_more).map(|row| row.number),
            lines: lines(&visitor, &api, &rows, read_up_to).await?,
            keys: choices(&visitor, &api, filter.account).await?,
            frame: visitor.frame(Some(&api), Place::Events).await?,
            links: ApiLinks::new(&api.name),
            stream: visitor.is_operator().then(|| stream(&visitor.shared.reception.origin(&headers), &api)),
            asked,
            counts,
            newest,
            key,
        };
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

/// `POST /apis/{api}/events/read`: what stood on the page is read. What has come since is not.
pub(super) async fn mark_read(Path(api): Path<String>, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let up_to: u64 = fields.text("up_to").parse().map_err(|_| Trouble::Unreadable)?;
        let newest = newest(&visitor, &api).await?;
        visitor.store().mark_read(visitor.member.id, &api.name, up_to.min(newest)).await?;
        Ok(Redirect::to(&ApiLinks::new(&api.name).events()).into_response())
    })
    .await
}

/// What is shown already, and of what.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Seen {
    since: String,
    key: String,
    account: String,
}

/// `GET /apis/{api}/events/live`: how many there are that are newer; nothing if there is none.
pub(super) async fn live(Watcher(visitor): Watcher, Path(api): Path<String>, Query(seen): Query<Seen>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let Narrowed { filter, can_be, .. } = Narrowed::new(&visitor, &api, &seen.key, &seen.account).await?;
        let filter = EventFilter { since: Some(seen.since.parse().map_err(|_| Trouble::NotFound)?), ..filter };
        let number = visitor.store().count_events(&api.name, filter, if can_be { LINES + 1 } else { 0 }).await?;
        let text = match number {
            0 => String::new(),
            number if number > LINES => format!("More than {LINES} new events"),
            number => plural(number as u64, "new event"),
        };
        let mut response = text.into_response();
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
        response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
        Ok(response)
    })
    .await
}

/// Which of the events that they may see are asked for.
struct Narrowed {
    filter: EventFilter,
    /// What the key is called whose they shall be.
    key: Option<String>,
    /// Whether there can be any: what can be no account's id has none.
    can_be: bool,
}

impl Narrowed {
    async fn new(visitor: &Visitor, api: &ServedApi, key: &str, account: &str) -> Result<Self, Setback> {
        let (mut narrowed, account) = (Self { filter: visitor.events(), key: None, can_be: true }, account.trim());
        if visitor.is_operator() && !account.is_empty() {
            narrowed.filter.account = account.parse().ok();
            narrowed.can_be = narrowed.filter.account.is_some();
        }
        if !key.is_empty() {
            let row = visitor.key(api, key).await?;
            (narrowed.filter.key, narrowed.key) = (Some(row.id), Some(row.name));
        }
        Ok(narrowed)
    }
}

/// Those of a view.
fn of_view(filter: EventFilter, view: EventView, read_up_to: u64) -> EventFilter {
    match view {
        EventView::All => filter,
        EventView::Unread => EventFilter { urgent: true, since: Some(read_up_to), ..filter },
        EventView::Critical => EventFilter { severity: Some(Severity::Critical), ..filter },
        EventView::Warnings => EventFilter { severity: Some(Severity::Warning), ..filter },
    }
}

async fn counts(visitor: &Visitor, api: &ServedApi, filter: &EventFilter, read_up_to: u64) -> Result<EventCounts, Setback> {
    let count = async |view| {
        let filter = of_view(filter.clone(), view, read_up_to);
        visitor.store().count_events(&api.name, filter, EventCounts::MOST + 1).await
    };
    Ok(EventCounts {
        all: count(EventView::All).await?,
        unread: count(EventView::Unread).await?,
        critical: count(EventView::Critical).await?,
        warnings: count(EventView::Warnings).await?,
    })
}

/// The command that follows the events of an API, which takes an operator's token.
fn stream(origin: &str, api: &ServedApi) -> String {
    format!("curl -N {origin}/v1/apis/{}/events/stream \\\n  -H \"Authorization: Bearer $TOKEN\"", api.name)
}

/// The number of the last event that they may see.
async fn newest(visitor: &Visitor, api: &ServedApi) -> Result<u64, Setback> {
    let page = Page { after: None, limit: 1 };
    let rows = visitor.store().events(&api.name, visitor.events(), page).await?;
    Ok(rows.first().map_or(0, |row| row.number))
}

async fn lines(visitor: &Visitor, api: &ServedApi, rows: &[EventRow], read_up_to: u64) -> Result<Vec<EventLine>, Setback> {
    let now = visitor.now();
    let mut keys: BTreeMap<KeyId, Option<(String, bool)>> = BTreeMap::new();
    let mut accounts: BTreeMap<AccountId, String> = BTreeMap::new();
    for row in rows {
        if let Some(id) = row.key.filter(|id| !keys.contains_key(id)) {
            let key = visitor.store().key(&api.name, id).await?;
            keys.insert(id, key.map(|key| (key.name.clone(), key.status(now) == KeyStatus::Active)));
        }
        if let Some(id) = row.account.as_ref().filter(|id| visitor.is_operator() && !accounts.contains_key(*id)) {
            let account = visitor.store().account(&api.name, id).await?;
            accounts.insert(id.clone(), account.map_or_else(|| id.to_string(), |account| account.called().to_owned()));
        }
    }
    let by = |row: &EventRow| row.data.get("by").and_then(|by| by.as_str()).map(str::to_owned);
    let doers: Vec<Option<String>> = rows.iter().map(by).collect();
    let known = actors(visitor, doers.iter().flatten().map(|by| (&*api.name, by.as_str())).collect()).await?;
    let (links, to_operator) = (ApiLinks::new(&api.name), visitor.is_operator());
    let line = |(row, by): (&EventRow, &Option<String>)| {
        let by = by.as_deref().map(|by| known.say(by));
        let key = row.key.and_then(|id| keys.get(&id)).and_then(Option::as_ref);
        EventLine::new(EventOf {
            row,
            key: key.map(|(name, _)| name.as_str()),
            key_works: key.is_some_and(|(_, works)| *works),
            by: by.as_deref(),
            account: row.account.as_ref().and_then(|id| accounts.get(id)).map(String::as_str),
            links: &links,
            to_operator,
            read_up_to,
            now,
        })
    };
    Ok(rows.iter().zip(&doers).map(line).collect())
}

/// The keys of an account that can be chosen, the newest first.
async fn choices(visitor: &Visitor, api: &ServedApi, account: Option<AccountId>) -> Result<Vec<(String, String)>, Setback> {
    let Some(account) = account else { return Ok(Vec::new()) };
    let filter = KeyFilter { account: Some(account), ..KeyFilter::default() };
    let keys = visitor.store().keys(&api.name, filter, Page { after: None, limit: KEYS }).await?;
    Ok(keys.into_iter().map(|key| (key.id.to_string(), key.name)).collect())
}
