//! What goes on after an answer has begun: upgraded connections and event streams.

use std::fmt;
use std::str::FromStr;

/// What becomes of them, and which answers are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Streams {
    /// What becomes of them when their key is no longer good.
    pub on_revoke: OnRevoke,
    /// Answers that go on for as long as somebody listens.
    pub events: EventTypes,
}

/// What becomes of an open stream when its key is no longer good. Other answers in progress finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRevoke {
    /// It is cut.
    #[default]
    Cut,
    /// It goes on until one side ends it.
    Finish,
}

/// The media types of event streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypes(Box<[MediaType]>);

/// A media type without parameters, as in `text/event-stream`. Compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType(Box<str>);

/// A text that is no media type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no media type; write one without parameters, as in \"text/event-stream\"")]
pub struct InvalidMediaType(Box<str>);

impl EventTypes {
    /// These.
    pub fn new(types: impl IntoIterator<Item = MediaType>) -> Self {
        Self(types.into_iter().collect())
    }

    /// Whether a `Content-Type` is one of them.
    pub fn include(&self, content_type: &[u8]) -> bool {
        let essence = content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        self.0.iter().any(|known| known.0.as_bytes().eq_ignore_ascii_case(essence))
    }
}

impl Default for EventTypes {
    /// Server-sent events.
    fn default() -> Self {
        Self::new([MediaType("text/event-stream".into())])
    }
}

impl FromStr for MediaType {
    type Err = InvalidMediaType;

    fn from_str(text: &str) -> Result<Self, InvalidMediaType> {
        let is_token = |part: &str| http::HeaderName::from_str(part).is_ok();
        let fits = text.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name));
        if fits { Ok(Self(text.into())) } else { Err(InvalidMediaType(text.into())) }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_is_known_by_its_essence() {
        let events = EventTypes::default();
        for content_type in ["text/event-stream", "Text/Event-Stream; charset=utf-8", " text/event-stream ;x"] {
            assert!(events.include(content_type.as_bytes()), "{content_type}");
        }
        for content_type in ["", ";", "text/event-streams", "application/json", "text"] {
            assert!(!events.include(content_type.as_bytes()), "{content_type}");
        }
    }

    #[test]
    fn what_is_no_media_type_is_refused() {
        assert_eq!("application/x-ndjson".parse::<MediaType>().unwrap().to_string(), "application/x-ndjson");
        for text in ["", "text", "text/", "a/b/c", "text/html; charset=utf-8", "*"] {
            assert!(text.parse::<MediaType>().is_err(), "{text}");
        }
    }
}
