//! The key that a page is about, with what is asked of it.

use std::sync::Arc;

use bitting_core::api::Api;
use bitting_core::limit::Plan;
use bitting_core::time::Timestamp;
use bitting_engine::{NotRenewed, ServedApi, renewal};
use bitting_store::{AccountRow, KeyRow, KeyStatus, LastUse};

use super::Bounds;
use crate::dashboard::setback::Setback;
use crate::dashboard::visitor::Visitor;

/// A key that somebody may see.
pub(super) struct Subject {
    pub(super) api: Arc<ServedApi>,
    pub(super) row: KeyRow,
    /// Its account; `None` only if somebody has taken it out of the store by hand.
    pub(super) account: Option<AccountRow>,
}

impl Subject {
    pub(super) async fn of(visitor: &Visitor, api: &str, id: &str) -> Result<Self, Setback> {
        let api = visitor.api(api)?;
        let row = visitor.key(&api, id).await?;
        let account = visitor.store().account(&api.name, &row.account).await?;
        Ok(Self { api, row, account })
    }

    /// What is asked of it.
    pub(super) fn bounds(&self, visitor: &Visitor) -> Bounds<'_> {
        Bounds { row: Some(&self.row), ..bounds(visitor, &self.api, self.account.as_ref()) }
    }

    pub(super) fn plan(&self) -> &Plan {
        plan_of(&self.api, self.account.as_ref())
    }

    pub(super) fn is_account_enabled(&self) -> bool {
        self.account.as_ref().is_none_or(|account| account.enabled)
    }

    /// When it renews itself, or why not; `None` where it has no end or does not work now, or no plan lets keys do so.
    pub(super) fn renewal(&self, now: Timestamp) -> Option<Result<Timestamp, NotRenewed>> {
        let may_be = self.row.auto_renew || self.api.plans.iter().any(Plan::renews_keys);
        let has_end = self.row.expires_at.is_some() && self.row.status(now) == KeyStatus::Active;
        (may_be && has_end).then(|| renewal(&self.api, &self.row, self.account.as_ref()))
    }

    /// When it was used last.
    pub(super) async fn last_use(&self, visitor: &Visitor) -> Result<Option<LastUse>, Setback> {
        Ok(visitor.store().last_uses(vec![self.row.id]).await?.into_iter().next())
    }
}

/// What is asked of a new key of an account.
pub(super) fn bounds<'a>(visitor: &Visitor, api: &'a Api, account: Option<&AccountRow>) -> Bounds<'a> {
    let may_exceed = visitor.is_operator() && api.plans.keys_may_exceed();
    Bounds { api, plan: plan_of(api, account), now: visitor.now(), row: None, may_exceed }
}

/// The plan of an account: its own, or the first where it has none or one that is gone.
fn plan_of<'a>(api: &'a Api, account: Option<&AccountRow>) -> &'a Plan {
    let named = account.and_then(|account| account.plan.as_deref());
    named.and_then(|plan| api.plans.named(plan)).unwrap_or_else(|| api.plans.fallback())
}
