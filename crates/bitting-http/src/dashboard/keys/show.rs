//! `…/keys/{id}`: one key.

use axum::response::Response;
use bitting_core::time::Timestamp;
use bitting_engine::{UsageReport, UsageStep};
use bitting_store::{Ages, KeyRow, LastUse, UsageQuery, UsageRow, Whose};
use http::StatusCode;
use serde::Deserialize;

use super::makers;
use super::subject::Subject;
use crate::dashboard::address::{Path, Query};
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::view::{Chart, Gauge, KeyPage, KeyPageParts, Place};
use crate::dashboard::visitor::Visitor;
use crate::dashboard::{once, refusals, respond};

/// What was done just now.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::dashboard) struct Asked {
    done: String,
}

/// `GET /apis/{api}/keys/{id}`
pub(in crate::dashboard) async fn show(
    visitor: Visitor,
    Path((api, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        let now = visitor.now();
        let (from_hour, until_hour) = UsageStep::Hour.span(None, None, now);
        let (from_day, until_day) = UsageStep::Day.span(None, None, now);
        let hours = usage(&visitor, &subject, UsageStep::Hour, from_hour, until_hour).await?;
        // After usage, which is written down for it.
        let last_use = subject.last_use(&visitor).await?;
        // A month is never longer than the 31 days up to now.
        let month = month_start(now);
        let days = usage(&visitor, &subject, UsageStep::Day, from_day.min(month), until_day).await?;
        let since = |start: Timestamp| {
            let of_them = days.iter().filter(|row| row.hour >= start && *row.outcome == *"admitted");
            of_them.map(|row| row.count).fold(0, u64::saturating_add)
        };
        let left = visitor.engine().allowance_of_key(&subject.api.name, subject.row.id).await?;
        let limits = left.map(|left| left.limits).unwrap_or_default();
        let refusals = refusals::of_key(&visitor, &subject.api, subject.row.id, &limits).await?;
        let actors = makers::of(&visitor, [&subject.row]).await?;
        let partner = partner(&visitor, &subject).await?;
        let account = subject.account.as_ref().filter(|_| visitor.is_operator());
        let once = once::token()?;
        let page = KeyPage::new(
            visitor.frame(Some(&subject.api), Place::Keys).await?,
            KeyPageParts {
                api: &subject.api,
                row: &subject.row,
                last_use: last_use.as_ref(),
                is_account_enabled: subject.is_account_enabled(),
                account: account.map(|row| row.called().to_owned()),
                actors: &actors,
                today: since(UsageStep::Day.start(now)),
                month: since(month),
                hours: Chart::new("h", &hours, UsageStep::Hour, from_hour, until_hour),
                days: Chart::new("d", &days, UsageStep::Day, from_day, until_day),
                refusals,
                gauges: limits.iter().map(|left| Gauge::new(&left.limit, &left.reading, now)).collect(),
                plan: subject.plan().name.to_string(),
                may_change: true,
                may_see_history: visitor.is_operator(),
                once: &once,
                done: done(&asked.done).map(str::to_owned),
                ages: &Ages::of(&subject.api),
                partner: partner.as_ref().map(|(row, last_use)| (row, last_use.as_ref())),
                renewal: subject.renewal(visitor.now()),
                now,
            },
        );
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

/// The key that this one was rotated into, or from, and when it was used last.
async fn partner(visitor: &Visitor, subject: &Subject) -> Result<Option<(KeyRow, Option<LastUse>)>, Setback> {
    let Some(id) = subject.row.replaced_by.or(subject.row.replaces) else { return Ok(None) };
    let Some(row) = visitor.store().key(&subject.api.name, id).await? else { return Ok(None) };
    let last_use = visitor.store().last_uses(vec![id]).await?.pop();
    Ok(Some((row, last_use)))
}

async fn usage(
    visitor: &Visitor,
    subject: &Subject,
    step: UsageStep,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<UsageRow>, Setback> {
    let query = UsageQuery {
        api: subject.api.name.clone(),
        environment: None,
        whose: Whose::Key(subject.row.id),
        route: None,
        from,
        until,
    };
    Ok(UsageReport::read(visitor.engine(), query, step).await?.rows)
}

/// The first moment of the month in UTC.
fn month_start(now: Timestamp) -> Timestamp {
    bitting_core::limit::Period::Month.around(now).0
}

/// What was done, in words. The address can say nothing else.
fn done(word: &str) -> Option<&'static str> {
    match word {
        "saved" => Some("Saved. It holds from the next request on."),
        "extended" => Some("Its end is changed."),
        "revoked" => Some("It is revoked. Its requests are refused from now on."),
        "shown" => {
            Some("This key was made already, and shown once. If it is lost, rotate it: that makes another in its place.")
        }
        "rotated" => Some("It was rotated already. What came in its place can be rotated instead."),
        "ended" => Some("It was revoked meanwhile, so nothing was changed."),
        _ => None,
    }
}
