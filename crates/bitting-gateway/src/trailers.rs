//! Fields that come after a body (RFC 9110, section 6.5).
//!
//! Those of requests never pass: they would come after everything was decided, identity and credentials included. Those of answers
//! pass if the caller has said with `TE: trailers` that it takes them, and the upstream with `Trailer` which there will be; hyper lets no
//! others through on HTTP/1.1, and none that frame a message or say who somebody is.

use http::header::{CONNECTION, TE};
use http::{HeaderMap, HeaderValue};

/// Whether a caller takes trailers.
pub(crate) fn are_wanted(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TE).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
    codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Says so to the upstream, after everything was removed that belongs to the caller's connection.
pub(crate) fn ask(headers: &mut HeaderMap) {
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONNECTION, HeaderValue::from_static("TE"));
}
