//! Sentences with code, stress and links in them.

/// Prose of one paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Span>);

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// As it is read.
    Words(String),
    /// As it is typed.
    Code(String),
    /// A name on a page, such as a button's.
    Strong(String),
    /// Words that lead somewhere.
    Link {
        /// The words.
        words: String,
        /// Where.
        address: String,
    },
}

impl Text {
    /// Words, in which whatever stands between two backticks is code.
    pub(super) fn say(words: &str) -> Self {
        Self::default().and(words)
    }

    /// A text that is code alone.
    pub(super) fn of_code(code: impl Into<String>) -> Self {
        Self::default().code(code)
    }

    /// More words.
    pub(super) fn and(mut self, words: &str) -> Self {
        let pieces: Vec<&str> = words.split('`').collect();
        // Of an odd backtick nobody knows where its code would end.
        if pieces.len().is_multiple_of(2) {
            self.push(Span::Words(words.to_owned()));
            return self;
        }
        for (position, piece) in pieces.into_iter().enumerate() {
            let piece = piece.to_owned();
            self.push(if position.is_multiple_of(2) { Span::Words(piece) } else { Span::Code(piece) });
        }
        self
    }

    /// Code that may hold anything.
    pub(super) fn code(mut self, code: impl Into<String>) -> Self {
        self.push(Span::Code(code.into()));
        self
    }

    /// A name on a page.
    pub(super) fn strong(mut self, name: impl Into<String>) -> Self {
        self.push(Span::Strong(name.into()));
        self
    }

    /// Words that lead somewhere.
    pub(super) fn link(mut self, words: impl Into<String>, address: impl Into<String>) -> Self {
        self.0.push(Span::Link { words: words.into(), address: address.into() });
        self
    }

    /// Another text after this one.
    pub(super) fn then(mut self, other: Self) -> Self {
        other.0.into_iter().for_each(|span| self.push(span));
        self
    }

    /// Several as one enumeration: "a, b or c".
    pub(super) fn listed(items: impl IntoIterator<Item = Self>, last: &str) -> Self {
        let items: Vec<Self> = items.into_iter().collect();
        let count = items.len();
        items.into_iter().enumerate().fold(Self::default(), |text, (position, item)| match position {
            0 => item,
            _ if position + 1 == count => text.and(&format!(" {last} ")).then(item),
            _ => text.and(", ").then(item),
        })
    }

    /// Several sentences as one paragraph.
    pub(super) fn paragraph(sentences: impl IntoIterator<Item = Self>) -> Self {
        sentences.into_iter().fold(
            Self::default(),
            |text, sentence| {
                if text.is_empty() { sentence } else { text.and(" ").then(sentence) }
            },
        )
    }

    /// With a capital at its beginning and a full stop at its end.
    pub(super) fn sentence(mut self) -> Self {
        if let Some(Span::Words(words)) = self.0.first_mut() {
            let mut letters = words.chars();
            *words = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        }
        self.and(".")
    }

    /// Its parts.
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is read, without marks.
    pub fn plain(&self) -> String {
        let words = |span: &Span| match span {
            Span::Words(text) | Span::Code(text) | Span::Strong(text) | Span::Link { words: text, .. } => text.clone(),
        };
        self.0.iter().map(words).collect()
    }

    fn push(&mut self, span: Span) {
        match (self.0.last_mut(), span) {
            (Some(Span::Words(before)), Span::Words(more)) => before.push_str(&more),
            (_, Span::Words(text) | Span::Code(text) | Span::Strong(text)) if text.is_empty() => {}
            (_, span) => self.0.push(span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_an_odd_backtick_is_itself() {
        let code = |text: &str| Span::Code(text.to_owned());
        let words = |text: &str| Span::Words(text.to_owned());
        assert_eq!(Text::say("send `a` or `b`").spans(), [words("send "), code("a"), words(" or "), code("b")]);
        assert_eq!(Text::say("it`s").spans(), [words("it`s")]);
        assert_eq!(Text::default().code("`x").plain(), "`x");
    }

    #[test]
    fn an_enumeration_has_its_word_before_the_last() {
        let listed = |words: &[&str]| Text::listed(words.iter().map(|word| Text::say(word)), "or").sentence().plain();
        assert_eq!(listed(&["a"]), "A.");
        assert_eq!(listed(&["a", "b"]), "A or b.");
        assert_eq!(listed(&["a", "b", "c"]), "A, b or c.");
    }
}
