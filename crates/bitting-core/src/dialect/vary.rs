//! `Vary`: what an answer depends on beside its address (RFC 9110, section 12.5.5).

use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Adds names to what an answer says that it depends on. A name that stands there is not repeated, and `*`, which says more
/// than any name, is left alone. `all` are the names as a header's value.
pub(super) fn add(names: &[HeaderName], all: &HeaderValue, headers: &mut HeaderMap) {
    if !headers.contains_key(VARY) {
        headers.insert(VARY, all.clone());
        return;
    }
    let stands = |name: &str| {
        let items = headers.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
        items.map(<[u8]>::trim_ascii).any(|item| item.eq_ignore_ascii_case(name.as_bytes()))
    };
    if stands("*") {
        return;
    }
    let missing: Vec<HeaderName> = names.iter().filter(|name| !stands(name.as_str())).cloned().collect();
    for name in missing {
        headers.append(VARY, name.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_added_once_and_a_star_is_left() {
        let names = [HeaderName::from_static("x-api-key"), HeaderName::from_static("cookie")];
        for (before, after) in [
            (&[][..], &["X-API-Key, Cookie"][..]),
            (&["Accept"], &["Accept", "x-api-key", "cookie"]),
            (&["Accept, COOKIE"], &["Accept, COOKIE", "x-api-key"]),
            (&["Accept", "x-api-key ,Cookie"], &["Accept", "x-api-key ,Cookie"]),
            (&["*"], &["*"]),
            (&["Accept, *"], &["Accept, *"]),
            (&["x-api-key-2"], &["x-api-key-2", "x-api-key", "cookie"]),
        ] {
            let mut headers: HeaderMap = before.iter().map(|&value| (VARY, HeaderValue::from_static(value))).collect();
            add(&names, &HeaderValue::from_static("X-API-Key, Cookie"), &mut headers);
            assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), after, "{before:?}");
        }
    }
}
