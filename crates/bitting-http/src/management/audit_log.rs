//! `GET …/audit-log`

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_store::{AuditFilter, AuditRow, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::page::Asked;

/// Which changes, and which part of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListChanges {
    limit: Option<usize>,
    cursor: Option<String>,
    #[serde(flatten)]
    filter: Filter,
}

/// Which changes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    actor: Option<String>,
    subject: Option<String>,
    action: Option<String>,
    /// Not before.
    from: Option<Timestamp>,
    /// Before.
    until: Option<Timestamp>,
}

/// Who changed what, from where, and how.
#[derive(Serialize)]
struct AuditEntry {
    /// The number of the commit.
    sequence: u64,
    at: Timestamp,
    actor: String,
    address: Option<String>,
    request_id: String,
    action: String,
    subject: String,
    before: Value,
    after: Value,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            sequence: row.sequence.0,
            at: row.at,
            actor: row.actor,
            address: row.address,
            request_id: row.request_id,
            action: row.action,
            subject: row.subject,
            before: row.before,
            after: row.after,
        }
    }
}

pub(crate) async fn list(caller: Caller, query: Result<Query<ListChanges>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let page = Asked::<Sequence>::new(asked.limit, asked.cursor.as_deref(), &(&*caller.api.name, "audit", &asked.filter))?;
    let Filter { actor, subject, action, from, until } = asked.filter;
    let filter = AuditFilter { actor, subject, action, from, until };
    let reading = Page { after: page.after, limit: page.reading() };
    let rows = caller.shared.engine.store().audit_log(&caller.api.name, filter, reading).await?;
    Ok(Json(page.page(rows, |last| last.sequence, AuditEntry::from)).into_response())
}
