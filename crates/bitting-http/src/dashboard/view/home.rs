//! Where operators begin: all APIs, and how the server is.

use askama::Template;

use super::links::ApiLinks;
use super::{Frame, Status, Tone, thousands};

/// The page.
#[derive(Template)]
#[template(path = "dashboard/home/apis.html", whitespace = "minimize")]
pub(crate) struct HomePage {
    pub(crate) frame: Frame,
    pub(crate) apis: Vec<ApiLine>,
    /// How many keys are in memory.
    pub(crate) keys: usize,
    /// What was last odd about the clock.
    pub(crate) clock: Option<String>,
    pub(crate) is_loaded: bool,
    pub(crate) is_broken: bool,
    /// The audit log of the operators' own doings.
    pub(crate) own_log: String,
}

/// One API.
pub(crate) struct ApiLine {
    pub(crate) links: ApiLinks,
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) hosts: Vec<String>,
    /// Requests of the last 24 hours.
    pub(crate) admitted: u64,
    pub(crate) limited: u64,
    pub(crate) refused: u64,
}

impl HomePage {
    fn status(&self) -> Status {
        match (self.is_broken, self.is_loaded) {
            (true, _) => Status::new(Tone::Bad, "stop", "Cannot write: start it again"),
            (false, false) => Status::new(Tone::Warn, "clock", "Loading keys"),
            (false, true) => Status::new(Tone::Plain, "check", "Ready"),
        }
    }

    fn key_count(&self) -> String {
        thousands(u64::try_from(self.keys).unwrap_or(u64::MAX))
    }
}

impl ApiLine {
    /// Of all requests, how many were refused.
    fn share(&self) -> String {
        let all = self.admitted + self.limited + self.refused;
        let tenths = (self.limited + self.refused).saturating_mul(1_000).checked_div(all).unwrap_or(0);
        format!("{}.{}%", tenths / 10, tenths % 10)
    }

    fn requests(&self) -> String {
        thousands(self.admitted + self.limited + self.refused)
    }

    fn limit_hits(&self) -> String {
        thousands(self.limited)
    }
}
