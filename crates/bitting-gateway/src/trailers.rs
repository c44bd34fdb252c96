//! Fields that come after a body (RFC 9110, section 6.5).
//!
//! Those of requests never pass: they would come after everything was decided, identity and credentials included. Those of answers
//! pass if the caller has said with `TE: trailers` that it takes them, and the upstream with `Trailer` which there will be, but for
//! those that belong to a connection, frame a message or say what it is. hyper sees to that on HTTP/1.1 alone, and resets a stream of
//! HTTP/2 for a trailer that belongs to a connection.

use http::header::{self, CONNECTION, TE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::hop_by_hop::is_hop_by_hop;

/// The fields after an answer's body that may pass.
#[derive(Debug)]
pub(crate) struct Announced(Vec<HeaderName>);

impl Announced {
    /// Those that an answer announces; mostly there are none.
    pub(crate) fn by(answer: &HeaderMap) -> Option<Self> {
        let values = answer.get_all(TRAILER).iter().filter_map(|value| value.to_str().ok());
        let names = values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
        let names: Vec<HeaderName> = names.filter(may_come_after).collect();
        (!names.is_empty()).then_some(Self(names))
    }

    /// What is left of the fields that came.
    pub(crate) fn of(&self, mut came: HeaderMap) -> HeaderMap {
        let others: Vec<HeaderName> = came.keys().filter(|name| !self.0.contains(name)).cloned().collect();
        for name in others {
            came.remove(name);
        }
        came
    }
}

/// Whether a field may come after a body at all (RFC 9110, section 6.5.1).
fn may_come_after(name: &HeaderName) -> bool {
    let says_what_it_is = [
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::HOST,
        header::MAX_FORWARDS,
        header::SET_COOKIE,
        TRAILER,
    ];
    !is_hop_by_hop(name) && !says_what_it_is.contains(name)
}

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
