//! How to keep keys, change them and end them, and where to read on.

use bitting_core::dialect::Carrier;
use bitting_core::route::Target;

use super::subject::Subject;
use super::text::Text;
use super::{Block, Section, anchor, managing};

/// Where keys belong and where they do not.
pub(super) fn safety(subject: &Subject<'_>) -> Section {
    let mut blocks = Vec::new();
    if let Some(warning) = &subject.api.docs.warning {
        blocks.push(Block::Notice { title: "Treat keys like passwords".to_owned(), text: Text::say(warning) });
    } else {
        blocks.push(Block::Paragraph(Text::say("Treat keys like passwords: whoever has one can do what it may do.")));
    }
    let mut rules = vec![
        Text::say("Keep them in environment variables or in a secret manager."),
        Text::say("Keep them out of source code and configuration that is committed, and out of tickets, chats and logs."),
        Text::say("Keep them out of web pages and of apps: whoever has the program can read them."),
    ];
    if subject.api.credentials.carriers.iter().any(|carrier| matches!(carrier, Carrier::Query(_))) {
        rules.push(Text::say("Keep them out of addresses, but for quick tests: addresses stand in logs and histories."));
    }
    blocks.push(Block::List(rules));
    blocks.push(Block::Paragraph(Text::say(
        "Of a key only its SHA-256 and its first characters are kept here. Nobody can read it from there, and nobody can tell \
         it to you.",
    )));
    Section::new("Keep it safe", blocks)
}

/// How one key gives way to the next.
pub(super) fn rotation(subject: &Subject<'_>) -> Section {
    let page = &subject.api.labels.key_page;
    let steps = vec![
        Text::say("Rotate it, and choose for how long the old one goes on working beside the new one."),
        Text::say("Give the new key to every program that has the old one."),
        Text::say("When the list of keys says that the old one is no longer used, revoke it."),
    ];
    let mut revoked = vec![Text::say(
        "Revoking ends a key for good: the next request with it is refused, and all other keys go on working. If a key may have \
         leaked, revoke it first and find out later.",
    )];
    if subject.api.management_path.is_some() {
        let address = format!("#{}", anchor(managing::TITLE));
        revoked.push(Text::say("Both can be done ").link("over HTTP", address).and(" too."));
    }
    let list = Text::say("The list in ").strong(&**page).and(
        " shows of each key its name, its first characters, when it was made and when it was last used. To change a key that is in \
         use:",
    );
    let blocks = vec![Block::Paragraph(list), Block::Steps(steps), Block::Paragraph(Text::paragraph(revoked))];
    Section::new("Rotate and revoke", blocks)
}

/// Advice, the API's own last.
pub(super) fn practice(subject: &Subject<'_>) -> Section {
    let api = subject.api;
    let mut advice =
        vec![Text::say("One key for each program, so that one can be revoked without the others; none that people share.")];
    if let [_, _, ..] = subject.environments() {
        let names = subject.environments().iter().map(|environment| Text::of_code(&*environment.name));
        advice.push(Text::say("One key for each environment: ").then(Text::listed(names, "and")).and("."));
    }
    if !api.catalogue.permissions().is_empty() || !api.catalogue.roles().is_empty() {
        advice.push(Text::say("The least that is enough: a key that can do less can do less harm."));
    }
    advice.push(Text::say(
        "An end for a key that is needed for a time only, and networks for one that is used from a known place.",
    ));
    advice.push(Text::say("A name and a description that say what a key is for; then it is known what may be revoked."));
    advice.push(Text::say("Look at what keys are used for, and revoke those that nobody uses. Refusals that you cannot explain may be somebody else's attempts."));
    advice.push(Text::say("Rotate keys from time to time, and when somebody who has seen one leaves."));
    if !api.plans.are_empty() {
        advice.push(Text::say("Keep answers that do not change, instead of asking again; pause longer after each refusal."));
    }
    advice.extend(api.docs.practice.iter().map(|line| Text::say(line)));
    Section::new("Good practice", vec![Block::List(advice)])
}

/// Links, and whom to ask; `None` if there is neither.
pub(super) fn reading_on(subject: &Subject<'_>) -> Option<Section> {
    let docs = &subject.api.docs;
    let links = docs.links.iter().map(|(title, address)| Text::default().link(&**title, address.href()));
    let health = subject.api.routes.rules().find(|(_, _, route)| route.target == Target::Health);
    let health = health.map(|(_, pattern, _)| {
        Text::of_code(format!("GET {}", pattern.as_str())).and(" says, without a key, that the API can be reached.")
    });
    let mut blocks = Vec::new();
    let all: Vec<Text> = links.chain(health).collect();
    if !all.is_empty() {
        blocks.push(Block::List(all));
    }
    if let Some(contact) = &docs.support {
        let text =
            Text::say("Stuck? Ask ").link(contact.shown(), contact.href()).and(", and name the `X-Request-Id` of the answer.");
        blocks.push(Block::Paragraph(text));
    }
    (!blocks.is_empty()).then(|| Section::new("Read on", blocks))
}
