//! What requests give cause to tell.

use bitting_core::event::EventKind;

use super::{Telling, Told};
use crate::dashboard::view::moment::ahead;
use crate::dashboard::view::{Words, plural, thousands};

impl Telling<'_> {
    pub(super) fn auth_failures(&self) -> Told {
        let reasons = self.facts().names("reasons");
        let (requests, was) = (plural(self.row.count, "request"), was(self.row.count));
        if self.row.key.is_some() {
            let text = Words::say(format!("{requests} with it {was} refused{}. ", self.within())).joined(self.whence());
            return Told {
                title: self.key_name().and(" is still used, and no longer works"),
                text: text.and("Some program has not been given another."),
                step: self.key_page("", "Review key"),
            };
        }
        let keys = match reasons.as_slice() {
            ["unknown_key"] => "unknown keys",
            ["malformed_key"] => "damaged keys",
            ["unknown_key" | "malformed_key", "unknown_key" | "malformed_key"] => "unknown and damaged keys",
            ["disabled_account"] => "keys of a suspended account",
            _ => "keys that are not good",
        };
        let it = if self.row.count == 1 { "It" } else { "They" };
        let text = Words::say(format!("{it} {was} refused{}. ", self.within()));
        Told {
            title: Words::say(format!("{requests} with {keys}")),
            text: text.joined(self.whence()),
            step: Some(self.usage()),
        }
    }

    pub(super) fn address_banned(&self) -> Told {
        let facts = self.facts();
        let (title, who) = match (facts.text("address"), self.row.count) {
            (Some(address), _) => (Words::default().exact(address).and(" was banned"), "It"),
            (None, 1) => (Words::say("An address was banned"), "It"),
            // In an attack from very many of them these are put together.
            (None, count) => (Words::say(format!("{} addresses were banned", thousands(count))), "Each"),
        };
        let failures = match facts.number("failures") {
            Some(failures) => format!("{who} sent {} or more. ", plural(failures, "invalid key")),
            None => format!("{who} sent too many invalid keys. "),
        };
        let until = match facts.time("until") {
            Some(until) if until <= self.now => "The ban is over.".to_owned(),
            Some(until) => format!("The ban ends {}.", ahead(until, self.now)),
            None => String::new(),
        };
        let step = self.to_operator.then(|| (self.links.bans(), "See bans"));
        Told { title, text: Words::say(failures + &until), step }
    }

    pub(super) fn address_refused(&self) -> Told {
        let (requests, was) = (plural(self.row.count, "request"), was(self.row.count));
        let text = Words::say(format!("{requests} {was} refused{}. ", self.within())).joined(self.whence());
        let text = text.and("If that is one of your machines, add its address to the list; if not, somebody else has the key.");
        Told {
            title: self.key_name().and(" was used from outside of its addresses"),
            text,
            step: self.key_page("/edit", "Change addresses"),
        }
    }

    pub(super) fn limit_exceeded(&self) -> Told {
        let facts = self.facts();
        let kind = if self.row.kind == EventKind::QuotaExceeded { "quota" } else { "limit" };
        let who = match (facts.is("others"), facts.text("scope")) {
            (true, _) => Words::say("Many keys"),
            (false, Some("account")) => Words::say("The keys of an account together"),
            (false, Some("api")) => Words::say("All keys together"),
            _ => self.key_name(),
        };
        let limit = match facts.text("limit") {
            Some(name) => format!(" reached the {kind} “{name}”"),
            None => format!(" reached a {kind}"),
        };
        let (requests, was) = (plural(self.row.count, "request"), was(self.row.count));
        let text = format!("{requests}{} {was} refused and not charged. ", self.within().replace(" within ", " in "));
        Told { title: who.and(limit), text: Words::say(text).joined(self.whence()), step: Some(self.usage()) }
    }

    pub(super) fn traffic_unusual(&self) -> Told {
        let facts = self.facts();
        let who = facts
            .number("keys")
            .map_or_else(|| self.key_name().and(" was"), |keys| Words::say(format!("{} were", plural(keys, "key"))));
        let how = match facts.text("direction") {
            Some("more") => " used much more than usual",
            Some("fewer") => " used much less than usual",
            _ => " used in an unusual way",
        };
        let summary = facts.text("summary").map(|summary| format!("{}.", summary.trim_end_matches('.')));
        Told { title: who.and(how), text: summary.map_or_else(Words::default, Words::say), step: Some(self.usage()) }
    }

    /// Where requests came from, as a sentence of its own; nothing where nobody knows.
    fn whence(&self) -> Words {
        let facts = self.facts();
        let networks: Vec<String> = facts.parts("networks").filter_map(|of| of.text("network").map(str::to_owned)).collect();
        let elsewhere = facts.number("elsewhere").unwrap_or(0) > 0;
        match (networks.as_slice(), elsewhere) {
            ([], _) => Words::default(),
            ([_], false) => {
                Words::say(if self.row.count == 1 { "It came from " } else { "All came from " }).exact_list(&networks).and(". ")
            }
            (_, false) => Words::say("They came from ").exact_list(&networks).and(". "),
            (_, true) => Words::say("They came from ").exact_list(&networks).and(", and from elsewhere. "),
        }
    }
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
