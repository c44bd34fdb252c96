//! The list of keys.

use askama::Template;
use bitting_core::api::Api;

use super::{KeyForm, KeyLine};
use crate::dashboard::view::links::with_query;
use crate::dashboard::view::rights::capitalised;
use crate::dashboard::view::{Frame, Pager, Place};

/// Which keys are shown, and in which order: what the address of the page says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListAsked {
    /// The beginning of a name or of a prefix.
    pub(crate) search: String,
    pub(crate) view: View,
    /// One environment; `None` shows all.
    pub(crate) environment: Option<String>,
    pub(crate) order: Order,
    /// One account, for those who see several.
    pub(crate) account: Option<String>,
    /// Whose keys, by who made them.
    pub(crate) made_by: Option<String>,
}

/// A part of the keys that people look for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// All of them.
    #[default]
    All,
    /// Those that ask for a decision.
    Attention,
    /// Those that nobody has used for long.
    Unused,
    /// Those that were ended.
    Revoked,
}

/// By what the list is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Name, from A on.
    Name,
    /// Made, the latest first.
    #[default]
    Created,
    /// Used, the latest first.
    LastUsed,
    /// End, the nearest first.
    Expires,
}

/// How many keys each view has, as in `37` and `10,000+`; `None` where nobody counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) all: Option<String>,
    pub(crate) attention: Option<String>,
    pub(crate) unused: Option<String>,
    pub(crate) revoked: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "dashboard/keys/list.html", whitespace = "minimize")]
pub(crate) struct KeysPage {
    frame: Frame,
    asked: ListAsked,
    counts: Counts,
    lines: Vec<KeyLine>,
    pager: Pager,
    form: KeyForm,
    has_accounts: bool,
    made_by: Option<String>,
    keys: String,
    title: String,
    create_key: String,
    create_title: String,
    key_name: String,
    has_rights: bool,
    rights_head: &'static str,
    environments: Vec<(String, String)>,
    capabilities: Vec<Capability>,
}

/// The head of a column that sorts.
struct Head {
    label: String,
    href: String,
    /// How the list is sorted by it, if it is.
    sorted: Option<&'static str>,
}

/// One of a few links beside each other.
struct Choice {
    label: String,
    count: Option<String>,
    href: String,
    is_current: bool,
}

/// The switch that a capability has in each line.
struct Capability {
    name: String,
    label: String,
    warning: String,
}

/// The page of an account that has no key yet: the one thing to do first.
#[derive(Template)]
#[template(path = "dashboard/keys/empty.html", whitespace = "minimize")]
pub(crate) struct EmptyPage {
    frame: Frame,
    title: String,
    create_key: String,
    create_title: String,
    account: Option<String>,
    /// A call with dots in place of the key.
    sample: String,
    /// Where the script asks whether the first request has come.
    live: Option<String>,
    first_environment: String,
    form: KeyForm,
}

/// What the page needs beside the frame and what it shows.
pub(crate) struct KeysPageParts {
    pub(crate) asked: ListAsked,
    pub(crate) counts: Counts,
    pub(crate) lines: Vec<KeyLine>,
    pub(crate) pager: Pager,
    /// The form of the dialog.
    pub(crate) form: KeyForm,
    /// Whether keys of several accounts are seen, of which one can be chosen from those that the form offers.
    pub(crate) has_accounts: bool,
    /// Who made the keys, by their name, where only theirs are shown.
    pub(crate) made_by: Option<String>,
}

impl KeysPage {
    pub(crate) fn new(frame: Frame, api: &Api, parts: KeysPageParts) -> Self {
        let links = crate::dashboard::view::ApiLinks::new(&api.name);
        let catalogue = &api.catalogue;
        let capability = |known: &bitting_core::rights::CapabilitySpec| Capability {
            name: known.name.to_string(),
            label: known.label.to_string(),
            warning: known.warning.to_string(),
        };
        let KeysPageParts { asked, counts, lines, pager, form, has_accounts, made_by } = parts;
        Self {
            frame: frame.at(Place::Keys),
            keys: links.keys(),
            title: api.labels.title.to_string(),
            create_key: api.labels.create_key.to_string(),
            create_title: create_title(api),
            key_name: api.labels.key_name.to_string(),
            has_rights: !catalogue.permissions().is_empty() || !catalogue.roles().is_empty(),
            rights_head: if catalogue.roles().is_empty() { "Permissions" } else { "Role" },
            environments: api.environments.iter().map(|known| (known.name.to_string(), capitalised(&known.name))).collect(),
            capabilities: catalogue.capabilities().iter().map(capability).collect(),
            asked,
            counts,
            lines,
            pager,
            form,
            has_accounts,
            made_by,
        }
    }

    /// The heads that sort, in the order of their columns.
    fn heads(&self) -> Vec<Head> {
        let columns = [(Order::Created, "Created"), (Order::LastUsed, "Last used"), (Order::Expires, "Expires")];
        let columns = std::iter::once((Order::Name, &*self.key_name)).chain(columns);
        let head = |(order, label): (Order, &str)| Head {
            label: label.to_owned(),
            href: ListAsked { order, ..self.asked.clone() }.link(&self.keys),
            sorted: (self.asked.order == order).then(|| order.direction()),
        };
        columns.map(head).collect()
    }

    fn views(&self) -> Vec<Choice> {
        let Counts { all, attention, unused, revoked } = &self.counts;
        let views = [
            (View::All, "All", all),
            (View::Attention, "Needs attention", attention),
            (View::Unused, "Unused", unused),
            (View::Revoked, "Revoked", revoked),
        ];
        let choice = |(view, label, count): (View, &str, &Option<String>)| Choice {
            label: label.to_owned(),
            count: count.clone(),
            href: ListAsked { view, ..self.asked.clone() }.link(&self.keys),
            is_current: self.asked.view == view,
        };
        views.map(choice).into()
    }

    fn environment_choices(&self) -> Vec<Choice> {
        let all = std::iter::once((None, "All"));
        let each = self.environments.iter().map(|(name, label)| (Some(name.clone()), label.as_str()));
        let choice = |(environment, label): (Option<String>, &str)| Choice {
            label: label.to_owned(),
            count: None,
            is_current: self.asked.environment == environment,
            href: ListAsked { environment, ..self.asked.clone() }.link(&self.keys),
        };
        all.chain(each).map(choice).collect()
    }
}

impl ListAsked {
    /// Whether it is not the list of all keys, so that an empty one says nothing of all.
    pub(crate) fn is_narrowed(&self) -> bool {
        *self != Self { order: self.order, ..Self::default() }
    }

    /// The address of this list, from its first page on.
    pub(crate) fn link(&self, keys: &str) -> String {
        self.link_to(keys, "after", None)
    }

    /// The address of a part of this list: what comes `after` or `before` a place.
    pub(crate) fn link_to(&self, keys: &str, part: &str, place: Option<&str>) -> String {
        let query = [
            ("q", Some(&*self.search)),
            ("view", Some(self.view.value())),
            ("env", self.environment.as_deref()),
            ("sort", Some(self.order.value())),
            ("account", self.account.as_deref()),
            ("created_by", self.made_by.as_deref()),
            (part, place),
        ];
        with_query(keys, &query)
    }
}

impl View {
    /// All of them.
    pub(crate) const EVERY: [Self; 4] = [Self::All, Self::Attention, Self::Unused, Self::Revoked];

    /// What the address says; empty for all keys.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Attention => "attention",
            Self::Unused => "unused",
            Self::Revoked => "revoked",
        }
    }

    /// What the address means. What is none of them means all keys.
    pub(crate) fn read(value: &str) -> Self {
        Self::EVERY.into_iter().find(|view| view.value() == value).unwrap_or_default()
    }
}

impl Order {
    /// All of them.
    pub(crate) const EVERY: [Self; 4] = [Self::Name, Self::Created, Self::LastUsed, Self::Expires];

    /// What the address says; empty for the usual order. A minus is for "the other way round", as in many APIs.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "",
            Self::LastUsed => "-last_used",
            Self::Expires => "expires",
        }
    }

    /// What the address means. What is none of them means the usual order.
    pub(crate) fn read(value: &str) -> Self {
        Self::EVERY.into_iter().find(|order| order.value() == value).unwrap_or_default()
    }

    /// What `aria-sort` says.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Name | Self::Expires => "ascending",
            Self::Created | Self::LastUsed => "descending",
        }
    }

    /// In words, for whoever does not see the arrow.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Name => "by name",
            Self::Created => "newest first",
            Self::LastUsed => "most recently used first",
            Self::Expires => "soonest end first",
        }
    }
}

impl EmptyPage {
    /// The page for an account by its name. `sample` is a call with dots in place of the key; `live` is where the script asks
    /// whether the first request has come.
    pub(crate) fn new(frame: Frame, api: &Api, form: KeyForm, sample: String, live: Option<String>) -> Self {
        let account = frame.person.as_ref().and_then(|person| person.account.clone());
        let environment = form.first_environment();
        Self {
            frame: frame.at(Place::Keys),
            title: api.labels.title.to_string(),
            create_key: api.labels.create_key.to_string(),
            create_title: create_title(api),
            account,
            sample,
            live,
            first_environment: if api.environments.len() > 1 { environment } else { String::new() },
            form,
        }
    }
}

/// What stands over the form: the API's own words, with an article where they are the usual ones.
pub(crate) fn create_title(api: &Api) -> String {
    if &*api.labels.create_key == "Create key" { "Create a key".to_owned() } else { api.labels.create_key.to_string() }
}
