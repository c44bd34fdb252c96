//! `[api.errors]`: how refusals sound.
//!
//! An answer is put together from four layers, the later ones winning: Bitting's defaults, what stands directly in
//! `[api.errors]`, the entry for the reason's group, the entry for the reason. An entry that is text instead of a table
//! names another entry, whose whole answer it shares.

mod body;
mod entry;

use std::collections::BTreeMap;

use bitting_core::dialect::{Answer, AnswerError, AnswerSpec, Answers, BodySpec, Carrier, TemplateError, Variables};
use bitting_core::reason::{Reason, ReasonGroup};
use http::{HeaderValue, StatusCode};

use self::body::{body_spec, default_body};
use self::entry::{Challenge, Choice, Layer, SETTINGS, entry_names, static_name};
use crate::config::document::{Entry, Value};
use crate::config::problem::Location;
use crate::config::section::{Findings, Section, closest};

/// Everything that was read of `[api.errors]`, before it is put together.
pub(super) struct AnswerBook<'c> {
    api: String,
    challenge: HeaderValue,
    general: Layer<'c>,
    entries: BTreeMap<&'static str, Choice<'c>>,
    /// Where to complain when nothing else can be blamed.
    at: &'c Location,
}

/// Placeholders that nothing fills in, by name.
#[derive(Default)]
struct Missing<'c>(BTreeMap<String, Unfilled<'c>>);

struct Unfilled<'c> {
    /// The body that has it.
    at: Option<&'c Location>,
    /// The reasons for which it is not filled in.
    reasons: Vec<&'static str>,
    /// What would be filled in.
    known: Vec<String>,
}

impl<'c> AnswerBook<'c> {
    pub(super) fn read(api: &Section<'c>, name: &str, carriers: &[Carrier]) -> Self {
        let mut book = Self {
            api: name.to_owned(),
            challenge: default_challenge(name, carriers),
            general: Layer::default(),
            entries: BTreeMap::new(),
            at: api.at,
        };
        if let Some(errors) = api.section("errors") {
            book.at = errors.at;
            let names = entry_names();
            let (entries, others): (Vec<&Entry>, Vec<&Entry>) =
                errors.rest().into_iter().partition(|entry| names.contains(&entry.key.as_str()));
            let is_table = |entry: &&Entry| matches!(entry.node.value, Value::Table(_));
            let is_setting = |entry: &&Entry| SETTINGS.contains(&entry.key.as_str());
            let (slips, others): (Vec<&Entry>, Vec<&Entry>) =
                others.into_iter().partition(|entry| is_table(entry) && !is_setting(entry));
            for slip in slips {
                errors.unknown(slip, SETTINGS.into_iter().chain(names.iter().copied()));
            }
            book.general = Layer::read(&others, api.findings);
            for entry in entries {
                if let (Some(name), Some(choice)) = (static_name(&entry.key), Choice::read(entry, api.findings)) {
                    book.entries.insert(name, choice);
                }
            }
            book.check_variables(&errors);
        }
        book
    }

    /// The answers to all reasons.
    pub(super) fn compile(&self, findings: &Findings) -> Option<Answers> {
        let mut missing = Missing::default();
        let mut answer = |reason: Reason| self.answer(reason, None, &mut missing, findings).ok_or(());
        // All are compiled, so that all errors are found.
        let compiled: Vec<Result<Answer, ()>> = Reason::ALL.into_iter().map(&mut answer).collect();
        missing.report(findings);
        let mut compiled = compiled.into_iter();
        Answers::new(|_| compiled.next().unwrap_or(Err(()))).ok()
    }

    /// A route's own answer, which says only what differs.
    pub(super) fn own_answer(&self, reason: Reason, entry: &'c Entry, findings: &Findings) -> Option<Answer> {
        let mut missing = Missing::default();
        let answer = match Choice::read(entry, findings)? {
            Choice::SameAs(name) => self.answer(representative(name)?, None, &mut missing, findings),
            Choice::Own(layer) => {
                self.check_own(&layer, findings);
                self.answer(reason, Some(&layer), &mut missing, findings)
            }
        };
        missing.report(findings);
        answer
    }

    fn answer(
        &self,
        reason: Reason,
        own: Option<&Layer<'c>>,
        missing: &mut Missing<'c>,
        findings: &Findings,
    ) -> Option<Answer> {
        let reason = self.resolve(reason, findings)?;
        let layers = [Some(&self.general), self.layer(reason.group().name()), self.layer(reason.name()), own];
        let layers: Vec<&Layer<'c>> = layers.into_iter().flatten().collect();
        let status = layers.iter().rev().find_map(|layer| layer.status).unwrap_or(reason.default_status());
        let body = layers.iter().rev().find_map(|layer| layer.body.as_ref());
        let content_type = layers.iter().rev().find_map(|layer| layer.content_type.clone());
        let (content_type, spec) = body_spec(body, content_type);
        let challenge = match layers.iter().rev().find_map(|layer| layer.challenge.clone()) {
            None => Some(self.challenge.clone()),
            Some(Challenge::None) => None,
            Some(Challenge::Sent(value)) => Some(value),
        };
        let answer = Answer::new(AnswerSpec {
            status,
            content_type,
            challenge,
            headers: layers.iter().flat_map(|layer| layer.headers.clone()).collect(),
            body: spec,
            variables: self.variables(reason, status, &layers),
        });
        match answer {
            Ok(answer) => Some(answer),
            Err(AnswerError::Body(TemplateError::UnknownPlaceholder { name, known })) => {
                missing.add(name, body.map(|body| &body.node.at), reason, known);
                None
            }
            Err(error) => {
                let at = body.map_or(self.at, |body| &body.node.at);
                findings.error(at, format!("the answer to {reason}: {error}"), "see the message");
                None
            }
        }
    }

    fn variables(&self, reason: Reason, status: StatusCode, layers: &[&Layer<'c>]) -> Variables {
        let mut variables = Variables::default();
        variables.set("api", self.api.as_str());
        variables.set("code", reason.name());
        variables.set("detail", if self.is_shared(reason) { shared_detail(reason) } else { reason.default_detail() });
        variables.set("status", status.as_u16());
        variables.set("title", status.canonical_reason().unwrap_or("Error"));
        for (entry, value) in layers.iter().flat_map(|layer| &layer.variables) {
            variables.set(&entry.key, value.clone());
        }
        variables
    }

    /// Whether another entry has this reason's answer too.
    fn is_shared(&self, reason: Reason) -> bool {
        let same = |choice: &Choice<'c>| matches!(choice, Choice::SameAs(name) if representative(name) == Some(reason));
        self.entries.values().any(same)
    }

    fn layer(&self, name: &str) -> Option<&Layer<'c>> {
        match self.entries.get(name) {
            Some(Choice::Own(layer)) => Some(layer),
            _ => None,
        }
    }

    /// Follows entries that share another's answer.
    fn resolve(&self, reason: Reason, findings: &Findings) -> Option<Reason> {
        let mut current = reason;
        for _ in 0..=Reason::ALL.len() {
            match (self.entries.get(current.name()), self.entries.get(current.group().name())) {
                (Some(Choice::SameAs(name)), _) => current = representative(name)?,
                // The group may share the answer of one of its own.
                (None, Some(Choice::SameAs(name))) if representative(name)? != current => current = representative(name)?,
                _ => return Some(current),
            }
        }
        let message = format!("the entry for {reason} leads in a circle");
        findings.error(self.at, message, "let one of the entries be a table");
        None
    }

    fn layers(&self) -> impl Iterator<Item = &Layer<'c>> {
        let own = self.entries.values().filter_map(|choice| match choice {
            Choice::Own(layer) => Some(&**layer),
            Choice::SameAs(_) => None,
        });
        std::iter::once(&self.general).chain(own)
    }

    /// The placeholders of all bodies.
    fn placeholders(&self) -> Vec<String> {
        let bodies = self.layers().filter_map(|layer| layer.body.as_ref());
        let mut used: Vec<String> = bodies.flat_map(|body| body_spec(Some(body), None).1.placeholders()).collect();
        if used.is_empty() {
            used.extend(default_body().placeholders());
        }
        // Values can have placeholders in them too.
        let values = self.layers().flat_map(|layer| &layer.variables).filter_map(|(_, value)| value.as_str());
        used.extend(values.flat_map(|value| BodySpec::Text(value.to_owned()).placeholders()));
        used
    }

    /// The same slip in a route's own answer.
    fn check_own(&self, layer: &Layer<'c>, findings: &Findings) {
        let mut used = self.placeholders();
        used.extend(layer.body.iter().flat_map(|body| body_spec(Some(body), None).1.placeholders()));
        for (entry, _) in &layer.variables {
            if !used.contains(&entry.key) && !STANDARD.contains(&entry.key.as_str()) {
                let known = SETTINGS.into_iter().chain(used.iter().map(String::as_str));
                let help = match closest(&entry.key, known) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("no body has the placeholder {{{}}}", entry.key),
                };
                findings.error(&entry.key_at, format!("`{}` means nothing in `denied`", entry.key), help);
            }
        }
    }

    /// A key that is no setting, no reason and no placeholder of any body is a slip.
    fn check_variables(&self, errors: &Section<'c>) {
        let used = self.placeholders();
        for (entry, _) in self.layers().flat_map(|layer| &layer.variables) {
            if !used.contains(&entry.key) && !STANDARD.contains(&entry.key.as_str()) {
                let known = SETTINGS.into_iter().chain(entry_names()).chain(used.iter().map(String::as_str));
                errors.unknown(entry, known);
            }
        }
    }
}

impl<'c> Missing<'c> {
    fn add(&mut self, name: String, at: Option<&'c Location>, reason: Reason, known: Vec<String>) {
        self.0.entry(name).or_insert_with(|| Unfilled { at, reasons: Vec::new(), known }).reasons.push(reason.name());
    }

    fn report(self, findings: &Findings) {
        for (name, Unfilled { at, reasons, known }) in self.0 {
            let Some(at) = at else { continue };
            let all = reasons.len() == Reason::ALL.len();
            let of = if all { "any reason".to_owned() } else { reasons.join(", ") };
            let help = match closest(&name, known.iter().map(String::as_str)) {
                Some(close) => format!("did you mean {{{close}}}?"),
                None => format!("set `{name}` in [api.errors] for all, or in the entries that lack it"),
            };
            findings.error(at, format!("nothing fills in {{{name}}} for {of}"), help);
        }
    }
}

/// The placeholders that every body can use, and every entry can set.
const STANDARD: [&str; 3] = ["code", "detail", "title"];

/// An answer that others share must be the same for all, to the byte, so it cannot say what was missing.
fn shared_detail(reason: Reason) -> &'static str {
    match reason {
        Reason::InsufficientPermission => "The API key may not do this.",
        other => other.default_detail(),
    }
}

/// The reason whose answer stands for an entry: its own, or the plainest of a group.
fn representative(name: &str) -> Option<Reason> {
    let of_group = |group: ReasonGroup| match group {
        ReasonGroup::Unauthenticated => Reason::MissingKey,
        ReasonGroup::Forbidden => Reason::InsufficientPermission,
        ReasonGroup::Limited => Reason::RateLimited,
        ReasonGroup::Invalid => Reason::InvalidRequest,
        ReasonGroup::Unavailable => Reason::StoreUnavailable,
    };
    let group = ReasonGroup::ALL.into_iter().find(|group| group.name() == name);
    group.map(of_group).or_else(|| name.parse().ok())
}

fn default_challenge(name: &str, carriers: &[Carrier]) -> HeaderValue {
    let scheme = carriers.iter().find_map(|carrier| match carrier {
        Carrier::Authorization(scheme) => Some(&**scheme),
        Carrier::Basic => Some("Basic"),
        _ => None,
    });
    let text = format!("{} realm=\"{name}\"", scheme.unwrap_or("ApiKey"));
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("ApiKey"))
}
