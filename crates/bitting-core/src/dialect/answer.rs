//! Refusals as the API's own answers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::template::DynamicValues;
use super::{BodySpec, Template, TemplateError, Variables};
use crate::reason::Reason;

/// One refusal, compiled: everything that does not depend on the request is ready.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Template,
    /// The same with the detail of one request in place of the general one.
    particular: Template,
}

/// What an answer is built from.
#[derive(Debug, Clone)]
pub struct AnswerSpec {
    /// From 400 to 599.
    pub status: StatusCode,
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `WWW-Authenticate`, sent if the status is 401 (RFC 9110, section 11.6.1).
    pub challenge: Option<HeaderValue>,
    /// More headers, in order; they win over the others.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: BodySpec,
    /// What fills in the body's placeholders.
    pub variables: Variables,
}

/// Why an answer cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A refusal must not look like success or a redirect.
    #[error("{0} is not a status for a refusal; write one from 400 to 599")]
    NotAnError(StatusCode),
    /// The body cannot be compiled.
    #[error(transparent)]
    Body(#[from] TemplateError),
}

/// What an answer needs to know of the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnswerContext<'r> {
    /// The request's id.
    pub request_id: &'r str,
    /// The permission, role or capability that was missing.
    pub needed: Option<&'r str>,
    /// What is wrong with this one request, to be said instead of the dialect's general words.
    pub problem: Option<&'r str>,
}

/// An answer for every reason.
#[derive(Debug)]
pub struct Answers(Box<[Answer]>);

impl Answer {
    /// Compiles an answer.
    ///
    /// # Errors
    /// A status outside 400 to 599, or a body that cannot be compiled.
    pub fn new(spec: AnswerSpec) -> Result<Self, AnswerError> {
        let AnswerSpec { status, content_type, challenge, headers: more, body, variables } = spec;
        if !(status.is_client_error() || status.is_server_error()) {
            return Err(AnswerError::NotAnError(status));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge.filter(|_| status == StatusCode::UNAUTHORIZED) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        // A cache must not answer the next caller with this one's refusal, whatever the configuration says.
        for (name, value) in more.into_iter().filter(|(name, _)| name != header::CACHE_CONTROL) {
            headers.insert(name, value);
        }
        let mut in_particular = variables.clone();
        in_particular.set("detail", "{problem}");
        let (body, particular) = (Template::new(&body, &variables)?, Template::new(&body, &in_particular)?);
        Ok(Self { status, headers, body, particular })
    }

    /// The answer to one request.
    pub fn response(&self, context: AnswerContext<'_>) -> Response<Bytes> {
        let values = DynamicValues {
            needed: context.needed.unwrap_or_default(),
            request_id: context.request_id,
            problem: context.problem.unwrap_or_default(),
        };
        let body = if context.problem.is_some() { &self.particular } else { &self.body };
        let mut response = Response::new(body.render(values));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

impl Answers {
    /// Asks for the answer to every reason.
    ///
    /// # Errors
    /// The first error of `answer`.
    pub fn new<E>(mut answer: impl FnMut(Reason) -> Result<Answer, E>) -> Result<Self, E> {
        Reason::ALL.into_iter().map(&mut answer).collect::<Result<_, E>>().map(Self)
    }

    /// The answer to a reason.
    pub fn get(&self, reason: Reason) -> &Answer {
        &self.0[reason as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(status: u16) -> AnswerSpec {
        AnswerSpec {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: HeaderValue::from_static("text/plain"),
            challenge: Some(HeaderValue::from_static("Bearer realm=\"x\"")),
            headers: Vec::new(),
            body: BodySpec::Text("{needed}{request_id}".into()),
            variables: Variables::default(),
        }
    }

    #[test]
    fn only_a_401_carries_the_challenge_and_every_refusal_is_no_store() {
        let context = AnswerContext { request_id: "r", needed: Some("n"), problem: None };
        let unauthorized = Answer::new(spec(401)).unwrap().response(context);
        assert!(unauthorized.headers().contains_key(header::WWW_AUTHENTICATE));
        assert_eq!(unauthorized.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(unauthorized.body(), "nr");
        let forbidden = Answer::new(spec(403)).unwrap().response(context);
        assert!(!forbidden.headers().contains_key(header::WWW_AUTHENTICATE));
    }

    #[test]
    fn a_status_that_is_no_refusal_cannot_be_configured() {
        for status in [100, 200, 204, 302, 399, 600] {
            assert!(matches!(Answer::new(spec(status)), Err(AnswerError::NotAnError(_))), "{status}");
        }
    }
}
