//! The people who may sign in: operators, or the developers of accounts.

use askama::Template;
use bitting_core::account::AccountId;
use bitting_core::time::Timestamp;
use bitting_store::MemberRow;

use super::links::{ApiLinks, member_action, with_query};
use super::{Frame, Moment, Status, Tone, ahead, plural};

/// The list, with the form that invites.
#[derive(Template)]
#[template(path = "dashboard/people/members.html", whitespace = "minimize")]
pub(crate) struct MembersPage {
    pub(crate) frame: Frame,
    /// Where the form goes.
    pub(crate) action: String,
    pub(crate) whose: Whose,
    pub(crate) lines: Vec<MemberLine>,
    /// What was typed and is wrong.
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) email_error: Option<String>,
    pub(crate) account_error: Option<String>,
    /// What somebody who was just disabled leaves behind.
    pub(crate) done: Option<LeftBehind>,
    /// The keys of those who may no longer sign in, where there are any.
    pub(crate) removed: Option<String>,
    /// Whether whoever looks may invite others.
    pub(crate) may_invite: bool,
}

/// What somebody who was disabled leaves behind.
pub(crate) struct LeftBehind {
    /// In words.
    words: String,
    /// The lists of their keys that work, with words for each.
    lists: Vec<(String, String)>,
}

impl LeftBehind {
    /// Of somebody who has made keys: where they are listed, how many work, whether these are not all, and the API's title.
    pub(crate) fn new(name: &str, keys: Vec<(String, usize, bool, String)>) -> Self {
        let words = if keys.is_empty() {
            format!("{name} is disabled, and has made no key that still works.")
        } else {
            format!("{name} is disabled. The keys that they made go on working:")
        };
        let list = |(href, number, is_more, title): (String, usize, bool, String)| {
            let count = plural(number as u64, "key");
            (href, if is_more { format!("more than {count} of {title}") } else { format!("{count} of {title}") })
        };
        Self { words, lists: keys.into_iter().map(list).collect() }
    }
}

/// Whose members are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those who run the APIs.
    Operators,
    /// Those of one account.
    Account(String),
    /// Those of all accounts of an API, by its title.
    AllAccounts(String),
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct MemberLine {
    pub(crate) row: MemberRow,
    /// Who made them, in words.
    made_by: String,
    made: Moment,
    status: Status,
    /// Whether it is whoever looks.
    is_self: bool,
    /// Whether whoever looks may make a link for them.
    may_make_link: bool,
    /// Whether whoever looks may end that they are asked for a code.
    may_remove_second_factor: bool,
    /// The keys that they have made, where they make keys.
    keys: Option<String>,
}

/// A one-time link, shown once.
#[derive(Template)]
#[template(path = "dashboard/people/link_made.html", whitespace = "minimize")]
pub(crate) struct LinkMadePage {
    pub(crate) frame: Frame,
    /// For whom.
    pub(crate) who: String,
    /// The whole link.
    pub(crate) link: String,
    /// Whether they come for the first time.
    pub(crate) is_invitation: bool,
    pub(crate) expires_at: Timestamp,
    pub(crate) now: Timestamp,
    /// Where the list is.
    pub(crate) back: String,
}

impl MemberLine {
    /// As `viewer` sees them.
    pub(crate) fn new(row: MemberRow, viewer: &MemberRow, made_by: String, now: Timestamp) -> Self {
        let status = match &row {
            MemberRow { enabled: false, .. } => Status::new(Tone::Off, "cross", "Disabled"),
            row if row.is_awaited() => Status::new(Tone::Plain, "clock", "Invited"),
            MemberRow { .. } => Status::new(Tone::Plain, "active", "Active"),
        };
        let keys = row.account.as_ref().map(|account: &AccountId| {
            let list = ApiLinks::new(&row.api).keys();
            let account = Some(account.as_str()).filter(|_| viewer.is_operator());
            with_query(&list, &[("created_by", Some(&row.id.to_string())), ("account", account)])
        });
        let (made, is_self) = (Moment::ago(row.created_at, now), row.id == viewer.id);
        let may_make_link = row.enabled && !row.is_portal && may_make_link(viewer, &row);
        let may_remove_second_factor = row.has_second_factor && !is_self && may_remove_second_factor(viewer);
        Self { row, made_by, made, status, is_self, may_make_link, may_remove_second_factor, keys }
    }

    /// What they are called; whoever has not said it yet is known by their address.
    pub(crate) fn called(&self) -> &str {
        called(&self.row)
    }

    fn link(&self, action: &str) -> String {
        member_action(self.row.id, action)
    }

    /// The words on the button that makes a link.
    fn link_words(&self) -> &'static str {
        if self.row.is_awaited() { "New invitation" } else { "Reset password" }
    }
}

impl LinkMadePage {
    fn ends(&self) -> (Moment, String) {
        (Moment::full(self.expires_at), ahead(self.expires_at, self.now))
    }
}

/// Whether somebody may invite others. The site that sends people without a password decides itself who comes from it.
pub(crate) fn may_invite(viewer: &MemberRow) -> bool {
    !viewer.is_portal
}

/// Whether somebody may make a link for another member. Whoever has a link for somebody with a password becomes them, so that is
/// for operators, and for nobody with themselves: whoever found a browser open would have a password of their own.
pub(crate) fn may_make_link(viewer: &MemberRow, of: &MemberRow) -> bool {
    viewer.id != of.id && (viewer.is_operator() || (of.is_awaited() && may_invite(viewer)))
}

/// Whether somebody may end that another member is asked for a code.
pub(crate) fn may_remove_second_factor(viewer: &MemberRow) -> bool {
    viewer.is_operator()
}

/// What somebody is called; whoever has not said it yet is known by their address.
pub(crate) fn called(row: &MemberRow) -> &str {
    match (row.name.as_str(), row.email.as_deref()) {
        ("", Some(email)) => email,
        ("", None) => "the first operator",
        (name, _) => name,
    }
}
