//! The first operator: as long as nobody can sign in, each start makes a link with which somebody can.

use bitting_engine::{Engine, Guest, Invitation};
use bitting_store::{Actor, MemberRow, Page};

use crate::config::OWN_API;
use crate::failure::Failure;

/// Makes the link, if there is no operator who can sign in. One that was made before opens nothing any more.
pub(super) async fn offer(engine: &Engine, url: &str) -> Result<Option<String>, Failure> {
    let operators = engine.store().members(OWN_API, None, Page { after: None, limit: usize::MAX }).await?;
    if operators.iter().any(|operator| operator.has_password && operator.enabled) {
        return Ok(None);
    }
    let is_ours = |row: &&MemberRow| row.created_by == Actor::System.to_string() && row.enabled;
    let made = if let Some(first) = operators.iter().find(is_ours) {
        Invitation::again(first, engine.now())
    } else {
        let first = Guest { api: OWN_API.to_owned(), account: None, name: String::new(), email: None };
        Invitation::of(first, engine.now())
    };
    let Invitation { token, change, .. } = made.map_err(Failure::other)?;
    engine.commit(change, Actor::System, "set-up").await?;
    Ok(Some(bitting_http::one_time_link(url, &token)))
}
