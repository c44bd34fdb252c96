//! What a later state takes away from a key or an account, and an earlier one would give back.

use bitting_core::time::Timestamp;
use bitting_store::{AccountRow, KeyRow};
use serde::Serialize;

/// A revocation or restriction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Restriction {
    /// The API's name.
    pub(super) api: String,
    /// The id of the key or account.
    pub(super) subject: String,
    /// The key's or account's name.
    pub(super) name: String,
    /// What is taken away, in words.
    pub(super) what: Vec<String>,
}

/// What `later` takes away from a key as it was before; `None` if nothing.
pub(super) fn of_key(before: &KeyRow, later: &KeyRow) -> Option<Restriction> {
    if before.revoked_at.is_some() {
        return None;
    }
    let mut what = Vec::new();
    what.extend(later.revoked_at.map(|at| format!("revoked at {at}")));
    if before.enabled && !later.enabled {
        what.push("disabled".to_owned());
    }
    let end = |row: &KeyRow| row.expires_at.unwrap_or(Timestamp::MAX);
    if end(later) < end(before) {
        what.push(format!("ends at {}", end(later)));
    }
    if before.auto_renew && !later.auto_renew {
        what.push("does not renew itself".to_owned());
    }
    if before.role != later.role {
        // Which of two roles may do more is the configuration's to say, and it may have changed too.
        what.push(format!("role {}, not {}", shown(later.role.as_deref()), shown(before.role.as_deref())));
    }
    what.extend(lowered(before, later));
    let lost = before.permissions.iter().filter(|permission| !later.permissions.contains(permission));
    let lost = lost.map(ToString::to_string);
    let switched_off = before.capabilities.iter().filter(|capability| !later.capabilities.contains(capability)).cloned();
    what.extend(lost.chain(switched_off).map(|name| format!("without {name}")));
    if let Some(list) = &later.allowed_addresses
        && !before.allowed_addresses.as_ref().is_some_and(|before| list.covers(before))
    {
        what.push(format!("only from {list}"));
    }
    restriction(&before.api, before.id.to_string(), &before.name, what)
}

/// What `later` takes away from an account.
pub(super) fn of_account(before: &AccountRow, later: &AccountRow) -> Option<Restriction> {
    let suspended = before.enabled && !later.enabled;
    let mut what: Vec<String> = suspended.then(|| "suspended".to_owned()).into_iter().collect();
    if before.plan != later.plan {
        // As with roles: which of two plans allows more is the configuration's to say.
        what.push(format!("plan {}, not {}", shown(later.plan.as_deref()), shown(before.plan.as_deref())));
    }
    restriction(&before.api, before.id.to_string(), &before.name, what)
}

/// The limits that later allow a key less, as far as its own numbers tell. What a plan says, only the configuration knows, so a
/// number that is gone counts as lowered too.
fn lowered(before: &KeyRow, later: &KeyRow) -> impl Iterator<Item = String> {
    let numbers = later.limits.iter().filter(|&(name, number)| before.limits.get(name).is_none_or(|old| old > number));
    let gone = before.limits.iter().filter(|(name, _)| !later.limits.contains_key(*name));
    let gone = gone.map(|(name, number)| format!("limit {name} of its plan, not {number}"));
    numbers.map(|(name, number)| format!("limit {name} of {number}")).chain(gone)
}

fn restriction(api: &str, subject: String, name: &str, what: Vec<String>) -> Option<Restriction> {
    let (api, name) = (api.to_owned(), name.to_owned());
    (!what.is_empty()).then_some(Restriction { api, subject, name, what })
}

fn shown(name: Option<&str>) -> &str {
    name.unwrap_or("none")
}

impl Restriction {
    /// On one line.
    pub(super) fn text(&self) -> String {
        let Self { api, subject, name, what } = self;
        let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
        format!("{api}: {subject}{name}: {}", what.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(limits: &serde_json::Value) -> KeyRow {
        let row = json!({"id": "key_01m7r8z3q9v5w2x4y6a8b0c1d2", "api": "shop", "account": "acme", "name": "", "description": "",
            "prefix": "", "environment": "live", "role": null, "permissions": [], "capabilities": [], "allowed_addresses": null,
            "limits": limits, "metadata": {}, "enabled": true, "created_at": Timestamp::MAX, "created_by": "system",
            "updated_at": Timestamp::MAX, "expires_at": null, "revoked_at": null, "replaced_by": null, "replaces": null,
            "sequence": 1});
        serde_json::from_value(row).unwrap()
    }

    fn account(plan: Option<&str>) -> AccountRow {
        let row = json!({"api": "shop", "id": "acme", "name": "", "plan": plan, "enabled": true, "created_at": Timestamp::MAX,
            "updated_at": Timestamp::MAX, "sequence": 1});
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn a_number_that_was_set_lowered_or_taken_away_would_be_undone_and_one_that_was_raised_would_not() {
        for (before, later, what) in [
            (json!({}), json!({}), vec![]),
            (json!({"hour": 50}), json!({"hour": 50}), vec![]),
            (json!({"hour": 40}), json!({"hour": 50}), vec![]),
            (json!({"hour": 50}), json!({"hour": 40}), vec!["limit hour of 40"]),
            (json!({}), json!({"hour": 40}), vec!["limit hour of 40"]),
            (json!({"hour": 50, "day": 7}), json!({"day": 7}), vec!["limit hour of its plan, not 50"]),
        ] {
            let restriction = of_key(&key(&before), &key(&later));
            assert_eq!(restriction.map_or_else(Vec::new, |found| found.what), what, "{later}");
        }
    }

    #[test]
    fn that_a_key_no_longer_renews_itself_would_be_undone() {
        let [on, off] = [true, false].map(|auto_renew| KeyRow { auto_renew, ..key(&json!({})) });
        assert_eq!(of_key(&on, &off).map_or_else(Vec::new, |found| found.what), ["does not renew itself"]);
        assert!(of_key(&off, &on).is_none());
    }

    #[test]
    fn another_plan_would_be_undone_whichever_allows_more() {
        let what = |before, later| of_account(&account(before), &account(later)).map_or_else(Vec::new, |found| found.what);
        assert_eq!(what(Some("free"), Some("free")), Vec::<String>::new());
        assert_eq!(what(Some("paid"), Some("free")), ["plan free, not paid"]);
        assert_eq!(what(Some("paid"), None), ["plan none, not paid"]);
    }
}
