//! How to get a key.

use bitting_core::api::Policy;

use super::subject::Subject;
use super::text::Text;
use super::{Block, Section, anchor, managing, writing};

/// The steps on the page where keys are made, and what to know there.
pub(super) fn section(subject: &Subject<'_>) -> Section {
    let labels = &subject.api.labels;
    let mut steps = vec![
        Text::say("Sign in and open ").strong(&*labels.key_page).and("."),
        Text::say("Choose ").strong(&*labels.create_key).and("."),
        Text::paragraph(choices(subject)),
        Text::say(
            "Copy the key into a secret manager or an environment variable. It is shown once: only its SHA-256 and its first \
             characters are kept.",
        ),
    ];
    let capabilities = subject.api.catalogue.capabilities();
    steps.extend(capabilities.iter().map(|capability| {
        Text::say("Only if you need it, switch ").strong(&*capability.label).and(" on for the key, in the list of your keys.")
    }));
    let mut blocks = vec![Block::Steps(steps), lost()];
    blocks.extend(
        capabilities
            .iter()
            .filter(|capability| !capability.warning.is_empty())
            .map(|capability| Block::Notice { title: capability.label.to_string(), text: Text::say(&capability.warning) }),
    );
    let demands = demands(&subject.api.policy);
    if !demands.is_empty() {
        blocks.push(Block::Paragraph(Text::say("This is asked of every key:")));
        blocks.push(Block::List(demands));
    }
    if subject.api.management_path.is_some() {
        let address = format!("#{}", anchor(managing::TITLE));
        blocks
            .push(Block::Paragraph(Text::say("Programs can make keys too: ").link("manage keys over HTTP", address).and(".")));
    }
    Section::new("Get a key", blocks)
}

/// What is chosen for a new key.
fn choices(subject: &Subject<'_>) -> Vec<Text> {
    let api = subject.api;
    let mut choices = vec![Text::say("Under ").strong(&*api.labels.key_name).and(", write which program will use it.")];
    if let [_, _, ..] = subject.environments() {
        let names = subject.environments().iter().map(|environment| Text::of_code(&*environment.name));
        choices.push(Text::say("Choose its environment: ").then(Text::listed(names, "or")).and("."));
    }
    let least = match (api.catalogue.roles().is_empty(), api.catalogue.permissions().is_empty()) {
        (true, true) => None,
        (false, true) => Some("Choose the lowest role that is enough."),
        (true, false) => Some("Choose the fewest permissions that are enough."),
        (false, false) => Some("Choose the lowest role and the fewest permissions that are enough."),
    };
    choices.extend(least.map(Text::say));
    let role = api.new_key.role.as_deref().map(|role| Text::say("the role ").code(role));
    let permissions = api.new_key.permissions.iter().map(|permission| Text::of_code(permission.as_str()));
    let given: Vec<Text> = role.into_iter().chain(permissions).collect();
    if !given.is_empty() {
        choices.push(Text::say("If you choose none, it gets ").then(Text::listed(given, "and")).and("."));
    }
    choices
}

fn lost() -> Block {
    Block::Notice {
        title: "Copy it at once".to_owned(),
        text: Text::say("Nobody can show you the key again. If you lose it, create another and revoke the lost one."),
    }
}

/// What the API asks of every key, in words.
fn demands(policy: &Policy) -> Vec<Text> {
    let mut demands = Vec::new();
    if let Some(longest) = policy.max_lifetime {
        demands.push(Text::say(&format!("It ends after {} at the latest.", writing::duration(longest))));
    } else if policy.expiry_required {
        demands.push(Text::say("It has an end."));
    }
    if policy.addresses_required {
        demands.push(Text::say("It says from which networks it is used."));
    }
    if let Some(pattern) = &policy.name {
        demands.push(Text::say("Its whole name matches ").code(pattern.as_str()).and("."));
    }
    if let Some(most) = policy.keys_per_account {
        let most = writing::number(most.into());
        demands.push(Text::say(&format!("An account has at most {most}, revoked and expired ones aside.")));
    }
    demands
}
