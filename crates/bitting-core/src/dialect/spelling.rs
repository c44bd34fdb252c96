//! Header names that are one name to some upstream.
//!
//! CGI, and WSGI after it, hand headers on as variables in which `-` has become `_` (RFC 3875, section 4.1.18), so
//! `X_API_Key` arrives there as `X-API-Key` does; PHP and some servers turn dots and all other marks into `_` too. Whoever
//! closes a header to callers must close all of them.

use http::HeaderName;

/// Whether a header's name is the other one, or may become it. The other one is in small letters, as a [`HeaderName`] is.
///
/// ```
/// # use bitting_core::dialect::is_spelled_like;
/// assert!(is_spelled_like(&"X_Real-IP".parse()?, "x-real-ip"));
/// assert!(is_spelled_like(&"X.Real~IP".parse()?, "x-real-ip"));
/// assert!(!is_spelled_like(&"X-Real-IP-2".parse()?, "x-real-ip"));
/// # Ok::<(), http::header::InvalidHeaderName>(())
/// ```
pub fn is_spelled_like(name: &HeaderName, other: &str) -> bool {
    name.as_str().len() == other.len() && begins_like(name, other)
}

/// Whether a header's name begins with a text in small letters, or may become one that does.
pub fn begins_like(name: &HeaderName, prefix: &str) -> bool {
    let hyphen = |b: u8| if b.is_ascii_alphanumeric() { b } else { b'-' };
    let name = name.as_str();
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(a, b)| hyphen(a) == hyphen(b))
}
