//! Query parameters, read without building a map of them.

use std::borrow::Cow;

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

impl<'q> Parameter<'q> {
    /// Whether the decoded name is this one, to the letter.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name || *decoded(self.name) == *name.as_bytes()
    }

    /// Whether some upstream might take the name for this one: without case, decoded once or twice, or as the first
    /// element of an array.
    pub(super) fn could_be(&self, name: &str) -> bool {
        let once = decoded(self.name);
        let twice: Vec<u8> = percent_decode(&once).collect();
        [&*once, &twice].iter().any(|read| {
            let read = read.trim_ascii();
            read.split(|&b| b == b'[').next().is_some_and(|read| read.eq_ignore_ascii_case(name.as_bytes()))
        })
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
