//! Why a call is refused, as a part of a sentence, and what to do.

use bitting_core::ban::BanPolicy;
use bitting_core::reason::Reason;

use crate::docs::snippet::Place;
use crate::docs::subject::Subject;
use crate::docs::text::Text;
use crate::docs::{sending, writing};

/// What is the matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::docs) enum Cause {
    /// Something about the key, as in "expired".
    Key(&'static str),
    /// Anything else, as in "no key was sent".
    Clause(Text),
}

/// So many reasons in one answer have one sentence of advice.
const MANY: usize = 3;

impl Cause {
    /// All of them as one sentence.
    pub(super) fn sentence(causes: Vec<Self>) -> Text {
        let mut adjectives = causes.iter().filter_map(|cause| if let Self::Key(word) = cause { Some(*word) } else { None });
        let about_the_key = Text::listed(adjectives.by_ref().map(Text::say), "or");
        let mut parts: Vec<Text> = Vec::new();
        let mut key_is_told = false;
        for cause in causes {
            match cause {
                Self::Clause(clause) => parts.push(clause),
                Self::Key(_) if !key_is_told => {
                    key_is_told = true;
                    parts.push(Text::say("the key is ").then(about_the_key.clone()));
                }
                Self::Key(_) => {}
            }
        }
        // Where a clause has commas of its own, others would be lost among them.
        let several_adjectives = about_the_key.plain().contains(',');
        let separator = if several_adjectives { "; " } else { ", " };
        let count = parts.len();
        let joined = parts.into_iter().enumerate().fold(Text::default(), |text, (position, clause)| match position {
            0 => clause,
            _ if position + 1 == count => text.and(separator).and("or ").then(clause),
            _ => text.and(separator).then(clause),
        });
        joined.sentence()
    }

    /// Why there is a reason of everyday calls.
    pub(super) fn of(reason: Reason, subject: &Subject<'_>) -> Self {
        let say = |words: &str| Self::Clause(Text::say(words));
        match reason {
            Reason::MissingKey => say("no key was sent"),
            Reason::ForeignKey => Self::Clause(Text::say("what was sent does not begin with ").then(prefixes(subject))),
            Reason::MalformedKey => Self::Key("damaged"),
            Reason::UnknownKey => Self::Key("unknown"),
            Reason::RevokedKey => Self::Key("revoked"),
            Reason::DisabledKey => Self::Key("switched off"),
            Reason::ExpiredKey => Self::Key("expired"),
            Reason::DisabledAccount => say("the key's account is suspended"),
            Reason::AmbiguousCredential => say("two different keys were sent"),
            Reason::AddressNotAllowed => say("the key may not be used from the caller's address"),
            Reason::AddressBanned => match &subject.api.bans {
                Some(BanPolicy { after, within, .. }) => say(&format!(
                    "{after} damaged, unknown or revoked keys came from the caller's address within {}",
                    writing::duration(*within)
                )),
                None => say("too many invalid keys came from the caller's address"),
            },
            Reason::RateLimited => say("a limit is used up"),
            Reason::QuotaExceeded => say("a quota is used up"),
            Reason::CostExceedsLimit => say("the call costs more than a limit ever allows at once"),
            Reason::InvalidPath => say("the path is not well-formed, or servers could read it in different ways"),
            Reason::InvalidRequest => {
                say("the request is not well-formed: its method is not in capitals, say, or its query asks for another method")
            }
            Reason::NotFound => say("there is nothing to call at this path"),
            Reason::StoreUnavailable => say("the key cannot be checked at the moment"),
            Reason::UpstreamUnreachable => say("the API behind the keys cannot be reached"),
            Reason::UpstreamTimeout => {
                let longest = writing::duration(subject.api.timeouts.response_head);
                say(&format!("the API behind the keys did not begin to answer within {longest}"))
            }
            // Those of other requests are told where these are.
            other => say(other.default_detail().trim_end_matches('.')),
        }
    }
}

/// What to do about a reason of everyday calls.
pub(super) fn cures(reason: Reason, subject: &Subject<'_>) -> Vec<Text> {
    let say = |words: &str| vec![Text::say(words)];
    match reason {
        Reason::MissingKey => send_it(subject),
        Reason::ForeignKey => vec![Text::say(&format!("Send a key of {}.", subject.title))],
        Reason::MalformedKey => {
            let length = subject.api.format.body_length();
            let after = if subject.api.format.accepts_any_prefix() { "" } else { " after its beginning" };
            vec![Text::say(&format!("Copy the whole key, {length} characters{after}."))]
        }
        Reason::UnknownKey => say("Compare its first characters with the list of your keys."),
        Reason::RevokedKey => say("Create another key."),
        Reason::ExpiredKey => say("Extend the key, or create another."),
        Reason::DisabledKey => say("Switch it on again, or use another key."),
        Reason::DisabledAccount => vec![match &subject.api.docs.support {
            Some(contact) => Text::say("Ask ").link(contact.shown(), contact.href()).and("."),
            None => Text::say(&format!("Ask whoever runs {}.", subject.title)),
        }],
        Reason::AmbiguousCredential => say("Send one key, in one place."),
        Reason::AddressNotAllowed => say("Call from a network on the key's list, or add the caller's to it."),
        Reason::AddressBanned => {
            let lasting = subject.api.bans.as_ref().map(|bans| format!(", {} at most", writing::duration(bans.lasting)));
            vec![Text::say(&format!(
                "Correct the key that is sent from there, then wait as many seconds as `Retry-After` says{}. Good keys wait too.",
                lasting.unwrap_or_default()
            ))]
        }
        Reason::RateLimited => say("Wait as many seconds as `Retry-After` says, then ask again with growing pauses."),
        Reason::QuotaExceeded => say("Wait as many seconds as `Retry-After` says, or ask for a larger quota."),
        Reason::CostExceedsLimit => say("Waiting does not help: ask for less at once, or for a higher limit."),
        Reason::InvalidPath => {
            say("Write the path without empty parts, without `.` and `..`, and without escapes that it does not need.")
        }
        Reason::InvalidRequest => say("Send the method that you mean, as in `DELETE`."),
        Reason::NotFound => say("Compare the path with the table of calls."),
        Reason::StoreUnavailable => {
            say("Ask again after growing pauses. The call was not made, and nothing is wrong with the key.")
        }
        Reason::UpstreamUnreachable => say("Ask again after growing pauses."),
        Reason::UpstreamTimeout => say("Ask again after growing pauses. The call may have been made all the same."),
        _ => Vec::new(),
    }
}

/// Of an answer for many reasons nobody knows which it was, so there is one way to find out.
pub(super) fn condensed(reasons: &[Reason], cures: Vec<Text>) -> Vec<Text> {
    let about_the_key = [
        Reason::ForeignKey,
        Reason::MalformedKey,
        Reason::UnknownKey,
        Reason::RevokedKey,
        Reason::DisabledKey,
        Reason::DisabledAccount,
        Reason::ExpiredKey,
        Reason::AmbiguousCredential,
    ];
    if reasons.iter().filter(|reason| about_the_key.contains(reason)).count() < MANY {
        return cures;
    }
    let way = "Compare the first characters of the key with the list of your keys, which says of each whether it works.";
    // What to do without a key comes first, if that is among the reasons.
    let first = cures.into_iter().take(usize::from(reasons.first() == Some(&Reason::MissingKey)));
    first.chain([Text::say(way)]).collect()
}

fn send_it(subject: &Subject<'_>) -> Vec<Text> {
    let text = match &subject.place {
        Place::Header { name, before } if !before.is_empty() => {
            let line = format!("{name}: {before}");
            Text::say("Send the header ")
                .code(line.trim_end())
                .and(" and then the key; the word ")
                .code(before.trim_end())
                .and(" is often what is missing.")
        }
        place => Text::say("Send the key ").then(sending::whereabouts(place)).and("."),
    };
    vec![text]
}

fn prefixes(subject: &Subject<'_>) -> Text {
    let mut all: Vec<&str> = Vec::new();
    for prefix in subject.api.format.environments().iter().flat_map(|environment| &environment.prefixes) {
        if !all.contains(&&**prefix) {
            all.push(prefix);
        }
    }
    Text::listed(all.into_iter().map(Text::of_code), "or")
}
