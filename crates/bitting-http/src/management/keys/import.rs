//! `POST …/api-keys:import`: keys that somebody else issued, in the form and by the rules of `bitting keys import`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::response::{IntoResponse, Response};
use bitting_core::reason::Reason;
use bitting_engine::{InvalidChange, RowProblem, Sheet, SheetFormat, SheetPart, Violation, import_id, preview_import};
use bitting_store::Conditions;
use bytes::Bytes;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::{self, Json};

/// How far it goes.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Import {
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// What was done, or would be.
#[derive(Serialize, ToSchema)]
struct Report {
    dry_run: bool,
    /// By which the audit log knows it; null if nothing was written.
    import: Option<String>,
    rows: usize,
    imported: usize,
    there_already: usize,
}

/// A body and how it is written.
pub(crate) struct Rows {
    format: SheetFormat,
    content: Bytes,
}

/// The most bytes of a body: some hundred thousand keys. More is for the command line.
const LIMIT: usize = 16 << 20;

/// How many bad rows are named.
const SHOWN: usize = 100;

/// Import keys that somebody else issued
///
/// JSON lines or CSV, a row for each key, with the hash by which it was kept. Everything is checked before anything is written, and
/// what is there already is skipped.
#[utoipa::path(
    post,
    path = "/v1/apis/{api}/api-keys:import",
    operation_id = "importKeys",
    tag = "keys",
    params(Import),
    request_body(content = String, content_type = "application/x-ndjson", description = "A JSON object a line; or CSV, as text/csv"),
    responses((status = 200, description = "How many were imported", body = Report)),
)]
pub(crate) async fn import(
    caller: Caller,
    query: Result<Query<Import>, QueryRejection>,
    request: Request,
) -> Result<Response, Fault> {
    let Query(Import { dry_run }) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let _turn = caller.shared.importing.lock().await;
    let Sheet { rows, parts, problems } = read(&caller, Rows::from_request(request, &()).await?).await?;
    let there = preview(&caller, &parts, problems).await?;
    let mut answer = Report { dry_run, import: None, rows, imported: rows - there, there_already: there };
    if !dry_run {
        let id = import_id(caller.shared.engine.now()).map_err(InvalidChange::from)?;
        answer.imported = write(&caller, parts, &id).await?;
        answer.there_already = rows - answer.imported;
        answer.import = Some(id);
    }
    Ok(Json(answer).into_response())
}

impl<S: Sync> FromRequest<S> for Rows {
    type Rejection = Fault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Fault> {
        let format = format(request.headers()).ok_or_else(|| {
            let detail = "send JSON lines with Content-Type: application/x-ndjson, or CSV with Content-Type: text/csv";
            Fault::of(Reason::UnsupportedMediaType, detail)
        })?;
        Ok(Self { format, content: json::bytes(request, LIMIT).await? })
    }
}

/// What is told apart by nothing else must be said.
fn format(headers: &HeaderMap) -> Option<SheetFormat> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match value.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/x-ndjson" => Some(SheetFormat::JsonLines),
        "text/csv" => Some(SheetFormat::Csv),
        _ => None,
    }
}

/// Reads the rows where nobody's request waits for it: it takes a good part of a second.
async fn read(caller: &Caller, rows: Rows) -> Result<Sheet, Fault> {
    let (api, now) = (caller.api.clone(), caller.shared.engine.now());
    let read = tokio::task::spawn_blocking(move || Sheet::read(&rows.content, rows.format, &api, now));
    let read = read.await.map_err(|_| {
        // What a panic says could hold a row.
        tracing::error!("an import could not be read");
        Fault::of(Reason::StoreUnavailable, "The rows could not be read.")
    })?;
    Ok(read.map_err(InvalidChange::from)?)
}

/// How many keys are there already, if nothing is wrong with any.
async fn preview(caller: &Caller, parts: &[SheetPart], mut problems: Vec<RowProblem>) -> Result<usize, Fault> {
    let engine = &caller.shared.engine;
    let (apis, mut there) = (engine.apis(), 0);
    for part in parts {
        let findings = preview_import(engine.store(), &apis, &caller.api.name, part.keys(), engine.now()).await?;
        there += part.judge(findings, &mut problems);
    }
    if problems.is_empty() { Ok(there) } else { Err(refuse(problems)) }
}

/// Writes one part after the other, so that the changes of others come between them, and says how many keys are new.
async fn write(caller: &Caller, parts: Vec<SheetPart>, id: &str) -> Result<usize, Fault> {
    let mut imported = 0;
    for part in parts {
        let written = caller.submit(part.change(&caller.api.name, id), Conditions::default()).await;
        imported += written.map_err(|error| cut_short(error.into(), imported))?.keys.len();
    }
    Ok(imported)
}

fn cut_short(mut fault: Fault, imported: usize) -> Fault {
    if imported > 0 {
        let cure = "Send the same import again when that is mended: what is there is skipped.";
        fault.detail = format!("{} {imported} keys were imported before. {cure}", fault.detail);
    }
    fault
}

fn refuse(mut problems: Vec<RowProblem>) -> Fault {
    problems.sort_by_key(|problem| problem.line);
    let count = problems.len();
    let more = if count > SHOWN { format!(", of which the first {SHOWN} are named") } else { String::new() };
    let things = if count == 1 { "1 thing is" } else { &format!("{count} things are") };
    let named = problems.into_iter().take(SHOWN);
    let errors = named.map(|problem| Violation { field: problem.place(), message: problem.message }).collect();
    Fault::some_of(format!("nothing was imported: {things} wrong{more}"), errors)
}
