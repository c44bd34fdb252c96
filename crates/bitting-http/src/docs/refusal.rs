//! How calls are refused, with the bodies that are sent.
//!
//! Reasons that share one answer stand in one line, so that the page tells no more apart than the API does.

mod body;
mod cause;
mod situation;

use bitting_core::api::Api;
use bitting_core::dialect::{Answer, AnswerContext};
use bitting_core::reason::Reason;
use http::{HeaderMap, StatusCode, header};

pub(super) use self::cause::Cause;
pub(super) use self::situation::{Situation, told_without};
use super::subject::Subject;
use super::text::Text;
use super::{Block, Section, writing};

/// The request's id in bodies that name it.
pub const REQUEST_ID: &str = "req_6e215e84cdd2b93f000000000000002a";

/// An answer that is no success.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Everything for which it is sent.
    pub reasons: Vec<Reason>,
    /// Its status.
    pub status: StatusCode,
    /// What a program goes by, if the body has a field of that name.
    pub code: Option<String>,
    /// When it is sent.
    pub when: Text,
    /// What to do.
    pub cure: Text,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, to the byte.
    pub body: String,
    /// What the body is written in, as Markdown names it.
    pub language: &'static str,
}

/// Everything that can go wrong with any call.
pub(super) fn section(subject: &Subject<'_>) -> Section {
    let refusals = grouped(situation::of_calls(subject));
    let mut blocks = vec![Block::Paragraph(Text::paragraph(intro(subject, &refusals)))];
    blocks.push(Block::Refusals(refusals));
    blocks.push(Block::Paragraph(Text::say("The API behind the keys may have errors of its own, which are not listed here.")));
    Section::new("Errors", blocks)
}

/// The status of a reason's answer.
pub(super) fn status(api: &Api, reason: Reason) -> StatusCode {
    api.answer(reason).response(AnswerContext::default()).status()
}

/// One refusal for each answer that differs from all others.
pub(super) fn grouped(situations: Vec<Situation<'_>>) -> Vec<Refusal> {
    let mut groups: Vec<Group> = Vec::new();
    for situation in situations {
        let sent = situation.sent();
        match groups.iter_mut().find(|group| group.is_told_by(&sent)) {
            Some(group) => group.add(situation),
            None => groups.push(Group::new(sent, situation)),
        }
    }
    groups.into_iter().map(Group::told).collect()
}

/// Situations that nobody can tell apart by the answer.
struct Group {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    reasons: Vec<Reason>,
    causes: Vec<Cause>,
    cures: Vec<Text>,
}

impl Group {
    fn new(sent: http::Response<bytes::Bytes>, situation: Situation<'_>) -> Self {
        let (head, body) = sent.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            reasons: vec![situation.reason],
            causes: vec![situation.cause],
            cures: situation.cures,
        }
    }

    fn is_told_by(&self, sent: &http::Response<bytes::Bytes>) -> bool {
        (sent.status(), sent.headers(), &sent.body()[..]) == (self.status, &self.headers, self.body.as_bytes())
    }

    fn add(&mut self, situation: Situation<'_>) {
        if !self.reasons.contains(&situation.reason) {
            self.reasons.push(situation.reason);
        }
        if !self.causes.contains(&situation.cause) {
            self.causes.push(situation.cause);
        }
        self.cures.extend(situation.cures);
    }

    fn told(self) -> Refusal {
        let mut cures: Vec<Text> = Vec::new();
        for cure in cause::condensed(&self.reasons, self.cures) {
            if !cures.contains(&cure) {
                cures.push(cure);
            }
        }
        Refusal {
            when: Cause::sentence(self.causes),
            cure: Text::paragraph(cures),
            code: body::code(&self.body).map(|(_, code)| code),
            language: body::language(&self.headers, &self.body),
            reasons: self.reasons,
            status: self.status,
            headers: self.headers,
            body: self.body,
        }
    }
}

/// What all errors have in common.
fn intro(subject: &Subject<'_>, refusals: &[Refusal]) -> Vec<Text> {
    let mut sentences = Vec::new();
    let first = refusals.first().and_then(|refusal| refusal.headers.get(header::CONTENT_TYPE));
    let is_common = refusals.iter().all(|refusal| refusal.headers.get(header::CONTENT_TYPE) == first);
    if let (Some(content_type), true) = (first.and_then(|value| value.to_str().ok()), is_common) {
        sentences.push(Text::say("An error is sent as ").code(content_type).and("."));
    }
    sentences.extend(body::fields(subject.api.answer(Reason::InvalidRequest)));
    let mut challenges = refusals.iter().filter(|refusal| refusal.status == StatusCode::UNAUTHORIZED);
    if let Some(challenge) = challenges.next().and_then(|refusal| refusal.headers.get(header::WWW_AUTHENTICATE))
        && challenges.all(|refusal| refusal.headers.get(header::WWW_AUTHENTICATE) == Some(challenge))
    {
        let line = format!("WWW-Authenticate: {}", challenge.to_str().unwrap_or_default());
        sentences.push(Text::say("A 401 has the header ").code(line).and("."));
    }
    sentences.extend(own_headers(refusals));
    sentences.push(Text::say("Every answer has an `X-Request-Id`; name it when you ask for help."));
    if refusals.iter().any(|refusal| refusal.body.contains(REQUEST_ID)) {
        sentences.push(Text::say("Below, ").code(REQUEST_ID).and(" stands for it."));
    }
    sentences.push(Text::say("These are the exact bodies:"));
    sentences
}

/// Headers of the dialect's own that every error has.
fn own_headers(refusals: &[Refusal]) -> Option<Text> {
    let usual = [header::CONTENT_TYPE, header::CACHE_CONTROL, header::WWW_AUTHENTICATE];
    let own = refusals.first()?.headers.iter().filter(|(name, _)| !usual.contains(name));
    let common = own.filter(|(name, value)| refusals.iter().all(|refusal| refusal.headers.get(*name) == Some(*value)));
    let lines: Vec<Text> = common
        .map(|(name, value)| Text::of_code(format!("{}: {}", writing::header(name), value.to_str().unwrap_or_default())))
        .collect();
    (!lines.is_empty()).then(|| Text::say("Every error has ").then(Text::listed(lines, "and")).and("."))
}

impl Situation<'_> {
    /// What is sent.
    fn sent(&self) -> http::Response<bytes::Bytes> {
        respond(self.answer, self.needed.as_deref(), self.problem.as_deref())
    }
}

fn respond(answer: &Answer, needed: Option<&str>, problem: Option<&str>) -> http::Response<bytes::Bytes> {
    answer.response(AnswerContext { request_id: REQUEST_ID, needed, problem })
}
