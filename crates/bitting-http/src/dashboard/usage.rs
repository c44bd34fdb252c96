//! `/apis/{api}/usage`: what was used, as pictures, tables and a file.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bitting_core::account::AccountId;
use bitting_core::time::Timestamp;
use bitting_engine::{ServedApi, UsageReport};
use bitting_store::{BusyKey, BusyQuery, KeyRow, RefusedOf, UsageQuery, Whose};
use http::{HeaderValue, StatusCode, header};

use super::address::{Path, Query};
use super::setback::{Setback, answered};
use super::view::{ApiLinks, Chart, Place, Share, Tally, Trouble, UsageAsked, UsagePage};
use super::visitor::Visitor;
use super::{refusals, respond};

/// Whose usage somebody asks for, and may see.
struct Subject {
    api: Arc<ServedApi>,
    whose: Whose,
    /// The same in words.
    words: String,
    /// The account, if it is one's or one of its keys'.
    account: Option<AccountId>,
    key: Option<KeyRow>,
}

impl Subject {
    /// The environment that is asked for, if the API has it.
    fn environment(&self, asked: &UsageAsked) -> Option<Box<str>> {
        let known = self.api.environments.iter().find(|environment| *environment.name == *asked.env);
        known.map(|environment| environment.name.clone())
    }
}

/// `GET /apis/{api}/usage`
pub(super) async fn show(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<UsageAsked>) -> Response {
    answered(&visitor, page(&visitor, &api, asked)).await
}

async fn page(visitor: &Visitor, api: &str, asked: UsageAsked) -> Result<Response, Setback> {
    let subject = subject(visitor, api, &asked).await?;
    let (range, now) = (asked.range(), visitor.now());
    let (earlier, from, until) = range.spans(now);
    let report = read(visitor, &subject, &asked, from, until).await?;
    let before = read(visitor, &subject, &asked, earlier, from).await?;
    let api = Arc::clone(&subject.api);
    let keys = busiest(visitor, &subject, &asked, &report, (from, until)).await?;
    let refused_of = match &subject.whose {
        Whose::Key(key) => RefusedOf::Key(*key),
        Whose::Account(account) => RefusedOf::Account(account.clone()),
        Whose::Api => RefusedOf::Api,
    };
    let refusals = refusals::of(visitor, &api, refused_of, subject.environment(&asked)).await?;
    let page = UsagePage {
        frame: visitor.frame(Some(&api), Place::Usage).await?,
        links: ApiLinks::new(&api.name),
        whose: subject.words,
        environments: api.environments.iter().map(|environment| environment.name.to_string()).collect(),
        from,
        until: now,
        chart: Chart::new("usage", &report.rows, range.step(), from, until),
        tally: Tally::of(&report.rows),
        before: Tally::of(&before.rows),
        reasons: UsagePage::reasons(&report.rows),
        routes: UsagePage::routes(&report.rows),
        keys,
        refusals,
        asked,
    };
    Ok(respond(StatusCode::OK, &page))
}

/// `GET /apis/{api}/usage.csv`
pub(super) async fn csv(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<UsageAsked>) -> Response {
    answered(&visitor, async {
        let subject = subject(&visitor, &api, &asked).await?;
        let (_, from, until) = asked.range().spans(visitor.now());
        let report = read(&visitor, &subject, &asked, from, until).await?;
        let mut response = report.csv().into_response();
        let name = format!("attachment; filename=\"{}-usage.csv\"", subject.api.name);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.extend(HeaderValue::from_str(&name).ok().map(|name| (header::CONTENT_DISPOSITION, name)));
        Ok(response)
    })
    .await
}

async fn subject(visitor: &Visitor, api: &str, asked: &UsageAsked) -> Result<Subject, Setback> {
    let api = visitor.api(api)?;
    if !asked.key.is_empty() {
        let row = visitor.key(&api, &asked.key).await?;
        let (whose, words) = (Whose::Key(row.id), format!("The key {}", row.name));
        return Ok(Subject { api, whose, words, account: Some(row.account.clone()), key: Some(row) });
    }
    let named = (!asked.account.is_empty()).then(|| asked.account.parse::<AccountId>());
    let account = match (visitor.account(), named) {
        // What is not theirs is not there for them.
        (Some(own), Some(Ok(named))) if *own != named => return Err(Trouble::NotFound.into()),
        (_, Some(Err(_))) => return Err(Trouble::NotFound.into()),
        (Some(own), _) => Some(own.clone()),
        (None, Some(Ok(named))) => Some(named),
        (None, None) => None,
    };
    let Some(account) = account else {
        let words = format!("All keys of {}", api.labels.title);
        return Ok(Subject { api, whose: Whose::Api, words, account: None, key: None });
    };
    let row = visitor.store().account(&api.name, &account).await?.ok_or(Trouble::NotFound)?;
    let (whose, words) = (Whose::Account(account.clone()), format!("All keys of {}", row.called()));
    Ok(Subject { api, whose, words, account: Some(account), key: None })
}

/// The keys that were used most, where they are several.
async fn busiest(
    visitor: &Visitor,
    subject: &Subject,
    asked: &UsageAsked,
    report: &UsageReport,
    (from, until): (Timestamp, Timestamp),
) -> Result<Vec<Share>, Setback> {
    if subject.key.is_some() {
        return Ok(Vec::new());
    }
    let query = BusyQuery {
        api: subject.api.name.clone(),
        account: subject.account.clone(),
        environment: subject.environment(asked),
        from,
        until,
        limit: Share::MOST,
    };
    let links = ApiLinks::new(&subject.api.name);
    let mut counts = Vec::new();
    for BusyKey { key, sums } in visitor.engine().busiest_keys(query).await? {
        // Usage is kept for longer than keys that were taken out of the store by hand.
        let Some(row) = visitor.store().key(&subject.api.name, key).await? else { continue };
        counts.push((row.name, key.to_string(), Some(links.key(key)), sums.total()));
    }
    Ok(Share::ranked_of(report.sums().total(), counts, |_| false))
}

async fn read(
    visitor: &Visitor,
    subject: &Subject,
    asked: &UsageAsked,
    from: Timestamp,
    until: Timestamp,
) -> Result<UsageReport, Setback> {
    let query = UsageQuery {
        api: subject.api.name.clone(),
        environment: subject.environment(asked),
        whose: subject.whose.clone(),
        route: None,
        from,
        until,
    };
    Ok(UsageReport::read(visitor.engine(), query, asked.range().step()).await?)
}
