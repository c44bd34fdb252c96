//! Sentences with names and addresses in them.

use askama::Template;
use askama::filters::HtmlSafe;

/// A sentence, or several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(
    source = "{% for part in parts %}{% match part %}\
              {% when Part::Plain with (text) %}{{ text }}\
              {% when Part::Name with (text) %}<bdi>{{ text }}</bdi>\
              {% when Part::Exact with (text) %}<span class=\"mono\">{{ text }}</span>\
              {% endmatch %}{% endfor %}",
    ext = "html"
)]
pub(crate) struct Words {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// As it is read.
    Plain(String),
    /// What somebody has called something, in whatever script.
    Name(String),
    /// What is compared letter by letter.
    Exact(String),
}

impl HtmlSafe for Words {}

impl Words {
    /// Plain words.
    pub(crate) fn say(text: impl Into<String>) -> Self {
        Self::default().and(text)
    }

    /// A name that somebody has chosen.
    pub(crate) fn of(name: &str) -> Self {
        Self { parts: vec![Part::Name(name.to_owned())] }
    }

    /// More plain words.
    pub(crate) fn and(self, text: impl Into<String>) -> Self {
        self.with(Part::Plain(text.into()))
    }

    /// A name among them.
    pub(crate) fn name(self, text: impl Into<String>) -> Self {
        self.with(Part::Name(text.into()))
    }

    /// Something exact among them, such as an address.
    pub(crate) fn exact(self, text: impl Into<String>) -> Self {
        self.with(Part::Exact(text.into()))
    }

    /// Several exact things: "a, b and c".
    pub(crate) fn exact_list(self, texts: &[String]) -> Self {
        let last = texts.len().saturating_sub(1);
        texts.iter().enumerate().fold(self, |words, (position, text)| {
            let words = match position {
                0 => words,
                position if position == last => words.and(" and "),
                _ => words.and(", "),
            };
            words.exact(text)
        })
    }

    /// Other words after these.
    pub(crate) fn joined(mut self, others: Self) -> Self {
        self.parts.extend(others.parts);
        self
    }

    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_a_sentence_is_text() {
        let list = ["192.0.2.0/24", "2001:db8::/48", "<b>"].map(str::to_owned);
        let words = Words::of("שלום <i>").and(" & ").exact_list(&list).and(".");
        let html = "<bdi>שלום &#60;i&#62;</bdi> &#38; <span class=\"mono\">192.0.2.0/24</span>, \
                    <span class=\"mono\">2001:db8::/48</span> and <span class=\"mono\">&#60;b&#62;</span>.";
        assert_eq!(words.to_string(), html);
        assert!(Words::default().is_empty() && Words::default().to_string().is_empty());
    }
}
