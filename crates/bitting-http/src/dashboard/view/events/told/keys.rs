//! What becomes of keys.

use bitting_core::time::Timestamp;

use super::{Telling, Told};
use crate::dashboard::view::moment::ahead;
use crate::dashboard::view::rights::capitalised;
use crate::dashboard::view::{Moment, Words, plural};

impl Telling<'_> {
    pub(super) fn created(&self) -> Told {
        let key = self.facts().part("key");
        let environment = key.text("environment").map_or_else(String::new, |name| format!("Its environment is {name}. "));
        let end = match key.time("expires_at") {
            Some(at) => format!("It ends on {}.", day(at)),
            None => "It has no end.".to_owned(),
        };
        self.told_of_key(" was made", self.by().and(environment + &end), ("", "Review key"))
    }

    pub(super) fn updated(&self) -> Told {
        let changed: Vec<String> = self.facts().list("changed").iter().map(|field| spoken(field)).collect();
        let changed = listed(&changed);
        let text = match (self.by, changed.as_str()) {
            (_, "") => self.by(),
            (Some(by), changed) => Words::of(by).and(format!(" changed its {changed}.")),
            (None, changed) => Words::say(format!("Its {changed} changed.")),
        };
        self.told_of_key(" was changed", text, ("", "Review key"))
    }

    pub(super) fn rotated(&self) -> Told {
        let old = self.facts().part("key");
        let end = match old.time("expires_at") {
            Some(at) if at > self.row.at => format!("A new key took its place. The old one works until {}.", minute(at)),
            _ => "A new key took its place. The old one ended at once.".to_owned(),
        };
        self.told_of_key(" was rotated", self.by().and(end), ("", "See both keys"))
    }

    pub(super) fn revoked(&self) -> Told {
        self.told_of_key(" was revoked", self.by().and("Its requests are refused."), ("", "Review key"))
    }

    pub(super) fn expiring(&self) -> Told {
        let end = self.facts().time("expires_at").or_else(|| self.facts().part("key").time("expires_at"));
        let Some(end) = end else {
            return self.told_of_key(" comes to its end soon", Words::default(), ("#extend", "Extend"));
        };
        let on = minute(end);
        let (title, text) = match (self.facts().time("renews_at"), end > self.now) {
            (Some(renewal), _) => {
                let text =
                    format!("Its account’s plan renews it on {}, before it would end. Nothing needs to be done.", day(renewal));
                return self.told_of_key(" will be renewed", Words::say(text), ("", "Review key"));
            }
            (None, true) => (format!(" expires {}", ahead(end, self.now)), format!("On {on} its requests will be refused.")),
            (None, false) => (" was about to expire".to_owned(), format!("Its end was {on}.")),
        };
        self.told_of_key(&title, Words::say(text), ("#extend", "Extend"))
    }

    pub(super) fn expired(&self) -> Told {
        let end =
            self.facts().time("expires_at").or_else(|| self.facts().part("key").time("expires_at")).unwrap_or(self.row.at);
        let text = format!("Since {} its requests are refused.", minute(end));
        self.told_of_key(" has expired", Words::say(text), ("#extend", "Extend"))
    }

    pub(super) fn renewed(&self) -> Told {
        let end = self.facts().time("expires_at").or_else(|| self.facts().part("key").time("expires_at"));
        let until = end.map_or_else(String::new, |end| format!("It works until {} now. ", day(end)));
        self.told_of_key(" was renewed", Words::say(until).and("No request was refused meanwhile."), ("", "Review key"))
    }

    pub(super) fn unused(&self) -> Told {
        let title = match self.facts().number("unused_days") {
            Some(days) => format!(" has not been used for {}", plural(days, "day")),
            None => " has not been used for long".to_owned(),
        };
        self.told_of_key(&title, Words::say("What is not needed is better revoked."), ("#revoke", "Revoke"))
    }

    pub(super) fn overdue(&self) -> Told {
        let (facts, key) = (self.facts(), self.facts().part("key"));
        let age = facts.number("age_days");
        let most = facts.number("rotation_age_days");
        let of = key.text("environment");
        let old = age.map_or_else(String::new, |days| format!("It is {} old. ", plural(days, "day")));
        let rule = match (of, most) {
            (Some(of), Some(most)) => format!("{} keys should be rotated every {}.", capitalised(of), plural(most, "day")),
            _ => "Keys should be rotated in time, so that one that leaked unseen does not work for ever.".to_owned(),
        };
        self.told_of_key(" is overdue for rotation", Words::say(old + &rule), ("#rotate", "Rotate"))
    }

    pub(super) fn leaked(&self) -> Told {
        let facts = self.facts();
        let place = match facts.text("url").or_else(|| facts.text("source")) {
            Some(place) => Words::say("It was seen at ").exact(place).and(". "),
            None => Words::default(),
        };
        let (text, step) = if facts.is("revoked") {
            (place.and("It was revoked at once; its requests are refused."), ("", "Review key"))
        } else if self.key_works {
            (place.and("It still works: rotate it now, and revoke it."), ("#rotate", "Rotate"))
        } else {
            (place.and("It does not work any more."), ("", "Review key"))
        };
        self.told_of_key(" was found where others can read it", text, step)
    }

    pub(super) fn used_from_new_location(&self) -> Told {
        let facts = self.facts();
        let from = facts.text("address").or_else(|| facts.text("network"));
        let first = from.map_or_else(Words::default, |from| Words::say("First request from ").exact(from).and(". "));
        let text = match facts.number("known_networks") {
            Some(1) => first.and("Until then this key was used from one other network only."),
            Some(known) if known > 1 => first.and(format!("Until then this key was used from {known} other networks.")),
            _ => first,
        };
        let title = match self.row.count {
            1 => " was used from a new location".to_owned(),
            count => format!(" was used from {count} new locations"),
        };
        self.told_of_key(&title, text.and(" If this was not you, revoke it."), ("", "Review key"))
    }

    /// An event of a key, whose name begins the title.
    fn told_of_key(&self, title: &str, text: Words, (part, words): (&'static str, &'static str)) -> Told {
        Told { title: self.key_name().and(title), text, step: self.key_page(part, words) }
    }
}

fn day(at: Timestamp) -> String {
    Moment::day(at).words().to_owned()
}

fn minute(at: Timestamp) -> String {
    Moment::full(at).words().to_owned()
}

/// A field as people call it.
fn spoken(field: &str) -> String {
    match field {
        "allowed_addresses" => "addresses".to_owned(),
        "expires_at" => "end".to_owned(),
        "enabled" => "switch".to_owned(),
        field => field.replace('_', " "),
    }
}

/// "name, role and addresses"
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
