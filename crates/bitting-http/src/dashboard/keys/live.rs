//! `…/live`: whether a first request has come, for the line that waits for it.

use axum::response::{IntoResponse, Response};
use bitting_store::{Ages, LastUse, OverviewQuery, Part, SortBy, View};
use http::{HeaderValue, header};

use super::subject::Subject;
use crate::dashboard::address::Path;
use crate::dashboard::setback::answered;
use crate::dashboard::view::ago;
use crate::dashboard::visitor::{Visitor, Watcher};

/// `GET /apis/{api}/keys/live`: nothing until some key was used.
pub(in crate::dashboard) async fn any(Watcher(visitor): Watcher, Path(api): Path<String>) -> Response {
    answered(&visitor, async {
        let api = visitor.api(&api)?;
        let query = OverviewQuery {
            api: api.name.to_string(),
            account: visitor.account().cloned(),
            environment: None,
            search: None,
            view: View::All,
            sort: SortBy::LastUsed.usual(),
            part: Part::First,
            limit: 1,
            ages: Ages::of(&api),
            now: visitor.now(),
        };
        let overview = visitor.store().overview(query).await?;
        Ok(line(&visitor, overview.keys.first().and_then(|key| key.last_use.as_ref())))
    })
    .await
}

/// `GET /apis/{api}/keys/{id}/live`: nothing until this key was used.
pub(in crate::dashboard) async fn one(Watcher(visitor): Watcher, Path((api, id)): Path<(String, String)>) -> Response {
    answered(&visitor, async {
        let subject = Subject::of(&visitor, &api, &id).await?;
        Ok(line(&visitor, subject.last_use(&visitor).await?.as_ref()))
    })
    .await
}

fn line(visitor: &Visitor, last: Option<&LastUse>) -> Response {
    let text = last.map_or_else(String::new, |last| {
        let from = last.address.map_or_else(String::new, |address| format!(" from {address}"));
        format!("It works. The last request came {}{from}.", ago(last.at, visitor.now()))
    });
    let mut response = text.into_response();
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
