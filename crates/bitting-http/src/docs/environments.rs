//! How keys look, and what their beginnings say.

use bitting_core::api::Upstream;
use bitting_core::key::EnvironmentPrefixes;

use super::subject::Subject;
use super::text::Text;
use super::{Block, Section, Table};

/// One environment is a matter of a sentence, several of a table.
pub(super) fn section(subject: &Subject<'_>) -> Section {
    let of_format = subject.api.format.environments();
    let length = subject.api.format.body_length();
    match of_format {
        [only] => Section::new("Key format", vec![Block::Paragraph(one_environment(only, length))]),
        several => Section::new("Environments", several_environments(subject, several, length)),
    }
}

fn one_environment(only: &EnvironmentPrefixes, length: usize) -> Text {
    let (issued, older) = split(only);
    let format = match issued {
        "" => Text::say(&format!("A key is {length} characters long.")),
        prefix => Text::say("A key begins with ")
            .code(prefix)
            .and(&format!(", and {length} characters follow: "))
            .code(format!("{prefix}…"))
            .and("."),
    };
    Text::paragraph([Some(format), accepted(older)].into_iter().flatten())
}

fn several_environments(subject: &Subject<'_>, environments: &[EnvironmentPrefixes], length: usize) -> Vec<Block> {
    let told_apart = environments.iter().enumerate().all(|(position, of)| {
        let others = || environments.iter().enumerate().filter(|(other, _)| *other != position);
        of.prefixes.iter().all(|prefix| !prefix.is_empty() && others().all(|(_, other)| !other.prefixes.contains(prefix)))
    });
    let all_bare = environments.iter().all(|of| of.prefixes.iter().all(|prefix| prefix.is_empty()));
    let names = Text::listed(environments.iter().map(|of| Text::of_code(&*of.environment)), "or");
    let mut sentences = vec![Text::say("A key belongs to one environment: ").then(names).and(".")];
    if told_apart {
        sentences.push(Text::say(&format!("Its first characters say which; {length} more follow.")));
    } else if all_bare {
        let text = format!("It is {length} characters long, and the list of your keys says which environment it belongs to.");
        sentences.push(Text::say(&text));
    } else {
        sentences.push(Text::say("Where several begin alike, the list of your keys says which one it belongs to."));
    }
    let upstreams: Vec<_> =
        subject.environments().iter().map(|e| e.upstream.as_deref().or(subject.api.upstream.as_deref())).collect();
    let share = |one: Option<&Upstream>, other: Option<&Upstream>| match (one, other) {
        (Some(one), Some(other)) => one.shares_a_server_with(other),
        _ => true,
    };
    if upstreams.iter().enumerate().all(|(position, &one)| !upstreams[..position].iter().any(|other| share(one, *other))) {
        sentences.push(Text::say("A key of one environment never reaches another."));
    }
    if !subject.api.plans.are_empty() {
        sentences.push(Text::say("What is used in one counts for no limit of another."));
    }
    let rows = environments.iter().map(|of| {
        let begins = of.prefixes.iter().filter(|prefix| !prefix.is_empty()).map(|prefix| Text::of_code(&**prefix));
        let is_for = subject.api.docs.environments.iter().find(|(name, _)| *name == of.environment);
        [
            Text::of_code(&*of.environment),
            Text::listed(begins, "or"),
            is_for.map(|(_, text)| Text::say(text)).unwrap_or_default(),
        ]
    });
    let table = Table::new(["Environment", "Keys begin with", "What it is for"], rows).without_empty_columns();
    let mut blocks = vec![Block::Paragraph(Text::paragraph(sentences))];
    if table.head.len() > 1 {
        blocks.push(Block::Table(table));
    }
    let older = environments.iter().filter_map(|of| accepted(split(of).1)).collect::<Vec<_>>();
    if !older.is_empty() {
        blocks.push(Block::Paragraph(Text::paragraph(older)));
    }
    blocks
}

/// The prefix of new keys, and those of older ones.
fn split(of: &EnvironmentPrefixes) -> (&str, &[Box<str>]) {
    of.prefixes.split_first().map_or(("", &[][..]), |(issued, older)| (&**issued, older))
}

fn accepted(older: &[Box<str>]) -> Option<Text> {
    let prefixes = older.iter().map(|prefix| match &**prefix {
        "" => Text::say("no prefix"),
        prefix => Text::of_code(prefix),
    });
    let text = Text::say("Older keys that begin with ").then(Text::listed(prefixes, "or")).and(" still work.");
    (!older.is_empty()).then_some(text)
}
