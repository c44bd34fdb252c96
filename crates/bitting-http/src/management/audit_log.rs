//! `GET …/audit-log`

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_store::{AuditFilter, AuditRow, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;
use crate::page::{self, Asked, PageParameters};

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
#[derive(Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Who: a key's id, or a user of the command line.
    #[param(value_type = String, required = false)]
    actor: Option<String>,
    /// A key's or an account's id.
    #[param(value_type = String, required = false)]
    subject: Option<String>,
    /// What was done, as in `key.revoked`.
    #[param(value_type = String, required = false)]
    action: Option<String>,
    /// Not before.
    #[param(value_type = words::Time, required = false)]
    from: Option<Timestamp>,
    /// Before.
    #[param(value_type = words::Time, required = false)]
    until: Option<Timestamp>,
}

/// Who changed what, from where, and how.
#[derive(Serialize, ToSchema)]
struct AuditEntry {
    /// The number of the commit.
    sequence: u64,
    #[schema(value_type = words::Time)]
    at: Timestamp,
    /// A key's id, or a user of the command line.
    #[schema(examples("key_01m7r8z3q9v5w2x4y6a8b0c1d2"))]
    actor: String,
    /// Where the request came from; null for the command line.
    #[schema(examples("192.0.2.7"), required = true)]
    address: Option<String>,
    request_id: String,
    #[schema(examples("key.updated"))]
    action: String,
    /// A key's or an account's id.
    subject: String,
    /// What was, of what was changed.
    #[schema(value_type = Option<Object>, required = true)]
    before: Value,
    /// What is, of what was changed.
    #[schema(value_type = Option<Object>, required = true)]
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

/// Read who changed what
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/audit-log",
    operation_id = "listChanges",
    tag = "audit",
    params(PageParameters, Filter),
    responses((status = 200, description = "A page of changes", body = page::Page<AuditEntry>)),
)]
pub(crate) async fn list(caller: Caller, query: Result<Query<ListChanges>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let page = Asked::<Sequence>::new(asked.limit, asked.cursor.as_deref(), &(&*caller.api.name, "audit", &asked.filter))?;
    let Filter { actor, subject, action, from, until } = asked.filter;
    let filter = AuditFilter { actor, subject, action, from, until };
    let reading = Page { after: page.after, limit: page.reading() };
    let rows = caller.shared.engine.store().audit_log(&caller.api.name, filter, reading).await?;
    Ok(Json(page.page(rows, |last| last.sequence, AuditEntry::from)).into_response())
}
