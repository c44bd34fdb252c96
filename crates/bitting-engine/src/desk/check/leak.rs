//! What is said of where a key was found.

use bitting_store::Leak;

use crate::desk::Violation;

/// The most characters of a source.
const MOST_OF_SOURCE: usize = 200;

/// The most characters of an address.
const MOST_OF_URL: usize = 2_000;

/// What is wrong with it. Nothing of it is repeated: a key could stand in it.
pub fn leak_violations(leak: &Leak) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut wrong = |field: &str, message: String| found.push(Violation { field: field.to_owned(), message });
    let is_clean = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    if leak.source.as_deref().is_some_and(|source| source.trim().is_empty() || !is_clean(source, MOST_OF_SOURCE)) {
        wrong("source", format!("write where it was found in 1 to {MOST_OF_SOURCE} characters, or leave it out"));
    }
    // It becomes a link.
    let is_web = |url: &str| ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    if leak.url.as_deref().is_some_and(|url| !is_web(url) || url.contains(' ') || !is_clean(url, MOST_OF_URL)) {
        let message = format!("write an address that begins with https:// or http:// and has at most {MOST_OF_URL} characters");
        wrong("url", message);
    }
    found
}
