//! The accounts of an API: its customers, organisations or users.

use askama::Template;
use bitting_core::api::Api;
use bitting_core::time::Timestamp;
use bitting_store::AccountRow;

use super::limit::limit_words;
use super::links::{ApiLinks, with_query};
use super::{Frame, Moment, Status, Tone};

/// The list.
#[derive(Template)]
#[template(path = "dashboard/accounts/list.html", whitespace = "minimize")]
pub(crate) struct AccountsPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) title: String,
    pub(crate) has_plans: bool,
    pub(crate) lines: Vec<AccountLine>,
    /// The id that is looked for.
    pub(crate) query: String,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// Whether this is the first page.
    pub(crate) is_first: bool,
}

/// One account.
pub(crate) struct AccountLine {
    pub(crate) row: AccountRow,
    plan: String,
    made: Moment,
    status: Status,
}

/// An account, and the form that changes it.
#[derive(Template)]
#[template(path = "dashboard/accounts/one.html", whitespace = "minimize")]
pub(crate) struct AccountPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) line: AccountLine,
    pub(crate) form: AccountForm,
    /// What was just done, in words.
    pub(crate) done: Option<&'static str>,
}

/// A new account.
#[derive(Template)]
#[template(path = "dashboard/accounts/new.html", whitespace = "minimize")]
pub(crate) struct NewAccountPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    pub(crate) id: String,
    pub(crate) id_error: Option<String>,
    pub(crate) form: AccountForm,
}

/// What can be said of an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountForm {
    pub(crate) name: String,
    pub(crate) name_error: Option<String>,
    /// The plan that is chosen.
    pub(crate) plan: String,
    pub(crate) plan_error: Option<String>,
    /// All of them, with what they allow; none where the API has no limits.
    pub(crate) plans: Vec<(String, String)>,
    /// The state of the account that was looked at.
    pub(crate) sequence: u64,
}

impl AccountsPage {
    fn next_link(&self) -> Option<String> {
        let next = self.next.as_deref()?;
        Some(with_query(&self.links.accounts(), &[("q", Some(&self.query)), ("after", Some(next))]))
    }
}

impl AccountLine {
    pub(crate) fn new(row: AccountRow, api: &Api, now: Timestamp) -> Self {
        let status = if row.enabled {
            Status::new(Tone::Plain, "active", "Active")
        } else {
            Status::new(Tone::Bad, "pause", "Suspended")
        };
        let declared = row.plan.as_deref().and_then(|plan| api.plans.named(plan)).unwrap_or_else(|| api.plans.fallback());
        Self { plan: declared.name.to_string(), made: Moment::ago(row.created_at, now), status, row }
    }

    fn called(&self) -> &str {
        self.row.called()
    }

    /// The account's keys, members or usage.
    fn of_account(&self, list: &str) -> String {
        with_query(list, &[("account", Some(self.row.id.as_str()))])
    }
}

impl AccountForm {
    /// The form of an API, with a plan chosen.
    pub(crate) fn of(api: &Api, name: &str, plan: Option<&str>) -> Self {
        let has_limits = !api.plans.are_empty();
        let words = |plan: &bitting_core::limit::Plan| {
            let limits = plan.limits().iter().map(limit_words).collect::<Vec<_>>();
            (plan.name.to_string(), if limits.is_empty() { "No limits".to_owned() } else { limits.join(", ") })
        };
        Self {
            name: name.to_owned(),
            plan: plan.map_or_else(|| api.plans.fallback().name.to_string(), str::to_owned),
            plans: if has_limits { api.plans.iter().map(words).collect() } else { Vec::new() },
            ..Self::default()
        }
    }
}
