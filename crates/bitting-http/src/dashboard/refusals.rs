//! What was refused of late, as the store keeps it, made ready to be shown.

use std::collections::BTreeMap;

use bitting_core::api::Api;
use bitting_core::dialect::AnswerContext;
use bitting_core::key::KeyId;
use bitting_core::reason::Reason;
use bitting_engine::{LimitLeft, ServedApi};
use bitting_store::{RefusedOf, RefusedQuery, RefusedRow};

use super::setback::Setback;
use super::view::{ApiLinks, Refusal, RefusalLine, limit_of};
use super::visitor::Visitor;

/// How many a page shows.
const SHOWN: usize = 10;

/// What one key was refused of late, the latest first, with the numbers of its limits.
pub(super) async fn of_key(visitor: &Visitor, api: &Api, key: KeyId, limits: &[LimitLeft]) -> Result<Vec<Refusal>, Setback> {
    let rows = read(visitor, api, RefusedOf::Key(key), None).await?;
    Ok(rows.iter().filter_map(|row| told(row, api, limits)).collect())
}

/// What was refused of late to several, with the name of the key and the link to it; both are empty where no key was known.
pub(super) async fn of(
    visitor: &Visitor,
    api: &ServedApi,
    of: RefusedOf,
    environment: Option<Box<str>>,
) -> Result<Vec<(String, String, RefusalLine)>, Setback> {
    let rows = read(visitor, api, of, environment).await?;
    let (links, now) = (ApiLinks::new(&api.name), visitor.now());
    let mut names: BTreeMap<KeyId, Option<String>> = BTreeMap::new();
    let mut lines = Vec::new();
    for row in &rows {
        let Some(refusal) = told(row, api, &[]) else { continue };
        let Some(bearer) = &row.request.bearer else {
            lines.push((String::new(), String::new(), RefusalLine::of_nobody(&refusal, now)));
            continue;
        };
        if !names.contains_key(&bearer.key) {
            let name = visitor.store().key(&api.name, bearer.key).await?.map(|key| key.name);
            names.insert(bearer.key, name);
        }
        // A key that is gone from the store has no page.
        let Some(Some(name)) = names.get(&bearer.key) else { continue };
        lines.push((name.clone(), links.key(bearer.key), RefusalLine::of_key(&refusal, bearer.key, &links, now)));
    }
    Ok(lines)
}

async fn read(visitor: &Visitor, api: &Api, of: RefusedOf, environment: Option<Box<str>>) -> Result<Vec<RefusedRow>, Setback> {
    let query = RefusedQuery { api: api.name.clone(), of, environment, reasons: Vec::new(), limit: SHOWN };
    Ok(visitor.engine().refused(query).await?)
}

/// `None` for a reason that this version does not know. A limit that is not among those given is said without its number.
fn told(row: &RefusedRow, api: &Api, limits: &[LimitLeft]) -> Option<Refusal> {
    let request = &row.request;
    let reason = *Reason::ALL.iter().find(|reason| reason.name() == &*request.reason)?;
    let wanted = match reason {
        Reason::RateLimited | Reason::QuotaExceeded => {
            let limit = limits.iter().find(|left| *left.limit.name == *request.wanted);
            limit.map_or_else(String::new, |left| limit_of(&left.limit, left.reading.allowed))
        }
        _ => request.wanted.to_string(),
    };
    // A route is written with its methods, of which the request had one.
    let path = request.route.split_once(' ').map_or(&*request.route, |(_, path)| path);
    Some(Refusal {
        at: row.last,
        reason,
        wanted,
        request: format!("{} {path}", request.method).trim().to_owned(),
        address: request.address,
        times: row.times,
        status: api.answer(reason).response(AnswerContext::default()).status().as_u16(),
    })
}
