//! What stands around every page.

use bitting_core::api::Accent;

use super::counted;
use super::links::{ApiLinks, link};
use crate::dashboard::assets;

/// Everything that every page needs. It holds a token, so it does not print itself.
pub(crate) struct Frame {
    /// Whose house it is.
    pub(crate) brand: Brand,
    /// The API whose pages these are; `None` on those of all APIs, and where nobody has signed in.
    pub(crate) api: Option<ApiLinks>,
    /// Which entry of the navigation this page belongs to. Each page says it of itself.
    pub(crate) place: Place,
    /// Who is signed in.
    pub(crate) person: Option<Person>,
    /// What each form sends back, so that nobody else's form counts.
    pub(crate) csrf: String,
    /// Where help is to be had: an address of mail or a link.
    pub(crate) support: Option<String>,
    /// The API's page on authentication.
    pub(crate) docs: Option<String>,
    /// Light or dark.
    pub(crate) theme: Theme,
    /// How many events of the API want something and were not read, counted up to [`Frame::MOST_UNREAD`] and one more.
    pub(crate) unread: usize,
}

/// The name and the look of an API, or of Bitting where no API is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brand {
    /// The name as its users know it.
    pub(crate) title: String,
    /// The path of its logo; without one a mark is drawn.
    pub(crate) logo: Option<String>,
    /// Its colour.
    pub(crate) accent: Accent,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Their name.
    pub(crate) name: String,
    /// Their e-mail; whoever came by a portal link may have none.
    pub(crate) email: Option<String>,
    /// The account whose keys they see, by its name; `None` for operators, who see all.
    pub(crate) account: Option<String>,
    /// That account's plan.
    pub(crate) plan: Option<String>,
}

/// An entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// All APIs, for operators.
    Home,
    Keys,
    Usage,
    Events,
    Accounts,
    Audit,
    Docs,
    Members,
    Webhooks,
    Bans,
    You,
    /// None of them.
    Elsewhere,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

/// A link of the navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NavItem {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
    /// How many there are unread, where there are any.
    pub(crate) unread: Option<String>,
}

impl Frame {
    /// What is unread is counted so far: it is done for each page.
    pub(crate) const MOST_UNREAD: usize = 99;

    /// Whether whoever is signed in runs the APIs.
    pub(crate) fn is_operator(&self) -> bool {
        self.person.as_ref().is_some_and(Person::is_operator)
    }

    /// The same, around a page of this place.
    #[must_use]
    pub(crate) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// The navigation of whoever is signed in.
    pub(crate) fn nav(&self) -> Vec<NavItem> {
        let Some(person) = &self.person else { return Vec::new() };
        let mut items = Vec::new();
        if person.is_operator() {
            items.push((Place::Home, "APIs", link::HOME.to_owned()));
        }
        if let Some(api) = &self.api {
            items.push((Place::Keys, "Keys", api.keys()));
            items.push((Place::Usage, "Usage", api.usage()));
            items.push((Place::Events, "Events", api.events()));
            if person.is_operator() {
                items.push((Place::Accounts, "Accounts", api.accounts()));
                items.push((Place::Audit, "Audit log", api.audit_log()));
            }
            items.extend(self.docs.iter().map(|docs| (Place::Docs, "Docs", docs.clone())));
        } else if person.is_operator() {
            items.push((Place::Members, "Members", link::MEMBERS.to_owned()));
        }
        items.into_iter().map(|item| self.item(item)).collect()
    }

    /// What the menu of whoever is signed in leads to, signing out aside.
    pub(crate) fn menu(&self) -> Vec<NavItem> {
        let members = match (&self.person, &self.api) {
            (Some(person), _) if person.is_operator() => Some(link::MEMBERS.to_owned()),
            (_, api) => api.as_ref().map(ApiLinks::members),
        };
        let members = members.map(|href| (Place::Members, "Members", href));
        let webhooks = self.api.as_ref().map(|api| (Place::Webhooks, "Webhooks", api.webhooks()));
        let bans = self.api.as_ref().filter(|_| self.is_operator()).map(|api| (Place::Bans, "Bans", api.bans()));
        let you = (Place::You, "Your sign-in", link::YOU.to_owned());
        members.into_iter().chain(webhooks).chain(bans).chain([you]).map(|item| self.item(item)).collect()
    }

    fn item(&self, (place, label, href): (Place, &'static str, String)) -> NavItem {
        let unread = (place == Place::Events && self.unread > 0).then(|| counted(self.unread, Self::MOST_UNREAD));
        NavItem { label, href, is_current: self.place == place, unread }
    }

    /// Where the brand leads: to where whoever is signed in begins.
    pub(crate) fn home(&self) -> String {
        self.api.as_ref().map_or_else(|| link::HOME.to_owned(), ApiLinks::keys)
    }

    /// Where help is to be had, as a link.
    pub(crate) fn support_link(&self) -> Option<String> {
        let is_link = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        self.support.as_ref().map(|text| if is_link(text) { text.clone() } else { format!("mailto:{text}") })
    }
}

impl Brand {
    /// The path of the stylesheet's one rule for its colour.
    pub(crate) fn style(&self) -> String {
        assets::accent_style(self.accent)
    }

    /// The path of the mark of the browser's tab.
    pub(crate) fn mark(&self) -> String {
        assets::accent_mark_path(self.accent)
    }
}

impl Person {
    /// Whether they run Bitting, and see all accounts.
    pub(crate) fn is_operator(&self) -> bool {
        self.account.is_none()
    }
}

impl Theme {
    /// What `data-theme` says.
    pub(crate) fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// The one that the menu offers instead.
    pub(crate) fn other(self) -> (&'static str, &'static str) {
        match self {
            Self::System | Self::Light => ("dark", "Dark theme"),
            Self::Dark => ("light", "Light theme"),
        }
    }
}
