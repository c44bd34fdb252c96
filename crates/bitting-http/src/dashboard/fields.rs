//! What somebody has typed into a form.

use std::time::Duration;

use form_urlencoded::{Serializer, parse};
use zeroize::Zeroize as _;

/// The fields of a form, in the order in which they were sent. They may hold a password, so they do not print themselves
/// and are wiped on drop.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`. Lines of text areas end as they do in Unix.
    pub(crate) fn read(body: &[u8]) -> Self {
        let lines = |value: &str| value.replace("\r\n", "\n");
        Self(parse(body).map(|(name, value)| (name.into_owned(), lines(&value))).collect())
    }

    /// A field's value; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.pairs().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
    }

    /// A field's value, if there is one with something in it.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// All values of a field, in their order.
    pub(crate) fn all<'f, 'n>(&'f self, name: &'n str) -> impl Iterator<Item = &'f str> + use<'f, 'n> {
        self.pairs().filter(move |(field, _)| *field == name).map(|(_, value)| value)
    }

    /// Which of the times that a form offers was chosen; it writes them in seconds, as `3600s`.
    pub(crate) fn chosen(&self, name: &str, offered: &[Duration]) -> Option<Duration> {
        let seconds: u64 = self.text(name).strip_suffix('s')?.parse().ok()?;
        offered.iter().copied().find(|time| time.as_secs() == seconds)
    }

    /// All fields and their values.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Written out again without what is secret, so that it can be kept while somebody signs in.
    pub(crate) fn kept(&self) -> String {
        let is_kept = |name: &str| !matches!(name, "csrf" | "secret" | "code") && !name.contains("password");
        Serializer::new(String::new()).extend_pairs(self.pairs().filter(|(name, _)| is_kept(name))).finish()
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Fields {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_kept_but_for_what_is_secret() {
        let fields = Fields::read(b"csrf=t&name=A+%26+B&permission=a%3Aread&permission=b%3Aread&new_password=x&text=1%0D%0A2");
        assert_eq!(fields.text("name"), "A & B");
        assert_eq!(fields.text("text"), "1\n2");
        assert_eq!((fields.text("none"), fields.given("none")), ("", None));
        assert_eq!(fields.all("permission").collect::<Vec<_>>(), ["a:read", "b:read"]);
        assert_eq!(fields.kept(), "name=A+%26+B&permission=a%3Aread&permission=b%3Aread&text=1%0A2");
    }
}
