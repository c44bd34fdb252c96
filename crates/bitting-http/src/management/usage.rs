//! `GET …/usage`

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::time::Timestamp;
use bitting_engine::{UsageReport, UsageStep};
use bitting_store::{UsageQuery, Whose};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::json::Json;
use crate::openapi::words;

/// Which usage.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskUsage {
    /// That of one key, also of one that has ended.
    #[param(value_type = words::KeyId, required = false)]
    key: Option<String>,
    /// That of one account; not together with `key`.
    #[param(value_type = words::AccountId, required = false)]
    account: Option<AccountId>,
    /// That of one environment.
    #[param(value_type = String, required = false)]
    environment: Option<String>,
    /// That of one route, as in `GET /v1/tasks/*`.
    #[param(value_type = String, required = false)]
    route: Option<String>,
    /// In hours or in days, of UTC.
    #[serde(default)]
    #[param(value_type = words::UsageStep, required = false, inline)]
    per: UsageStep,
    /// From the hour or day on that this lies in; without it the last 24 hours or 30 days.
    #[param(value_type = words::Time, required = false)]
    from: Option<Timestamp>,
    /// Up to this, which is not among it; without it until now.
    #[param(value_type = words::Time, required = false)]
    until: Option<Timestamp>,
    /// As JSON or as CSV.
    #[serde(default)]
    #[param(value_type = words::UsageFormat, required = false, inline)]
    format: Format,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// What was used, in the order of time.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageReport)]
struct Usage {
    #[schema(value_type = words::UsageStep)]
    per: UsageStep,
    #[schema(value_type = words::Time)]
    from: Timestamp,
    #[schema(value_type = words::Time)]
    until: Timestamp,
    data: Vec<UsedRow>,
}

/// So many requests of one kind in one hour or day.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageRow)]
struct UsedRow {
    /// The first moment of the hour or day.
    #[schema(value_type = words::Time)]
    at: Timestamp,
    /// The route's methods and pattern; `*` for paths that no route names, and empty where none was looked for.
    #[schema(examples("GET /v1/tasks/*"))]
    route: String,
    /// `admitted` to the upstream, `answered` by Bitting, or the reason of a refusal or failure.
    #[schema(examples("admitted"))]
    outcome: String,
    requests: u64,
}

/// Read what was used
///
/// Exact at the moment of the call. A request that was admitted and then failed is counted under both.
#[utoipa::path(
    get,
    path = "/v1/apis/{api}/usage",
    operation_id = "readUsage",
    tag = "usage",
    params(AskUsage),
    responses((status = 200, description = "Requests by hour or day, route and outcome", content(
        (Usage = "application/json"),
        (String = "text/csv"),
    ))),
)]
pub(crate) async fn read(caller: Caller, query: Result<Query<AskUsage>, QueryRejection>) -> Result<Response, Fault> {
    let Query(asked) = query.map_err(|error| Fault::invalid(error.body_text()))?;
    let step = asked.per;
    let whose = match (&asked.key, asked.account) {
        (Some(_), Some(_)) => return Err(Fault::field("account", "ask for a key or for an account, not for both")),
        (Some(key), None) => Whose::Key(key.parse().map_err(|_| Fault::field("key", "this is not a key's id"))?),
        (None, Some(account)) => Whose::Account(account),
        (None, None) => Whose::Api,
    };
    let engine = &caller.shared.engine;
    let (from, until) = step.span(asked.from, asked.until, engine.now());
    if until <= from {
        return Err(Fault::field("until", "it must lie after `from`"));
    }
    if until.since(from) > step.longest() {
        return Err(Fault::field("from", format!("ask for at most {} days at once", step.longest().as_secs() / 86_400)));
    }
    let (environment, route) = (asked.environment.map(Into::into), asked.route.map(Into::into));
    let query = UsageQuery { api: caller.api.name.clone(), environment, whose, route, from, until };
    let report = UsageReport::read(engine, query, step).await?;
    Ok(match asked.format {
        Format::Json => {
            let data = report.rows.into_iter().map(UsedRow::from).collect();
            Json(Usage { per: step, from, until, data }).into_response()
        }
        Format::Csv => {
            let mut response = report.csv().into_response();
            let kind = HeaderValue::from_static("text/csv; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    })
}

impl From<bitting_store::UsageRow> for UsedRow {
    fn from(row: bitting_store::UsageRow) -> Self {
        Self { at: row.hour, route: row.route.into(), outcome: row.outcome.into(), requests: row.count }
    }
}
