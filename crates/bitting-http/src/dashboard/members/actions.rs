//! What can be done with a member.

use axum::response::{IntoResponse, Redirect, Response};
use bitting_engine::Invitation;
use bitting_store::{Change, Conditions, MemberPatch, MemberRow};
use http::HeaderMap;

use super::{hand_over, place};
use crate::dashboard::address::Path;
use crate::dashboard::setback::{Setback, answered};
use crate::dashboard::submission::Submission;
use crate::dashboard::view::{Trouble, called, may_make_link, may_remove_second_factor};
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
    change(&visitor, &id, MemberPatch { enabled: Some(false), ..MemberPatch::default() }).await
}

/// `POST /members/{id}/enable`
pub(in crate::dashboard) async fn enable(Path(id): Path<String>, Submission { visitor, .. }: Submission) -> Response {
    change(&visitor, &id, MemberPatch { enabled: Some(true), ..MemberPatch::default() }).await
}

/// `POST /members/{id}/remove-second-factor`, for whoever has lost their phone.
pub(in crate::dashboard) async fn remove_second_factor(
    Path(id): Path<String>,
    Submission { visitor, .. }: Submission,
) -> Response {
    if !may_remove_second_factor(&visitor.member) {
        return Setback::from(Trouble::Forbidden).response(&visitor).await;
    }
    change(&visitor, &id, MemberPatch { second_factor: Some(None), ..MemberPatch::default() }).await
}

/// Changes somebody else. Nobody locks themselves out.
async fn change(visitor: &Visitor, id: &str, patch: MemberPatch) -> Response {
    answered(visitor, async {
        let row: MemberRow = visitor.colleague(id).await?;
        if row.id == visitor.member.id {
            return Err(Setback::from(Trouble::Forbidden));
        }
        let change = Change::UpdateMember { api: row.api.clone(), member: row.id, patch: Box::new(patch) };
        visitor.submit(change, Conditions::default()).await?;
        let apis = visitor.engine().apis();
        let api = apis.protected().iter().find(|api| *api.name == *row.api);
        Ok(Redirect::to(&place(api.map(|api| &***api))).into_response())
    })
    .await
}
