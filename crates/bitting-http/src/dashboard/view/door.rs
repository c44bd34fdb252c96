//! The pages before somebody is signed in.

use askama::Template;

use super::links::{link, with_query};
use super::rights::capitalised;
use super::{Frame, plural};

/// What goes along while somebody signs in: where they wanted to go, and what they had typed there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Errand {
    /// The path to go to.
    pub(crate) next: String,
    /// The form that they had filled in, if the path was one's.
    pub(crate) kept: Option<String>,
}

/// E-mail and password.
#[derive(Template)]
#[template(path = "dashboard/door/sign_in.html", whitespace = "minimize")]
pub(crate) struct SignInPage {
    pub(crate) frame: Frame,
    pub(crate) errand: Errand,
    /// What they have typed before.
    pub(crate) email: String,
    /// Whether that did not match.
    pub(crate) has_failed: bool,
    /// The site of the API's own through which they can come.
    pub(crate) site: Option<String>,
    /// Something to say first.
    pub(crate) note: Option<&'static str>,
}

/// The code of an authenticator app.
#[derive(Template)]
#[template(path = "dashboard/door/code.html", whitespace = "minimize")]
pub(crate) struct CodePage {
    pub(crate) frame: Frame,
    pub(crate) errand: Errand,
    /// What says who has come half the way.
    pub(crate) half_way: String,
    /// Whether the code was wrong.
    pub(crate) has_failed: bool,
}

/// Choosing a password with a one-time link.
#[derive(Template)]
#[template(path = "dashboard/door/join.html", whitespace = "minimize")]
pub(crate) struct JoinPage {
    pub(crate) frame: Frame,
    /// The link's secret.
    pub(crate) token: String,
    /// Whether another password takes the place of one.
    pub(crate) is_reset: bool,
    /// Whether they are the first, who sets the dashboard up.
    pub(crate) is_first: bool,
    /// What they are called; `None` if it is known.
    pub(crate) name: Option<String>,
    /// Their address, and whether they can still say it.
    pub(crate) email: String,
    pub(crate) asks_email: bool,
    pub(crate) name_error: Option<String>,
    pub(crate) email_error: Option<String>,
    pub(crate) password_error: Option<String>,
    /// The shortest password.
    pub(crate) shortest: usize,
}

impl JoinPage {
    /// Whether somebody begins at this field: the first that is wrong, or else the first that is asked for.
    fn focuses(&self, field: &str) -> bool {
        let is_wrong = [("name", &self.name_error), ("email", &self.email_error), ("password", &self.password_error)];
        let wrong = is_wrong.iter().find(|(_, error)| error.is_some()).map(|(field, _)| *field);
        let first = if self.name.is_some() { "name" } else { "password" };
        wrong.unwrap_or(first) == field
    }

    fn shortest(&self) -> String {
        plural(u64::try_from(self.shortest).unwrap_or_default(), "character")
    }
}

/// Somebody else is signed in at this browser.
#[derive(Template)]
#[template(path = "dashboard/door/switch.html", whitespace = "minimize")]
pub(crate) struct SwitchPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    /// Whose session it is.
    pub(crate) present: String,
    /// Whom the link is for.
    pub(crate) arriving: String,
}

/// What was typed before somebody was signed out.
#[derive(Template)]
#[template(path = "dashboard/door/kept.html", whitespace = "minimize")]
pub(crate) struct KeptPage {
    pub(crate) frame: Frame,
    /// Where the form goes.
    pub(crate) action: String,
    /// Its fields.
    pub(crate) fields: Vec<(String, String)>,
}

impl KeptPage {
    /// The fields that a person has filled in, by their names as words. What was ticked in several boxes stands together.
    fn shown(&self) -> Vec<(String, String)> {
        let is_shown = |(name, value): &&(String, String)| !["once", "sequence"].contains(&name.as_str()) && !value.is_empty();
        let mut shown: Vec<(String, String)> = Vec::new();
        for (name, value) in self.fields.iter().filter(is_shown) {
            let words = capitalised(&name.replace(['_', '-', '.', ':'], " "));
            match shown.last_mut() {
                Some((last, values)) if *last == words => *values = format!("{values}, {value}"),
                _ => shown.push((words, value.clone())),
            }
        }
        shown
    }
}

/// The sign-in page that leads on to a path.
pub(crate) fn sign_in_at(next: &str) -> String {
    with_query(link::SIGN_IN, &[("next", Some(next).filter(|next| *next != "/"))])
}
