//! What README.md and `docs/` show can be used as it stands there.

use std::path::Path;
use std::sync::Arc;

use bitting::config::{self, Source};

/// The blocks of a page in one language.
pub(crate) fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fences = page.split("\n```").skip(1).step_by(2);
    fences.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[test]
fn every_configuration_that_is_shown_is_accepted_without_a_warning() {
    let pages = [include_str!("../../../../README.md"), include_str!("../../../../docs/configuration.md")];
    let examples: Vec<&str> = pages.into_iter().flat_map(|page| blocks(page, "toml")).collect();
    assert_eq!(examples.len(), 7);
    for text in examples {
        let source = Source { name: "example".to_owned(), text: text.to_owned() };
        let loaded = config::load(vec![source], &[], Path::new("."), &Arc::default());
        assert!(loaded.problems.0.is_empty(), "{text}\n{}", loaded.problems.render(false));
    }
}

#[test]
fn every_reason_and_every_leniency_is_on_the_page_of_settings() {
    let page = include_str!("../../../../docs/configuration.md");
    for reason in bitting_core::reason::Reason::ALL {
        assert!(page.contains(&format!("`{reason}`")), "{reason} is missing");
    }
    for (name, _) in bitting_core::route::Leniencies::NAMED {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is missing");
    }
}
