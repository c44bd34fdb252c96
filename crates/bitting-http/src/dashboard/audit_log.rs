//! `/apis/{api}/audit-log`: who changed what, for operators.

use std::collections::HashMap;
use std::time::Duration;

use axum::response::Response;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_store::{AuditFilter, Page};
use http::StatusCode;

use super::address::{Path, Query};
use super::members::maker;
use super::respond;
use super::setback::answered;
use super::view::{ApiLinks, AuditLine, AuditPage, AuditQuery, Place, Trouble};
use super::visitor::Visitor;

/// How many changes stand on a page.
const LINES: usize = 50;

/// `GET /apis/{api}/audit-log`. That of Bitting's own API is the operators' own.
pub(super) async fn show(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<AuditQuery>) -> Response {
    answered(&visitor, async {
        if !visitor.is_operator() {
            return Err(Trouble::NotFound.into());
        }
        let apis = visitor.engine().apis();
        let api = apis.find(&api).ok_or(Trouble::NotFound)?;
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (from, until) = (day(&asked.from), day(&asked.until));
        let is_wrong = (from.is_none() && !asked.from.is_empty()) || (until.is_none() && !asked.until.is_empty());
        let filter = AuditFilter {
            actor: given(&asked.who),
            subject: given(&asked.subject),
            action: given(&asked.what),
            from,
            // The day that is named is among them.
            until: until.map(|until| until.plus(Duration::from_hours(24))),
        };
        let page = Page { after: asked.after.parse().ok().map(Sequence), limit: LINES + 1 };
        let mut rows = visitor.store().audit_log(&api.name, filter, page).await?;
        let has_more = rows.len() > LINES;
        rows.truncate(LINES);
        let next = rows.last().filter(|_| has_more).map(|row| row.sequence.0.to_string());
        let (links, now) = (ApiLinks::new(&api.name), visitor.now());
        let (mut known, mut shown_lines) = (HashMap::new(), Vec::new());
        for row in rows {
            if !known.contains_key(&row.actor) {
                known.insert(row.actor.clone(), maker(&visitor, &row.actor).await?);
            }
            let who = known.get(&row.actor).cloned().unwrap_or_default();
            let member = row.action.starts_with("member.").then(|| row.subject.clone());
            if let Some(member) = member.as_ref().filter(|member| !known.contains_key(*member)) {
                known.insert(member.clone(), maker(&visitor, member).await?);
            }
            let called = member.and_then(|member| known.get(&member).cloned());
            shown_lines.push(AuditLine::new(row, who, called, &links, now));
        }
        let error = is_wrong.then_some("Write days as in 2026-12-31.");
        let shown = Some(&**api).filter(|api| api.name != apis.own().name);
        let frame = visitor.frame(shown, Place::Audit).await?;
        Ok(respond(StatusCode::OK, &AuditPage { frame, links, asked, lines: shown_lines, next, error }))
    })
    .await
}

/// The first moment of a day in UTC.
fn day(text: &str) -> Option<Timestamp> {
    format!("{text}T00:00:00Z").parse().ok()
}
