//! `/`: where operators begin. Developers begin with their keys.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::reason::Reason;
use bitting_engine::{ServedApi, UsageReport, UsageStep};
use bitting_store::{UsageQuery, Whose};
use http::StatusCode;

use super::respond;
use super::setback::{Setback, answered};
use super::view::{ApiLine, ApiLinks, HomePage, Place};
use super::visitor::Visitor;

/// `GET /`
pub(super) async fn show(visitor: Visitor) -> Response {
    answered(&visitor, async {
        if !visitor.is_operator() {
            return Ok(Redirect::to(&ApiLinks::new(&visitor.member.api).keys()).into_response());
        }
        let apis = visitor.engine().apis();
        let mut lines = Vec::new();
        for api in apis.protected() {
            lines.push(line(&visitor, api).await?);
        }
        let status = visitor.engine().status();
        let page = HomePage {
            frame: visitor.frame(None, Place::Home).await?,
            apis: lines,
            keys: status.keys,
            clock: status.clock,
            is_loaded: status.loaded,
            is_broken: status.broken,
            own_log: ApiLinks::new(&apis.own().name).audit_log(),
        };
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

async fn line(visitor: &Visitor, api: &ServedApi) -> Result<ApiLine, Setback> {
    let (from, until) = UsageStep::Hour.span(None, None, visitor.now());
    let query = UsageQuery { api: api.name.clone(), environment: None, whose: Whose::Api, route: None, from, until };
    let report = UsageReport::read(visitor.engine(), query, UsageStep::Hour).await?;
    let (mut admitted, mut limited, mut refused) = (0_u64, 0_u64, 0_u64);
    for row in &report.rows {
        let of = match &*row.outcome {
            "admitted" | "answered" => &mut admitted,
            outcome if is_limit(outcome) => &mut limited,
            _ => &mut refused,
        };
        *of = of.saturating_add(row.count);
    }
    Ok(ApiLine {
        links: ApiLinks::new(&api.name),
        title: api.labels.title.to_string(),
        name: api.name.to_string(),
        hosts: api.hosts.iter().map(ToString::to_string).collect(),
        admitted,
        limited,
        refused,
    })
}

/// Whether a request was refused because a limit was used up.
fn is_limit(outcome: &str) -> bool {
    [Reason::RateLimited, Reason::QuotaExceeded].iter().any(|reason| reason.name() == outcome)
}
