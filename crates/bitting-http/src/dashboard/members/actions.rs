//! What can be done with a member.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_engine::Invitation;
use bitting_store::{Change, Conditions, MemberPatch, MemberRow};
use http::HeaderMap;

use super::{hand_over, place};
use crate::dashboard::address::Path;
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{Trouble, called, may_make_link, may_remove_second_factor, with_query};
use crate::dashboard::visitor::Visitor;

/// `POST /members/{id}/link`: a link with which they choose a password, for the first time or again.
pub(in crate::dashboard) async fn make_link(
    Path(id): Path<String>,
    headers: HeaderMap,
    Submission { visitor, .. }: Submission,
) -> Response {
    answered(&visitor, async {
        let row = visitor.colleague(&id).await?;
        if !may_make_link(&visitor.member, &row) {
            return Err(Trouble::Forbidden.into());
        }
        if row.is_portal || !row.enabled {
            return Err(Trouble::Stale.into());
        }
        let made = Invitation::again(&row, visitor.now()).map_err(|_| Trouble::Unavailable)?;
        visitor.submit(made.change.clone(), Conditions::default()).await?;
        let apis = visitor.engine().apis();
        let api = apis.protected().iter().find(|api| *api.name == *row.api);
        hand_over(&visitor, &headers, api.map(|api| &**api), called(&row).to_owned(), &made, row.is_awaited()).await
    })
    .await
}

/// `POST /members/{id}/disable`: out at once, and not in again.
pub(in crate::dashboard) async fn disable(Path(id): Path<String>, Submission { visitor, .. }: Submission) -> Response {
    let disabled = change(&visitor, &id, true, MemberPatch { enabled: Some(false), ..MemberPatch::default() }).await;
    answered(&visitor, async {
        let row = disabled?;
        let (list, id) = (list_of(&visitor, &row), row.id.to_string());
        // There it is said what they leave behind.
        Ok(Redirect::to(&with_query(&list, &[("disabled", Some(&*id))])).into_response())
    })
    .await
}

/// `POST /members/{id}/enable`
pub(in crate::dashboard) async fn enable(Path(id): Path<String>, Submission { visitor, .. }: Submission) -> Response {
    let enabled = change(&visitor, &id, true, MemberPatch { enabled: Some(true), ..MemberPatch::default() }).await;
    back(&visitor, enabled).await
}

/// `POST /members/{id}/remove-second-factor`, for whoever has lost their phone.
pub(in crate::dashboard) async fn remove_second_factor(
    Path(id): Path<String>,
    Submission { visitor, .. }: Submission,
) -> Response {
    let is_allowed = may_remove_second_factor(&visitor.member);
    let changed = change(&visitor, &id, is_allowed, MemberPatch { second_factor: Some(None), ..MemberPatch::default() }).await;
    back(&visitor, changed).await
}

/// Changes somebody else. Nobody locks themselves out, and whom somebody does not see is not there, whatever they may do.
async fn change(visitor: &Visitor, id: &str, is_allowed: bool, patch: MemberPatch) -> Result<MemberRow, Setback> {
    let row: MemberRow = visitor.colleague(id).await?;
    if row.id == visitor.member.id || !is_allowed {
        return Err(Setback::from(Trouble::Forbidden));
    }
    let change = Change::UpdateMember { api: row.api.clone(), member: row.id, patch: Box::new(patch) };
    visitor.submit(change, Conditions::default()).await?;
    Ok(row)
}

/// Leads back to the list of whoever was changed.
async fn back(visitor: &Visitor, changed: Result<MemberRow, Setback>) -> Response {
    answered(visitor, async {
        let row = changed?;
        Ok(Redirect::to(&list_of(visitor, &row)).into_response())
    })
    .await
}

/// The list that a member stands in.
fn list_of(visitor: &Visitor, row: &MemberRow) -> String {
    let apis = visitor.engine().apis();
    let api = apis.protected().iter().find(|api| *api.name == *row.api);
    place(api.map(|api| &***api))
}
