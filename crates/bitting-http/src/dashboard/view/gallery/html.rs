//! What each page must satisfy, whatever it shows.

use std::collections::BTreeSet;

/// Looks at a page as the policy, a browser and a reader of screens do.
pub(super) fn inspect(page: &str, html: &str) {
    let tags: Vec<&str> = html.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag)).collect();
    for tag in &tags {
        let inline = tag.starts_with("style") || attribute(tag, "style").is_some();
        let handler = tag.split_whitespace().skip(1).any(|word| word.starts_with("on") && word.contains('='));
        let script = tag.starts_with("script") && attribute(tag, "src").is_none();
        assert!(!inline && !handler && !script, "{page}: the policy forbids <{tag}>");
    }
    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| attribute(tag, "id")) {
        assert!(ids.insert(id), "{page}: the id {id} is there twice");
    }
    for tag in &tags {
        for name in ["aria-labelledby", "aria-describedby", "for", "form"] {
            for id in attribute(tag, name).unwrap_or_default().split_whitespace() {
                assert!(ids.contains(id), "{page}: <{tag}> names {id}, which is not there");
            }
        }
        if let Some(id) = attribute(tag, "href").and_then(|href| href.strip_prefix('#')).filter(|id| !id.is_empty()) {
            assert!(ids.contains(id), "{page}: <{tag}> leads nowhere");
        }
    }
    let heads = tags.iter().filter(|tag| **tag == "h1" || tag.starts_with("h1 ")).count();
    assert_eq!(heads, 1, "{page}: one heading says what the page is");
    balanced(page, &tags);
    forms_are_guarded(page, html);
}

/// The value of an attribute of a tag.
pub(super) fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Whether everything that is opened is closed, in order.
fn balanced(page: &str, tags: &[&str]) {
    let empty = ["!doctype", "meta", "link", "input", "br", "hr", "img", "wbr", "!--"];
    let mut open: Vec<&str> = Vec::new();
    for tag in tags.iter().filter(|tag| !tag.ends_with('/')) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{page}: </{name}> closes something else; open are {open:?}");
        } else if !empty.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "{page}: not closed");
}

/// Whether each form that changes something sends the token along.
fn forms_are_guarded(page: &str, html: &str) {
    for form in html.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap_or_default();
        let posts = form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\""));
        assert_eq!(posts, form.contains("name=\"csrf\""), "{page}: <form{form}");
    }
}
