//! `/apis/{api}/bans`: who is held off for presenting invalid keys, for operators.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_core::ban::ClientNetwork;
use bitting_engine::ServedApi;
use http::StatusCode;
use serde::Deserialize;

use super::address::{Path, Query};
use super::respond;
use super::setback::answered;
use super::submission::Submission;
use super::view::{ApiLinks, BanLine, BansPage, Place, Trouble, counted, with_query};
use super::visitor::Visitor;

/// How many bans stand on the page. The others are found by their address.
const LINES: usize = 100;

/// Whom somebody looks for, and what they have just done.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
    done: String,
}

/// `GET /apis/{api}/bans`
pub(super) async fn list(visitor: Visitor, Path(api): Path<String>, Query(asked): Query<Asked>) -> Response {
    answered(&visitor, async {
        let (api, now) = (operated(&visitor, &api)?, visitor.now());
        let mut bans = visitor.engine().bans(&api);
        let all = counted(bans.len(), usize::MAX);
        let typed = asked.q.trim();
        if !typed.is_empty() {
            // Of IPv6 any address finds its network.
            let network = typed.parse::<ClientNetwork>().ok();
            bans.retain(|ban| network.map_or_else(|| ban.network.to_string().starts_with(typed), |asked| asked == ban.network));
        }
        let has_more = bans.len() > LINES;
        bans.truncate(LINES);
        let page = BansPage {
            frame: visitor.frame(Some(&api), Place::Bans).await?,
            links: ApiLinks::new(&api.name),
            policy: api.bans.as_ref().map(|policy| (policy.after, policy.within, policy.lasting)),
            lines: bans.iter().map(|ban| BanLine::new(ban, now)).collect(),
            all,
            has_more,
            done: match asked.done.as_str() {
                "lifted" => Some("It is free again: its next request is checked as any other."),
                "free" => Some("It was free already."),
                _ => None,
            },
            query: asked.q,
        };
        Ok(respond(StatusCode::OK, &page))
    })
    .await
}

/// `POST /apis/{api}/bans`: ends one before its time.
pub(super) async fn lift(Path(api): Path<String>, Submission { visitor, fields }: Submission) -> Response {
    answered(&visitor, async {
        let api = operated(&visitor, &api)?;
        let network: ClientNetwork = fields.text("address").parse().map_err(|_| Trouble::Unreadable)?;
        let lifted = visitor.engine().lift_ban(&api, network, visitor.origin()).await?;
        let done = if lifted.is_some() { "lifted" } else { "free" };
        let page = with_query(&ApiLinks::new(&api.name).bans(), &[("done", Some(done))]);
        Ok(Redirect::to(&page).into_response())
    })
    .await
}

/// An API of which somebody holds others off. For others there is no such page.
fn operated(visitor: &Visitor, api: &str) -> Result<std::sync::Arc<ServedApi>, Trouble> {
    if visitor.is_operator() { visitor.api(api) } else { Err(Trouble::NotFound) }
}
