//! Developers, who manage the keys of their own account.
//!
//! They may do with these keys whatever the API allows; but what their account has paid for is not theirs to say. So a key's own
//! number for a limit is bounded by the plan here, whatever the API lets operators write. An operator's number above the plan may
//! stay and may go down; one below the plan is no sanction, and can be lifted up to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitting_core::account::AccountId;
use bitting_core::api::Api;
use bitting_store::{Actor, Change, Origin, Refusal};

use crate::apis::Apis;
use crate::desk::{InvalidChange, Violation};
use crate::engine::{CommitError, Engine};

impl Engine {
    /// Checks a change that a developer makes against what is their account's; everybody else's is not looked at.
    pub(crate) async fn check_customer(&self, apis: &Apis, change: &Change, origin: &Origin) -> Result<(), CommitError> {
        let Actor::Member(id) = origin.actor else { return Ok(()) };
        let found = self.store().member(id).await.map_err(Arc::new)?;
        let Some(member) = found.map(|member| member.row) else { return Ok(()) };
        let (Some(account), Some(api)) = (member.account, apis.find(change.api())) else { return Ok(()) };
        if change.is_of_webhooks() {
            return self.check_customers_webhook(change, &member.api, &account).await;
        }
        let is_of_keys = matches!(change, Change::CreateKey(_)) || change.subject_key().is_some();
        if is_of_keys && member.api != *api.name {
            return Err(Refusal::NotYours.into());
        }
        let (limits, before) = match change {
            Change::CreateKey(new) if new.account != account => return Err(Refusal::NotYours.into()),
            Change::CreateKey(new) => (&new.limits, BTreeMap::new()),
            _ => {
                let Some(key) = change.subject_key() else { return Ok(()) };
                let row = self.store().key(&api.name, key).await.map_err(Arc::new)?;
                let row = row.filter(|row| row.account == account).ok_or(Refusal::NoSuchKey(key))?;
                match change {
                    Change::UpdateKey { patch, .. } if let Some(limits) = &patch.limits => (limits, row.limits),
                    _ => return Ok(()),
                }
            }
        };
        let wrong = self.above_plan(api, &account, limits, &before).await?;
        if wrong.is_empty() { Ok(()) } else { Err(InvalidChange::Fields(wrong).into()) }
    }

    /// A developer's webhooks are those of their account.
    async fn check_customers_webhook(&self, change: &Change, api: &str, account: &AccountId) -> Result<(), CommitError> {
        let of = if let Some(id) = change.subject_webhook() {
            let found = self.store().webhook(change.api(), id).await.map_err(Arc::new)?;
            let found = found.filter(|found| found.row.account.as_ref() == Some(account));
            found.ok_or(Refusal::NoSuchWebhook(id))?.row.account
        } else {
            change.account().cloned()
        };
        if change.api() == api && of.as_ref() == Some(account) { Ok(()) } else { Err(Refusal::NotYours.into()) }
    }

    async fn above_plan(
        &self,
        api: &Api,
        account: &AccountId,
        limits: &BTreeMap<String, u64>,
        before: &BTreeMap<String, u64>,
    ) -> Result<Vec<Violation>, CommitError> {
        let row = self.store().account(&api.name, account).await.map_err(Arc::new)?;
        let named = row.and_then(|row| row.plan);
        let plan = named.and_then(|plan| api.plans.named(&plan)).unwrap_or_else(|| api.plans.fallback());
        let mut wrong = Vec::new();
        for (name, &number) in limits {
            let of_plan = plan.by_scope().0.iter().find(|limit| *limit.name == **name).map(|limit| limit.allowed);
            if of_plan.max(before.get(name).copied()).is_none_or(|most| number > most) {
                let message = match of_plan {
                    Some(allowed) => format!("the plan allows {allowed} for {name:?}, and more is for operators to give"),
                    None => format!("the plan has no limit {name:?}"),
                };
                wrong.push(Violation { field: "limits".to_owned(), message });
            }
        }
        Ok(wrong)
    }
}
