//! What keeps a page from being shown, and the page that is shown instead.

use axum::response::{IntoResponse, Response};
use bitting_engine::CommitError;
use bitting_store::{Refusal, StoreError};
use http::HeaderMap;

use super::view::{Frame, Place, Trouble, TroublePage};
use super::visitor::Visitor;
use super::{door, respond};
use crate::service::Shared;

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) struct Setback {
    trouble: Trouble,
    /// Whether a one-time code was used before.
    is_used_code: bool,
}

impl Setback {
    /// The page, for somebody who is signed in.
    pub(super) async fn response(self, visitor: &Visitor) -> Response {
        let frame = visitor.frame(None, Place::Elsewhere).await.unwrap_or_else(|_| visitor.bare_frame());
        page(frame, self.trouble, &visitor.shared)
    }

    /// Whether a one-time code was used before, so that another may be given.
    pub(super) fn is_used_code(&self) -> bool {
        self.is_used_code
    }

    /// The page, for whoever it may be.
    pub(super) fn for_nobody(self, shared: &Shared, headers: &HeaderMap) -> Response {
        page(door::frame(shared, headers, None), self.trouble, shared)
    }
}

fn page(frame: Frame, trouble: Trouble, shared: &Shared) -> Response {
    let page = TroublePage::new(frame, trouble, shared.engine.now());
    respond(page.status(), &page)
}

impl From<Trouble> for Setback {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, is_used_code: false }
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store could not be read for a page");
        Trouble::Unavailable.into()
    }
}

impl From<Refusal> for Setback {
    fn from(refusal: Refusal) -> Self {
        let is_used_code = refusal == Refusal::CodeUsed;
        let trouble = match refusal {
            Refusal::NoSuchKey(_) | Refusal::NoSuchAccount(_) | Refusal::NoSuchMember(_) | Refusal::NoSuchWebhook(_) => {
                Trouble::NotFound
            }
            Refusal::NotYours | Refusal::MemberDisabled | Refusal::LastOperator => Trouble::Forbidden,
            Refusal::LinkSpent => Trouble::LinkUsed,
            Refusal::Damaged(_) => Trouble::Unavailable,
            _ => Trouble::Stale,
        };
        Self { trouble, is_used_code }
    }
}

impl From<CommitError> for Setback {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(refusal) => refusal.into(),
            CommitError::Exceeds(_) => Trouble::Forbidden.into(),
            CommitError::Invalid(_) => Trouble::Unreadable.into(),
            CommitError::Store(_) | CommitError::Stopping | CommitError::Broken => {
                tracing::warn!(%error, "a change could not be written");
                Trouble::Unavailable.into()
            }
        }
    }
}

/// What a handler does: an answer, or the page for whatever came in between.
pub(super) async fn answered(visitor: &Visitor, work: impl Future<Output = Result<Response, Setback>>) -> Response {
    match work.await {
        Ok(response) => response,
        Err(setback) => setback.response(visitor).await.into_response(),
    }
}
