//! Headers that belong to one connection and not to the message (RFC 9110, section 7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::caller::says_for_whom;

/// Whether a header always belongs to the connection.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a header stays though `Connection` names it. `Host` and `Content-Length` say what the message is, and a caller must not be able
/// to take that away; nor what a proxy in front says of the caller, if that proxy passes `Connection` on as it came (CVE-2022-31813).
fn is_kept(name: &HeaderName) -> bool {
    *name == header::HOST || *name == header::CONTENT_LENGTH || says_for_whom(name)
}

/// Removes those, whatever else `Connection` names, and whatever the caller wants gone besides.
pub(crate) fn remove(headers: &mut HeaderMap, besides: impl Fn(&HeaderName) -> bool) {
    if headers.contains_key(header::CONNECTION) {
        let values: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
        let names = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        for name in names.filter_map(|name| name.trim().parse::<HeaderName>().ok()) {
            if !is_kept(&name) {
                headers.remove(name);
            }
        }
    }
    // One look at what is there, which is little, instead of one look-up for each name that must not be.
    let gone = |name: &&HeaderName| is_hop_by_hop(name) || besides(name);
    let gone: Vec<HeaderName> = headers.keys().filter(gone).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_go_with_all_that_connection_names() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Secret"),
            ("connection", "x-other,,Host, content-length, X-Forwarded-For, forwarded, x-real-ip"),
            ("x-forwarded-for", "192.0.2.7"),
            ("forwarded", "for=192.0.2.7"),
            ("x-real-ip", "192.0.2.7"),
            ("x-secret", "1"),
            ("x-other", "2"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("x-besides", "1"),
            ("host", "example.com"),
            ("content-length", "3"),
            ("accept", "*/*"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        remove(&mut headers, |name| name == "x-besides");
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "content-length", "forwarded", "host", "x-forwarded-for", "x-real-ip"]);
    }
}
