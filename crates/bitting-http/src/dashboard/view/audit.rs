//! The audit log: who changed what.

use askama::Template;
use bitting_core::time::Timestamp;
use bitting_store::AuditRow;
use serde_json::Value;

use super::links::{ApiLinks, with_query};
use super::{Frame, Moment};

/// The log, newest first.
#[derive(Template)]
#[template(path = "dashboard/audit/log.html", whitespace = "minimize")]
pub(crate) struct AuditPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    /// What is asked for, as it was typed.
    pub(crate) asked: AuditQuery,
    pub(crate) lines: Vec<AuditLine>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// What is wrong with what was asked.
    pub(crate) error: Option<&'static str>,
}

/// What the log is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct AuditQuery {
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) subject: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) after: String,
}

/// One change.
pub(crate) struct AuditLine {
    at: Moment,
    /// Who made it, in words, and as it is looked for.
    who: String,
    actor: String,
    address: Option<String>,
    action: String,
    /// What was done, in words.
    what: String,
    /// What it was done to, by its name, and where that is shown.
    name: String,
    subject: String,
    page: Option<String>,
    /// What is different since, each with what it was and what it is.
    differences: Vec<Difference>,
}

/// One value that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    field: String,
    before: String,
    after: String,
}

/// The kinds of changes that people look for, with their words.
const ACTIONS: &[(&str, &str)] = &[
    ("key.created", "Created key"),
    ("key.updated", "Changed key"),
    ("key.rotated", "Rotated key"),
    ("key.revoked", "Revoked key"),
    ("key.rehashed", "Recognised imported key"),
    ("keys.imported", "Imported keys"),
    ("key.leaked", "Reported leaked key"),
    ("leaks.reported", "Reported leaks"),
    ("account.created", "Created account"),
    ("account.updated", "Changed account"),
    ("member.created", "Invited member"),
    ("member.joined", "Joined"),
    ("member.updated", "Changed member"),
    ("member.disabled", "Disabled member"),
    ("member.enabled", "Enabled member"),
    ("member.link_made", "Made a link for"),
    ("member.password_changed", "Changed password"),
    ("member.second_factor_added", "Added second factor"),
    ("member.second_factor_removed", "Removed second factor"),
    ("member.signed_in", "Signed in"),
    ("member.signed_out", "Signed out"),
    ("ban.lifted", "Lifted ban"),
    ("webhook.created", "Added webhook"),
    ("webhook.updated", "Changed webhook"),
    ("webhook.secret_rotated", "Rotated webhook's secret"),
    ("webhook.disabled", "Switched webhook off"),
    ("webhook.deleted", "Deleted webhook"),
];

/// Values that say when and in which state something was changed, which the line itself says.
const UNSAID: [&str; 4] = ["updated_at", "sequence", "api", "id"];

impl AuditPage {
    /// Each kind with its words, and whether it is asked for.
    fn actions(&self) -> Vec<(&'static str, &'static str, bool)> {
        ACTIONS.iter().map(|(action, words)| (*action, *words, *action == self.asked.what)).collect()
    }

    fn next_link(&self) -> Option<String> {
        self.next.as_deref().map(|next| self.link(Some(next)))
    }

    fn first_link(&self) -> Option<String> {
        (!self.asked.after.is_empty()).then(|| self.link(None))
    }

    fn link(&self, after: Option<&str>) -> String {
        let AuditQuery { who, what, subject, from, until, .. } = &self.asked;
        let asked = [("who", who), ("what", what), ("subject", subject), ("from", from), ("until", until)];
        let mut parameters: Vec<(&str, Option<&str>)> =
            asked.iter().map(|(name, value)| (*name, Some(value.as_str()))).collect();
        parameters.push(("after", after));
        with_query(&self.links.audit_log(), &parameters)
    }

    fn is_filtered(&self) -> bool {
        AuditQuery { after: String::new(), ..self.asked.clone() } != AuditQuery::default()
    }
}

impl AuditLine {
    /// `called` is what a member is called now, if it is one's doing.
    pub(crate) fn new(row: AuditRow, who: String, called: Option<String>, links: &ApiLinks, now: Timestamp) -> Self {
        let words = ACTIONS.iter().find(|(action, _)| *action == row.action).map_or(row.action.as_str(), |(_, words)| words);
        let page = match row.action.split_once('.') {
            Some(("key", _)) => row.subject.parse().ok().map(|id| links.key(id)),
            Some(("account", _)) => row.subject.parse().ok().map(|id| links.account(&id)),
            // Of what is deleted there is no page.
            Some(("webhook", action)) if action != "deleted" => row.subject.parse().ok().map(|id| links.webhook(id)),
            Some(("member", _)) => Some(links.members()),
            _ => None,
        };
        Self {
            at: Moment::clock(row.at, now),
            who,
            address: row.address.clone(),
            what: words.to_owned(),
            name: called.unwrap_or_else(|| name_of(&row)),
            page,
            differences: differences(&row),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
        }
    }

    fn by(&self, links: &ApiLinks) -> String {
        with_query(&links.audit_log(), &[("who", Some(&self.actor))])
    }

    fn of(&self, links: &ApiLinks) -> String {
        with_query(&links.audit_log(), &[("subject", Some(&self.subject))])
    }
}

/// What something is called.
fn name_of(row: &AuditRow) -> String {
    let after = row.after.get("new").unwrap_or(&row.after);
    let named = after.get("name").or_else(|| row.before.get("name")).and_then(Value::as_str).filter(|name| !name.is_empty());
    let email = || after.get("email").and_then(Value::as_str);
    let url = || after.get("url").or_else(|| row.before.get("url")).and_then(Value::as_str);
    named.or_else(email).or_else(url).unwrap_or(&row.subject).to_owned()
}

/// What is different. Of something new everything would be.
fn differences(row: &AuditRow) -> Vec<Difference> {
    let after = row.after.get("old").unwrap_or(&row.after);
    let (Some(before), Some(after)) = (row.before.as_object(), after.as_object()) else { return Vec::new() };
    let words = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::Bool(is)) => if *is { "yes" } else { "no" }.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    };
    let changed = after.iter().filter(|(field, value)| !UNSAID.contains(&field.as_str()) && before.get(*field) != Some(value));
    changed
        .map(|(field, value)| Difference {
            field: field.replace('_', " "),
            before: words(before.get(field)),
            after: words(Some(value)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use bitting_core::record::Sequence;
    use serde_json::json;

    use super::*;

    fn row(action: &str, before: Value, after: Value) -> AuditRow {
        AuditRow {
            sequence: Sequence(7),
            at: Timestamp::from_millis(1_000),
            api: "shop".into(),
            actor: "cli:root".into(),
            request_id: String::new(),
            address: None,
            action: action.into(),
            subject: "key_01m7r8z3q9v5w2x4y6a8b0c1d2".into(),
            before,
            after,
        }
    }

    #[test]
    fn a_change_is_told_by_what_is_different() {
        let before = json!({"name": "a", "permissions": ["x:read"], "enabled": true, "expires_at": null, "sequence": 1});
        let after =
            json!({"name": "b", "permissions": [], "enabled": false, "expires_at": "2026-01-01T00:00:00Z", "sequence": 2});
        let found: Vec<String> = differences(&row("key.updated", before, after))
            .iter()
            .map(|d| format!("{}: {} → {}", d.field, d.before, d.after))
            .collect();
        let expected =
            ["name: a → b", "permissions: x:read → none", "enabled: yes → no", "expires at: none → 2026-01-01T00:00:00Z"];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_rotation_is_told_of_the_old_key_and_named_after_the_new_one() {
        let after = json!({"old": {"name": "a", "replaced_by": "key_2"}, "new": {"name": "a (new)"}});
        let row = row("key.rotated", json!({"name": "a", "replaced_by": null}), after);
        assert_eq!(
            differences(&row),
            [Difference { field: "replaced by".into(), before: "none".into(), after: "key_2".into() }]
        );
        assert_eq!(name_of(&row), "a (new)");
    }

    #[test]
    fn what_is_new_has_no_differences() {
        assert!(differences(&row("key.created", Value::Null, json!({"name": "a"}))).is_empty());
    }
}
