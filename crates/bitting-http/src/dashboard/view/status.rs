//! A status: always a shape and a word, and a colour only where somebody should look.

use askama::Template;
use askama::filters::HtmlSafe;

/// How much a thing wants to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It is in order.
    Plain,
    /// It asks for a decision.
    Warn,
    /// It has failed, or destroys.
    Bad,
    /// It is over.
    Off,
}

/// A shape and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/status.html")]
pub(crate) struct Status {
    /// How much it wants to be looked at.
    pub(crate) tone: Tone,
    /// The name of the icon.
    pub(crate) icon: &'static str,
    /// What the shape says, in words.
    pub(crate) word: &'static str,
}

impl HtmlSafe for Status {}

impl Status {
    pub(crate) const fn new(tone: Tone, icon: &'static str, word: &'static str) -> Self {
        Self { tone, icon, word }
    }
}

impl Tone {
    /// The class in the stylesheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Warn => " warn",
            Self::Bad => " bad",
            Self::Off => " off",
        }
    }
}
