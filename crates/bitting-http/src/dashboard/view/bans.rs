//! Who is banned.

use std::time::Duration;

use askama::Template;
use bitting_core::ban::Ban;
use bitting_core::time::Timestamp;

use super::links::ApiLinks;
use super::moment::length;
use super::{Frame, Moment, ahead, plural};

/// The list, the latest first.
#[derive(Template)]
#[template(path = "dashboard/bans/list.html", whitespace = "minimize")]
pub(crate) struct BansPage {
    pub(crate) frame: Frame,
    pub(crate) links: ApiLinks,
    /// After how many invalid keys, within which time, and for how long; `None` where nobody is banned.
    pub(crate) policy: Option<(u32, Duration, Duration)>,
    pub(crate) lines: Vec<BanLine>,
    /// How many there are.
    pub(crate) all: String,
    /// Whether more fit than are shown.
    pub(crate) has_more: bool,
    /// The address that is looked for.
    pub(crate) query: String,
    pub(crate) done: Option<&'static str>,
}

/// One ban.
pub(crate) struct BanLine {
    network: String,
    since: Moment,
    until: Moment,
    ahead: String,
    failures: String,
}

impl BansPage {
    /// The policy as a sentence.
    fn rule(&self) -> String {
        self.policy.map_or_else(String::new, |(after, within, lasts)| {
            let keys = plural(u64::from(after), "invalid key");
            format!("Whoever presents {keys} within {} is refused for {}.", length(within), length(lasts))
        })
    }
}

impl BanLine {
    pub(crate) fn new(ban: &Ban, now: Timestamp) -> Self {
        Self {
            network: ban.network.to_string(),
            since: Moment::lately(ban.since, now),
            until: Moment::clock(ban.until, now),
            ahead: ahead(ban.until, now),
            failures: plural(u64::from(ban.failures), "invalid key"),
        }
    }
}
