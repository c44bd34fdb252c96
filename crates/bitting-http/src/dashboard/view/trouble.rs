//! Pages for when something went wrong: what happened, and what to do.

use askama::Template;
use bitting_core::time::Timestamp;
use http::StatusCode;

use super::links::link;
use super::{Frame, Moment, ahead};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no such page, or none for this person: which of both is nobody's business.
    NotFound,
    /// The person may not do this, though they may know of it.
    Forbidden,
    /// The form is not one that this server gave to this person: forged, or from before they signed in.
    Stale,
    /// The one-time link was used, has ended, or never was.
    LinkUsed,
    /// Too many attempts; when the next one counts.
    TooMany {
        /// When.
        again_at: Timestamp,
    },
    /// What was sent is too much or cannot be read.
    Unreadable,
    /// The store cannot be read or written at the moment.
    Unavailable,
}

/// The page for it.
#[derive(Template)]
#[template(path = "dashboard/trouble.html", whitespace = "minimize")]
pub(crate) struct TroublePage {
    frame: Frame,
    trouble: Trouble,
    now: Timestamp,
}

impl TroublePage {
    pub(crate) fn new(frame: Frame, trouble: Trouble, now: Timestamp) -> Self {
        Self { frame, trouble, now }
    }

    /// The status that the page goes out with.
    pub(crate) fn status(&self) -> StatusCode {
        match self.trouble {
            Trouble::NotFound => StatusCode::NOT_FOUND,
            Trouble::Forbidden | Trouble::Stale => StatusCode::FORBIDDEN,
            Trouble::LinkUsed => StatusCode::GONE,
            Trouble::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Trouble::Unreadable => StatusCode::BAD_REQUEST,
            Trouble::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn heading(&self) -> &'static str {
        match self.trouble {
            Trouble::NotFound => "There is nothing here",
            Trouble::Forbidden => "This is not yours to do",
            Trouble::Stale => "This form is out of date",
            Trouble::LinkUsed => "This link no longer works",
            Trouble::TooMany { .. } => "Too many attempts",
            Trouble::Unreadable => "This could not be read",
            Trouble::Unavailable => "Keys cannot be shown at the moment",
        }
    }

    /// How long to wait, and until when, where somebody has to.
    fn wait(&self) -> Option<(String, Moment)> {
        let Trouble::TooMany { again_at } = self.trouble else { return None };
        Some((ahead(again_at, self.now), Moment::clock(again_at, self.now)))
    }

    /// A link back to where work goes on, and its words.
    fn way_on(&self) -> (String, &'static str) {
        match (&self.frame.person, &self.frame.api) {
            // It is not known who they are, and they may be signed in.
            (None, _) if self.trouble == Trouble::Unavailable => (link::HOME.to_owned(), "Try again"),
            (None, _) => (link::SIGN_IN.to_owned(), "Sign in"),
            (Some(_), Some(api)) => (api.keys(), "All keys"),
            (Some(_), None) => (link::HOME.to_owned(), "Overview"),
        }
    }
}
