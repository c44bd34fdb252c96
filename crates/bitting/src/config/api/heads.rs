//! `forward_as` and `allow_overrides`: what of a request's head goes upstream.

use bitting_core::address::Forwards;
use bitting_core::api::HeadRules;
use bitting_core::dialect::{Override, Overrides};

use crate::config::section::Section;

/// Without a word `X-Forwarded-…` are written, and nothing may override method or path.
pub(super) fn read(api: &Section<'_>) -> HeadRules {
    let styles = [("x-forwarded", Forwards::XForwarded), ("forwarded", Forwards::Forwarded), ("both", Forwards::Both)];
    let allowed = api.all_parsed::<Override>("allow_overrides").unwrap_or_default();
    HeadRules {
        overrides: Overrides::new(allowed.into_iter().map(|name| name.value)),
        forwards: api.choice("forward_as", &styles).unwrap_or_default(),
    }
}
