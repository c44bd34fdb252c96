//! What requests give cause to tell.

use bitting_core::event::EventKind;

use super::{Telling, Told};
use crate::dashboard::view::moment::ahead;
use crate::dashboard::view::{Words, plural, thousands};

impl Telling<'_> {
    pub(super) fn auth_failures(&self) -> Told {
        let facts = self.facts();
        let reason = match facts.text("reason") {
            Some("unknown_key") => "unknown keys",
            Some("malformed_key") => "damaged keys",
            Some("revoked_key") => "revoked keys",
            Some("expired_key") => "expired keys",
            Some("disabled_key") => "keys that are switched off",
            _ => "keys that are not good",
        };
        let requests = plural(self.row.count, "request");
        if self.row.key.is_some() {
            let from = facts.text("address").map_or_else(Words::default, |from| Words::say(", last from ").exact(from));
            let text = Words::say(format!("{requests} with it {} refused{}", was(self.row.count), self.within()));
            return Told {
                title: self.key_name().and(" no longer works and is still used"),
                text: text.joined(from).and(". Some program has not been given its new key."),
                step: self.key_page("", "Review key"),
            };
        }
        let (addresses, all) = (facts.list("addresses"), facts.number("address_count"));
        let from = match (facts.text("address"), addresses.as_slice(), all) {
            (Some(address), _, None | Some(1)) => Words::say("All from ").exact(address),
            (_, [address], None | Some(1)) => Words::say("All from ").exact(address),
            (_, _, Some(all)) => Words::say(format!("From {} addresses", thousands(all))),
            (_, [], None) => Words::say("Refused"),
            (_, several, None) => Words::say("From ").exact_list(several),
        };
        Told {
            title: Words::say(format!("{requests} with {reason}")),
            text: from.and(self.within()).and("."),
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
            Some(until) if until <= self.now => "It is over.".to_owned(),
            Some(until) => format!("It ends {}.", ahead(until, self.now)),
            None => String::new(),
        };
        let step = self.to_operator.then(|| (self.links.bans(), "See bans"));
        Told { title, text: Words::say(failures + &until), step }
    }

    pub(super) fn address_refused(&self) -> Told {
        let from = self.facts().text("address");
        let from = from.map_or_else(Words::default, |from| Words::say(" from ").exact(from));
        let text = Words::say(plural(self.row.count, "request")).joined(from);
        let text = text.and(format!("{} {} refused. ", self.within(), was(self.row.count)));
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
        let limit = match (facts.text("words"), facts.text("limit")) {
            (Some(words), _) => format!(" reached {words}"),
            (None, Some(name)) => format!(" reached its {kind} “{name}”"),
            (None, None) => format!(" reached a {kind}"),
        };
        let (was, requests) = (was(self.row.count), plural(self.row.count, "request"));
        let text = format!("{requests}{} {was} refused and not charged.", self.within().replace(" within ", " in "));
        Told { title: self.key_name().and(limit), text: Words::say(text), step: Some(self.usage()) }
    }

    pub(super) fn traffic_unusual(&self) -> Told {
        let facts = self.facts();
        let title = match facts.text("direction") {
            Some("more") => " is used much more than usual",
            Some("less") => " is used much less than usual",
            _ => " is used in an unusual way",
        };
        let text = facts.text("explanation").map_or_else(Words::default, Words::say);
        Told { title: self.key_name().and(title), text, step: Some(self.usage()) }
    }
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
