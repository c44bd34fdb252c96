//! The fields of a posted form.

use percent_encoding::percent_decode_str;

/// What a form sent (`application/x-www-form-urlencoded`, WHATWG URL, section 5.1), in its order; a name may stand there more
/// than once. It may hold a password, so it does not print itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The most fields that a form can have: more than any of ours, and few enough to search one by one.
    const MOST: usize = 500;

    /// Reads a body. What is no UTF-8 is replaced, as browsers do.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(Self::MOST);
        let decoded = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(pairs.map(pair).collect())
    }

    /// The first value of a name; the empty text where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Whether a name is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// All values of a name.
    pub(crate) fn all<'f, 'n>(&'f self, name: &'n str) -> impl Iterator<Item = &'f str> + use<'f, 'n> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All names with their values, in the form's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Fields {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields =
            Fields::parse(b"name=Billing+sync&permission=tasks%3Aread&permission=a%26b&empty=&flag&x=%F0%9F%94%91&bad=%ff%zz");
        assert_eq!(fields.get("name"), "Billing sync");
        assert_eq!(fields.all("permission").collect::<Vec<_>>(), ["tasks:read", "a&b"]);
        assert_eq!(
            (fields.get("empty"), fields.has("empty"), fields.has("flag"), fields.has("absent")),
            ("", true, true, false)
        );
        assert_eq!((fields.get("x"), fields.get("bad")), ("🔑", "\u{fffd}%zz"));
    }

    #[test]
    fn a_form_of_a_million_fields_is_cut_short() {
        assert_eq!(Fields::parse("a=1&".repeat(1_000_000).as_bytes()).iter().count(), Fields::MOST);
    }
}
