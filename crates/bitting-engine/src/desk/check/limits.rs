//! What accounts' plans and keys' own numbers must satisfy.

use std::collections::{BTreeMap, BTreeSet};

use bitting_core::limit::{MOST, Plan};

use super::Checks;

impl Checks<'_> {
    /// The plan of an account.
    pub(super) fn plan(&mut self, plan: Option<&str>) {
        let plans = &self.api.plans;
        let Some(unknown) = plan.filter(|name| plans.named(name).is_none()) else { return };
        let known = plans.iter().map(|plan| &*plan.name).collect::<Vec<_>>().join(", ");
        self.wrong("plan", format!("{} is not a plan of {}; there are: {known}", self.said(unknown), self.api.name));
    }

    /// A key's own numbers. They may be for limits of any plan: an account can change its plan, and its keys stay as they are.
    pub(super) fn limits(&mut self, limits: &BTreeMap<String, u64>) {
        for (name, &number) in limits {
            if let Some(message) = self.number(name, number) {
                self.wrong("limits", message);
            }
        }
    }

    /// What is wrong with a key's own number for a limit.
    fn number(&self, name: &str, number: u64) -> Option<String> {
        let (plans, api) = (&self.api.plans, &self.api.name);
        let Some(highest) = plans.of_keys(name).map(|limit| limit.allowed).max() else {
            if plans.iter().flat_map(Plan::limits).any(|limit| *limit.name == *name) {
                return Some(format!("{} is shared by several keys, so none can have its own number", self.said(name)));
            }
            let known: BTreeSet<&str> = plans.iter().flat_map(|plan| plan.by_scope().0).map(|limit| &*limit.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { Vec::from_iter(known).join(", ") };
            return Some(format!("{} is not a limit that keys of {api} have; there are: {known}", self.said(name)));
        };
        if !(1..=MOST).contains(&number) {
            return Some(format!("write a number from 1 to {MOST} for {}", self.said(name)));
        }
        let without_effect = number > highest && !plans.keys_may_exceed();
        without_effect.then(|| {
            format!("keys of {api} may not exceed their plan, and no plan has more than {highest} for {}", self.said(name))
        })
    }
}
