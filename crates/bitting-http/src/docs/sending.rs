//! How to send a key, in several languages, and how to ask whose it is.

use bitting_core::api::CodeExample;
use bitting_core::dialect::{Cors, CorsOrigins, Foreign};
use bitting_core::route::{Methods, Target};
use http::HeaderValue;

use super::snippet::{Call, Place, Snippet, for_shell, in_all_languages};
use super::subject::Subject;
use super::text::Text;
use super::{Block, Section};
use crate::json;
use crate::whoami::KeyView;

/// Where the key goes, and calls that work.
pub(super) fn section(subject: &Subject<'_>) -> Section {
    let https = if subject.base.starts_with("https:") { ", always over HTTPS" } else { "" };
    let set = format!("export {}=\"{}\"", subject.variable, subject.any_beginning());
    let where_to = Text::say("Send the key with every request, ").then(whereabouts(&subject.place)).and(https).and(".");
    let mut blocks = vec![Block::Paragraph(where_to)];
    blocks.extend(line(subject).map(|line| Block::Code(Snippet::new("Header", "http", line))));
    blocks.extend([
        Block::Paragraph(Text::say("Keep it in an environment variable:")),
        Block::Code(Snippet::new("Shell", "bash", set)),
        Block::Paragraph(Text::say("This code takes it from there and runs as it stands:")),
        Block::Tabs(in_all_languages(subject.call())),
    ]);
    blocks.extend(other_places(subject));
    blocks.push(Block::Paragraph(nowhere_else(subject)));
    for example in &subject.api.docs.examples {
        blocks.push(Block::Heading(example.title.to_string()));
        blocks.push(Block::Code(filled_in(example, subject)));
    }
    blocks.extend(subject.api.cors.as_ref().into_iter().flat_map(from_browsers));
    blocks.extend(whoami(subject));
    Section::new("Send it", blocks)
}

/// The line of the request that has the key, if it is one that people write.
fn line(subject: &Subject<'_>) -> Option<String> {
    let key = subject.any_beginning();
    match &subject.place {
        Place::Header { name, before } => Some(format!("{name}: {before}{key}")),
        Place::Cookie(name) => Some(format!("Cookie: {name}={key}")),
        Place::BasicUser | Place::Query(_) => None,
    }
}

/// Where the key goes, as it ends a sentence.
pub(super) fn whereabouts(place: &Place) -> Text {
    match place {
        Place::Header { name, before } if before.is_empty() => Text::say("in the header ").code(name),
        Place::Header { name, before } => {
            Text::say("in the header ").code(name).and(", after the word ").code(before.trim_end())
        }
        Place::BasicUser => Text::say("as the user name of HTTP Basic authentication, with any password"),
        Place::Query(name) => Text::say("in the query parameter ").code(name),
        Place::Cookie(name) => Text::say("in the cookie ").code(name),
    }
}

/// The carriers that are not shown in every language.
fn other_places(subject: &Subject<'_>) -> Vec<Block> {
    let places = subject.api.credentials.carriers.iter().map(Place::of).filter(|place| *place != subject.place);
    let shown = places.flat_map(|place| {
        let mut sentences = vec![Text::say("It is also taken ").then(whereabouts(&place)).and(".")];
        if let Place::Query(_) = place {
            let why = "That is for quick tests and for tools that cannot set headers: addresses are written into more logs than \
                       headers are.";
            sentences.push(Text::say(why));
        }
        let call = Call { place: &place, ..subject.call() };
        [Block::Paragraph(Text::paragraph(sentences)), Block::Code(for_shell(call))]
    });
    shown.collect()
}

fn nowhere_else(subject: &Subject<'_>) -> Text {
    let mut sentences = vec![Text::say("A key anywhere else is not looked at.")];
    if subject.api.credentials.foreign == Foreign::Pass {
        sentences.push(Text::say("Credentials of other kinds, such as OAuth tokens, go to the API as they are."));
    }
    Text::paragraph(sentences)
}

fn filled_in(example: &CodeExample, subject: &Subject<'_>) -> Snippet {
    let code = example.code.replace(CodeExample::BASE_URL, &subject.base).replace(CodeExample::VARIABLE, &subject.variable);
    Snippet::new(&*example.title, &*example.language, code)
}

/// What scripts of other origins may do.
fn from_browsers(cors: &Cors) -> [Block; 2] {
    let words = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let who = match &cors.origins {
        CorsOrigins::Any => Text::say("Scripts of every origin"),
        CorsOrigins::Listed(origins) => {
            Text::say("Scripts of ").then(Text::listed(origins.iter().map(|origin| Text::of_code(words(origin))), "and"))
        }
    };
    let mut text = who.and(" may call the API from a browser with the methods ").code(words(&cors.methods));
    if !cors.headers.is_empty() {
        text = text.and(" and the headers ").code(words(&cors.headers));
    }
    let warning =
        text.and(". A key in a web page can be read by everybody who opens it: leave the calls that need one to a server.");
    [Block::Heading("From a browser".to_owned()), Block::Paragraph(warning)]
}

/// The path at which a key learns what is known of it.
fn whoami(subject: &Subject<'_>) -> Vec<Block> {
    let rule = subject.api.routes.rules().find(|(_, _, route)| route.target == Target::Whoami);
    let Some((Methods::Some(_), pattern, _)) = rule else { return Vec::new() };
    let url = format!("{}{}", subject.base, pattern.as_str());
    let answer = json::pretty(&KeyView::sample(subject.api));
    let what = " tells whoever asks with a good key what is known of it. No limit is charged.";
    vec![
        Block::Heading("Whose key is it?".to_owned()),
        Block::Paragraph(Text::of_code(format!("GET {}", pattern.as_str())).and(what)),
        Block::Code(for_shell(Call { url: &url, ..subject.call() })),
        Block::Code(Snippet::new("Answer", "json", answer)),
    ]
}
