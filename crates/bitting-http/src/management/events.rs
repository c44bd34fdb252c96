//! `GET …/events` and `GET …/events/stream`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::event::{EventId, EventKind, Severity};
use bitting_core::key::KeyId;
use bitting_core::reason::Reason;
use bitting_core::time::Timestamp;
use bitting_store::{EventFilter, EventRow, Page};
use futures_util::stream;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};

/// Which events, and which part of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListEvents {
    limit: Option<usize>,
    cursor: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    #[serde(flatten)]
    filter: Filter,
}

/// Which events to follow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FollowEvents {
    after: Option<String>,
    #[serde(flatten)]
    filter: Filter,
}

/// Which events.
#[derive(Clone, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Names from the catalogue, separated by commas.
    #[serde(rename = "type")]
    #[param(value_type = String, required = false, example = "key.revoked,key.leaked")]
    kinds: Option<String>,
    /// How much it wants of whoever reads it.
    #[param(value_type = words::Severity, required = false)]
    severity: Option<String>,
    /// About this account or its keys.
    #[param(value_type = words::AccountId, required = false)]
    account: Option<AccountId>,
    /// About this key.
    #[param(value_type = words::KeyId, required = false)]
    key: Option<KeyId>,
}

/// In which time events began.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "they are read beside the other conditions")]
struct Span {
    /// Not before.
    #[param(value_type = words::Time, required = false)]
    from: Timestamp,
    /// Before.
    #[param(value_type = words::Time, required = false)]
    until: Timestamp,
}

/// From where on to follow.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is read beside the conditions")]
struct Resume {
    /// The id of the last event that is known, as in the header `Last-Event-ID`, which comes before this.
    #[param(value_type = String, required = false)]
    after: String,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct Event {
    /// It never changes: whoever hears of an event twice knows it by this.
    #[schema(value_type = String, examples("evt_01m7r8z3q9v5w2x4y6a8b0c1d2"))]
    id: EventId,
    /// Its name in the catalogue.
    #[serde(rename = "type")]
    #[schema(value_type = String, examples("key.revoked"))]
    kind: EventKind,
    #[schema(value_type = words::Severity)]
    severity: Severity,
    /// When it happened first.
    #[schema(value_type = words::Time)]
    at: Timestamp,
    /// When it happened last.
    #[schema(value_type = words::Time)]
    last_at: Timestamp,
    /// How often it happened.
    count: u64,
    /// The account that it is about; null is told to operators alone.
    #[schema(value_type = Option<words::AccountId>, required = true)]
    account: Option<AccountId>,
    /// The key that it is about.
    #[schema(value_type = Option<words::KeyId>, required = true)]
    key: Option<KeyId>,
    /// What is known of it, by its name.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id(),
            kind: row.kind,
            severity: row.kind.severity(),
            at: row.at,
            last_at: row.last_at,
            count: row.count,
            account: row.account,
            key: row.key,
            data: row.data,
        }
    }
}

impl Filter {
    fn read(&self) -> Result<EventFilter, Fault> {
        let kinds = self.kinds.iter().flat_map(|names| names.split(','));
        let kinds = kinds.map(str::parse).collect::<Result<Vec<EventKind>, _>>();
        let severity = self.severity.as_deref().map(str::parse::<Severity>).transpose();
        Ok(EventFilter {
            account: self.account.clone(),
            key: self.key,
            kinds: kinds.map_err(|error| Fault::field("type", error.to_string()))?,
            severity: severity.map_err(|error| Fault::field("severity", error.to_string()))?,
            ..EventFilter::default()
        })
    }
}

/// List events
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/events",
    operation_id = "listEvents",
    tag = "events",
    params(PageParameters, Filter, Span),
    responses((status = 200, description = "A page of events", body = page::Page<Event>)),
)]
pub(crate) async fn list(caller: Caller, query: Result<Query<ListEvents>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let list = (&*caller.api.name, "events", &asked.filter, asked.from, asked.until);
    let page = Asked::<u64>::new(asked.limit, asked.cursor.as_deref(), &list)?;
    let filter = EventFilter { from: asked.from, until: asked.until, ..asked.filter.read()? };
    let reading = Page { after: page.after, limit: page.reading() };
    let rows = caller.shared.engine.store().events(&caller.api.name, filter, reading).await?;
    Ok(Json(page.page(rows, |last| last.number, Event::from)).into_response())
}

/// How often a stream looks whether its key still opens it.
const PULSE: Duration = Duration::from_secs(1);

/// How often a stream in which nothing happens says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many events are read at once.
const READ: usize = 100;

/// How many may follow at once: each has a connection, of which there are not many.
const FOLLOWERS: usize = 16;

/// The places for those who follow events.
#[derive(Clone)]
pub(crate) struct Followers(Arc<Semaphore>);

impl Default for Followers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(FOLLOWERS)))
    }
}

/// Follow events
///
/// As server-sent events, from now on or from after a known event: each has its id, its name, and the event as in a list.
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/events/stream",
    operation_id = "followEvents",
    tag = "events",
    params(Resume, Filter, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that is known.")),
    responses((status = 200, description = "Events as they are written", body = String, content_type = "text/event-stream")),
)]
pub(crate) async fn follow(
    caller: Caller,
    headers: HeaderMap,
    query: Result<Query<FollowEvents>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(FollowEvents { after, filter }) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let filter = filter.read()?;
    let last = caller.shared.engine.last_event();
    let known = match (headers.get("last-event-id"), after) {
        (Some(id), _) => Some((id.to_str().unwrap_or_default().to_owned(), "Last-Event-ID")),
        (None, Some(id)) => Some((id, "after")),
        (None, None) => None,
    };
    let after = match known {
        None => caller.shared.engine.store().last_event().await?,
        Some((id, place)) => id.parse::<EventId>().map_err(|error| Fault::field(place, error.to_string()))?.number(),
    };
    let Ok(place) = Arc::clone(&caller.shared.followers.0).try_acquire_owned() else {
        return Err(Fault::of(Reason::RateLimited, "As many follow events as may at once; list them, or end another stream."));
    };
    let stopping = caller.shared.engine.stopping();
    let follower = Follower { caller, filter, after, last, stopping, read: Vec::new(), _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// Somebody who follows events. It holds what was read last and no more.
struct Follower {
    caller: Caller,
    filter: EventFilter,
    /// The number of the event that was told last.
    after: u64,
    last: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    /// What was read and is not told, the next one last.
    read: Vec<EventRow>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; `None` when the stream is over, because its key no longer opens it or the server stops.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if !self.caller.is_still_admitted().await {
                return None;
            }
            if let Some(row) = self.read.pop() {
                self.after = row.number;
                let (id, name) = (row.id().to_string(), row.kind.name());
                let data = serde_json::to_string(&Event::from(row)).ok()?;
                return Some(sse::Event::default().id(id).event(name).data(data));
            }
            self.read().await?;
            if self.read.is_empty() {
                tokio::select! {
                    changed = self.last.changed() => changed.ok()?,
                    _ = self.stopping.wait_for(|is_stopping| *is_stopping) => return None,
                    () = tokio::time::sleep(PULSE) => {}
                }
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        let (engine, last) = (&self.caller.shared.engine, *self.last.borrow_and_update());
        if self.after >= last {
            return Some(());
        }
        let filter = EventFilter { since: Some(self.after), ..self.filter.clone() };
        self.read = match engine.store().events_since(&self.caller.api.name, filter, READ).await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "events cannot be read; whoever follows them may come back later");
                return None;
            }
        };
        self.read.reverse();
        if self.read.is_empty() {
            self.after = last;
        }
        Some(())
    }
}
