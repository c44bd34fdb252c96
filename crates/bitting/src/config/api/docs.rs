//! `[api.docs]`: what the API's documentation says that does not follow from the rest.

use bitting_core::api::{BaseUrl, CodeExample, Contact, Docs, Environment, PathPrefix, SamplePath};
use bitting_core::limit::Plans;
use bitting_core::route::{Access, RequestPath, RouteTable};
use http::Method;

use crate::config::document::{Entry, Value};
use crate::config::section::{At, Section, closest, text_of};

/// What of the API it is held against.
pub(super) struct Known<'k> {
    pub(super) path_prefix: Option<&'k PathPrefix>,
    pub(super) routes: &'k RouteTable,
    /// None if they cannot be read.
    pub(super) environments: &'k [Environment],
    pub(super) plans: &'k Plans,
}

/// Reads it.
pub(super) fn read(api: &Section<'_>, known: &Known<'_>) -> Docs {
    let Some(section) = api.section("docs") else { return Docs::default() };
    let docs = read_docs(&section, known);
    section.finish();
    docs
}

fn read_docs(section: &Section<'_>, known: &Known<'_>) -> Docs {
    let text = |key| section.text(key).map(|text| text.value.into());
    Docs {
        public: section.boolean("public").unwrap_or_default(),
        base_url: section.parsed::<BaseUrl>("base_url").map(|url| url.value),
        sample: read_sample(section, known),
        intro: text("intro"),
        warning: text("warning"),
        practice: section.texts("practice").unwrap_or_default().iter().map(|line| line.value.into()).collect(),
        support: section.parsed::<Contact>("support").map(|contact| contact.value),
        environments: read_environments(section, known),
        custom_plans: read_custom_plans(section, known),
        examples: section.sections("example").into_iter().filter_map(read_example).collect(),
        links: read_links(section),
    }
}

/// A path at which a key is of use; everything else would be shown with a key that nobody looks at.
fn read_sample(section: &Section<'_>, known: &Known<'_>) -> Option<SamplePath> {
    let sample = section.parsed::<SamplePath>("sample")?;
    let path = sample.value.as_str();
    let route = RequestPath::parse(path).ok().and_then(|path| known.routes.find(&Method::GET, &path).ok());
    let needs_a_key = route.is_some_and(|route| matches!(route.access, Access::Key(_)));
    if !needs_a_key {
        let help = "write the path of a GET request that needs a key";
        section.findings.error(sample.at, format!("nobody needs a key for GET {path}"), help);
        return None;
    }
    if let Some(prefix) = known.path_prefix.filter(|prefix| !lies_below(path, prefix.as_str())) {
        let help = format!("write it as it is sent, as in \"{}/things\"", prefix.as_str());
        section.findings.error(sample.at, format!("{path} is no path of this API"), help);
        return None;
    }
    Some(sample.value)
}

fn lies_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `environments = { live = "Real data", … }`.
fn read_environments(section: &Section<'_>, known: &Known<'_>) -> Vec<(Box<str>, Box<str>)> {
    let Some(environments) = section.section("environments") else { return Vec::new() };
    let names = || known.environments.iter().map(|environment| &*environment.name);
    let each = environments.rest().into_iter().filter_map(|entry| {
        let text = named_text(&environments, entry, "what the environment is for")?;
        if names().next().is_some() && !names().any(|name| name == entry.key) {
            let help = meant(&entry.key, names(), "the environments of [api.key] are");
            section.findings.error(&entry.key_at, format!("{:?} is not an environment of this API", entry.key), help);
            return None;
        }
        Some((entry.key.as_str().into(), text.value.into()))
    });
    each.collect()
}

fn read_custom_plans(section: &Section<'_>, known: &Known<'_>) -> Vec<Box<str>> {
    let plans = section.texts("custom_plans").unwrap_or_default();
    let is_known = |plan: &At<'_, &str>| {
        let is_known = known.plans.named(plan.value).is_some();
        if !is_known {
            let help = meant(plan.value, known.plans.iter().map(|plan| &*plan.name), "the plans are");
            section.findings.error(plan.at, format!("there is no plan {:?}", plan.value), help);
        }
        is_known
    };
    plans.into_iter().filter(is_known).map(|plan| plan.value.into()).collect()
}

/// `[[api.docs.example]]`.
fn read_example(section: Section<'_>) -> Option<CodeExample> {
    let title = section.required_text("title", "\"OpenAI SDK\"");
    let language = section.required_text("language", "\"python\"");
    let code = section.required_text("code", "'''…'''");
    if let Some(language) = &language {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-');
        if language.value.is_empty() || !language.value.chars().all(is_word) {
            let message = format!("{:?} is not the name of a language", language.value);
            section.findings.error(language.at, message, "write one word such as \"python\" or \"bash\"");
        }
    }
    section.finish();
    let text = |at: At<'_, &str>| at.value.trim_matches('\n').into();
    Some(CodeExample { title: text(title?), language: text(language?), code: text(code?) })
}

/// `links = { "Webhooks" = "https://…" }`.
fn read_links(section: &Section<'_>) -> Vec<(Box<str>, Contact)> {
    let Some(links) = section.section("links") else { return Vec::new() };
    let each = links.rest().into_iter().filter_map(|entry| {
        let address = named_text(&links, entry, "an address such as \"https://example.com/webhooks\"")?;
        Some((entry.key.as_str().into(), address.parse::<Contact>(section.findings)?.value))
    });
    each.collect()
}

fn named_text<'c>(section: &Section<'c>, entry: &'c Entry, expected: &str) -> Option<At<'c, &'c str>> {
    let text = text_of(&entry.node);
    if text.is_none() {
        let kind = Value::kind(&entry.node.value);
        section.findings.error(&entry.node.at, format!("`{}` is {kind}", entry.key), format!("write {expected} in quotes"));
    }
    text
}

fn meant<'k>(word: &str, known: impl Iterator<Item = &'k str> + Clone, otherwise: &str) -> String {
    match closest(word, known.clone()) {
        Some(close) => format!("did you mean {close:?}?"),
        None => format!("{otherwise}: {}", known.collect::<Vec<_>>().join(", ")),
    }
}
