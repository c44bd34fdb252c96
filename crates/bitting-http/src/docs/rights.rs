//! What keys may do, and which calls need what.

use bitting_core::rights::{Catalogue, Need, Permission, RoleSpec};
use bitting_core::route::{Access, Methods};

use super::refusal::told_without;
use super::subject::Subject;
use super::text::Text;
use super::{Block, Section, Table, writing};

/// The kinds of rights that the API knows, each with its table, and the calls.
pub(super) fn section(subject: &Subject<'_>) -> Section {
    let catalogue = &subject.api.catalogue;
    let mut blocks = Vec::new();
    if !title_words(catalogue).is_empty() {
        blocks.push(Block::Paragraph(Text::say("A key can do what it was given and nothing else.")));
    }
    blocks.extend(roles(catalogue));
    blocks.extend(permissions(catalogue));
    blocks.extend(capabilities(subject));
    blocks.extend(calls(subject));
    Section::new(title(catalogue), blocks)
}

/// The heading, after the words that the API uses.
pub(super) fn title(catalogue: &Catalogue) -> String {
    let words = title_words(catalogue);
    if words.is_empty() {
        return "What a key opens".to_owned();
    }
    writing::capitalised(&Text::listed(words.into_iter().map(Text::say), "and").plain())
}

fn title_words(catalogue: &Catalogue) -> Vec<&'static str> {
    let kinds = [
        ("roles", catalogue.roles().is_empty()),
        ("permissions", catalogue.permissions().is_empty()),
        ("capabilities", catalogue.capabilities().is_empty()),
    ];
    kinds.into_iter().filter(|(_, is_empty)| !is_empty).map(|(word, _)| word).collect()
}

fn roles(catalogue: &Catalogue) -> Vec<Block> {
    let roles = catalogue.roles();
    let Some(lowest) = roles.first() else { return Vec::new() };
    let is_plain = |role: &RoleSpec| role.description.is_empty() && role.permissions.is_empty();
    let includes_all_before = |(position, role): (usize, &RoleSpec)| {
        roles[..position].iter().all(|lower| catalogue.including(&lower.name).any(|name| name == &*role.name))
    };
    let code = |name: &str| Text::of_code(name);
    if roles.len() > 1 && roles.iter().all(is_plain) && roles.iter().enumerate().all(includes_all_before) {
        let names = Text::listed(roles.iter().map(|role| code(&role.name)), "and");
        let text = Text::say("The roles, from the lowest to the highest, are ").then(names);
        return vec![Block::Paragraph(text.and(". A higher role includes the lower ones."))];
    }
    if let ([only], true) = (roles, is_plain(lowest)) {
        return vec![Block::Paragraph(Text::say("There is one role, ").then(code(&only.name)).and("."))];
    }
    let rows = roles.iter().map(|role| {
        [
            code(&role.name),
            Text::say(&role.description),
            Text::listed(role.includes.iter().map(|name| code(name)), "and"),
            Text::listed(role.permissions.iter().map(|name| code(name.as_str())), "and"),
        ]
    });
    vec![Block::Table(Table::new(["Role", "What it is for", "Includes", "Permissions"], rows).without_empty_columns())]
}

fn permissions(catalogue: &Catalogue) -> Vec<Block> {
    let permissions = catalogue.permissions();
    if permissions.is_empty() {
        return Vec::new();
    }
    let rows =
        permissions.iter().map(|permission| [Text::of_code(permission.name.as_str()), Text::say(&permission.description)]);
    let aliases = permissions.iter().filter(|permission| !permission.means.is_empty()).map(|permission| {
        let means = permission.means.iter().map(|part| match part.as_str() {
            "*" | "*:*" | "*:*:*" | "*:*:*:*" => Text::say("every permission"),
            part => Text::of_code(part),
        });
        Text::of_code(permission.name.as_str()).and(" includes ").then(Text::listed(means, "and"))
    });
    let aliases: Vec<Text> = aliases.collect();
    let but = if aliases.is_empty() { Text::default() } else { Text::say(", but ").then(Text::listed(aliases, "and")) };
    let mut sentences = vec![Text::say("No permission includes another").then(but).and(".")];
    if let Some(pattern) = pattern(catalogue) {
        sentences.push(Text::say("A `*` stands for any word in its place, so ").then(pattern));
    }
    let table = Table::new(["Permission", "What it allows"], rows).without_empty_columns();
    vec![Block::Table(table), Block::Paragraph(Text::paragraph(sentences))]
}

/// A pattern that stands for several declared permissions, with all of them.
fn pattern(catalogue: &Catalogue) -> Option<Text> {
    let names = || catalogue.permissions().iter().filter(|permission| permission.means.is_empty()).map(|p| p.name.as_str());
    let resource = |name: &str| Some(name.split_once(':')?.0.to_owned()).filter(|of| of != "*");
    names().find_map(|first| {
        let pattern: Permission = format!("{}:*", resource(first)?).parse().ok()?;
        let covered = catalogue.permissions().iter().filter(|permission| pattern.covers(&permission.name));
        let covered: Vec<Text> = covered.map(|permission| Text::of_code(permission.name.as_str())).collect();
        let text = Text::of_code(pattern.as_str()).and(" includes ");
        (covered.len() > 1).then(|| text.then(Text::listed(covered, "and")).and("."))
    })
}

fn capabilities(subject: &Subject<'_>) -> Vec<Block> {
    let each = subject.api.catalogue.capabilities().iter().map(|capability| {
        let switch = Text::default().strong(&*capability.label);
        let text = switch.and(" is off for a new key and is switched on for single keys, in the list of your keys.");
        let refused = told_without(&capability.name, subject.api)
            .map(|told| Text::say("Without it, calls that need it are refused with ").code(told).and("."));
        Text::paragraph([Some(text), refused].into_iter().flatten())
    });
    each.map(Block::Paragraph).collect()
}

/// Every rule in its order, and what holds for all other calls.
fn calls(subject: &Subject<'_>) -> Vec<Block> {
    let (routes, catalogue) = (&subject.api.routes, &subject.api.catalogue);
    let others = needed(&routes.default().access, catalogue);
    if routes.rules().next().is_none() {
        let text = match &routes.default().access {
            Access::Key(need) if need.is_empty() => Text::say("Any good key opens every call."),
            _ => Text::say("Every call needs ").then(others).and("."),
        };
        return vec![Block::Paragraph(text)];
    }
    let mut rows: Vec<[Text; 2]> = routes
        .rules()
        .map(|(methods, pattern, route)| [Text::of_code(writing::call(methods, pattern)), needed(&route.access, catalogue)])
        .collect();
    rows.push([Text::say("Every other call"), others]);
    let has = |mark: &str| routes.rules().any(|(_, pattern, _)| pattern.as_str().contains(mark));
    let mut legend = vec![Text::say("The first line that fits a request counts.")];
    if has("/*") {
        legend.push(Text::say("`/*` at the end stands for the path before it and everything below."));
    }
    if has("{") {
        legend.push(Text::say("A name in braces stands for one part of the path."));
    }
    let gets = |methods: &Methods| matches!(methods, Methods::Some(some) if some.contains(&http::Method::GET));
    if routes.rules().any(|(methods, ..)| gets(methods)) {
        legend.push(Text::say("`GET` includes `HEAD`."));
    }
    if routes.rules().any(|(methods, ..)| *methods == Methods::All) {
        legend.push(Text::say("A line without a method holds for every method."));
    }
    vec![
        Block::Heading("What each call needs".to_owned()),
        Block::Table(Table::new(["Call", "Needs"], rows)),
        Block::Paragraph(Text::paragraph(legend)),
    ]
}

/// What a call needs, in a cell.
fn needed(access: &Access, catalogue: &Catalogue) -> Text {
    match access {
        Access::Public => Text::say("no key"),
        Access::Optional(need) if need.is_empty() => Text::say("no key; one that is sent must be good"),
        Access::Optional(need) => Text::say("no key; one that is sent needs ").then(rights(need, catalogue)),
        Access::Key(need) if need.is_empty() => Text::say("any key"),
        Access::Key(need) => rights(need, catalogue),
        Access::Closed => Text::say("cannot be called"),
    }
}

/// Everything that a need asks for, each with what else has it.
pub(super) fn rights(need: &Need, catalogue: &Catalogue) -> Text {
    Text::listed(need.asked().map(|asked| right(asked, catalogue)), "and")
}

fn right(asked: &str, catalogue: &Catalogue) -> Text {
    if let Some(capability) = catalogue.capabilities().iter().find(|capability| &*capability.name == asked) {
        return Text::default().strong(&*capability.label);
    }
    let mut holders: Vec<&str> = catalogue.including(asked).filter(|role| *role != asked).collect();
    holders.insert(0, asked);
    Text::listed(holders.into_iter().map(Text::of_code), "or")
}
