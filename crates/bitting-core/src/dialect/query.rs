//! Query parameters, read without building a map of them.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode;

/// One `name=value` of a query, as it stands there.
#[derive(Clone, Copy)]
pub(super) struct Parameter<'q> {
    /// Name and value with their escapes.
    pub(super) raw: &'q str,
    name: &'q str,
    value: &'q str,
}

/// The parameters of a query in order, empty ones included.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    query.split('&').map(|raw| {
        let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
        Parameter { raw, name, value }
    })
}

/// The methods that a query asks some frameworks to see instead of POST, as in `?_method=DELETE`.
pub fn methods_asked_for(query: &str) -> impl Iterator<Item = Method> {
    let asked = parameters(query).filter(|parameter| parameter.could_be("_method"));
    asked.filter_map(|parameter| Method::from_bytes(&parameter.value().to_ascii_uppercase()).ok())
}

impl<'q> Parameter<'q> {
    /// Whether the decoded name is this one, to the letter.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name || *decoded(self.name) == *name.as_bytes()
    }

    /// Whether some upstream might take the name for this one: without case, decoded once or twice, or as the first
    /// element of an array.
    pub(super) fn could_be(&self, name: &str) -> bool {
        // Decoding only shortens.
        if self.name.len() < name.len() {
            return false;
        }
        let is = |read: &[u8]| {
            let read = read.trim_ascii();
            read.split(|&b| b == b'[').next().is_some_and(|read| read.eq_ignore_ascii_case(name.as_bytes()))
        };
        match decoded(self.name) {
            Cow::Borrowed(plain) => is(plain),
            Cow::Owned(once) => is(&once) || is(&percent_decode(&once).collect::<Vec<u8>>()),
        }
    }

    /// The whole parameter, decoded.
    pub(super) fn text(&self) -> Cow<'q, [u8]> {
        decoded(self.raw)
    }

    /// The decoded value.
    pub(super) fn value(&self) -> Cow<'q, [u8]> {
        decoded(self.value)
    }
}

/// Percent-decoded, `+` as a space, borrowed where there is nothing to decode.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).collect())
}
