//! Which host a request is for, and whether it ends where hyper says: what must be certain before anything is decided.

use bitting_core::api::Host;
use http::request::Parts;
use http::{HeaderMap, Method, Version, header};

/// The authority that a request is for; `None` if that cannot be said (RFC 9112, section 3.2): several `Host`, none in HTTP/1.1, one
/// that contradicts the request line or `:authority`, or one that is no host. The request line beats `Host`.
///
/// In HTTP/1.0 there may be none, which is `""`.
pub(crate) fn of(head: &Parts) -> Option<&str> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    // CONNECT names where a tunnel should lead, and no path.
    if hosts.next().is_some() || head.method == Method::CONNECT {
        return None;
    }
    let host = match host {
        Some(host) => Some(host.to_str().ok()?),
        None => None,
    };
    match (head.uri.authority(), host) {
        (Some(authority), Some(host)) => Host::agree(authority.as_str(), host).then_some(authority.as_str()),
        // HTTP/2 alone may leave it at the authority.
        (Some(_), None) if head.version == Version::HTTP_11 => None,
        (Some(authority), None) => Host::of_authority(authority.as_str()).map(|_| authority.as_str()),
        (None, Some(host)) => Host::of_authority(host).map(|_| host),
        (None, None) => (head.version < Version::HTTP_11).then_some(""),
    }
}

/// Whether a message has no transfer coding but the one that hyper undoes. With `gzip, chunked` it undoes the second, and
/// whoever is next would not know of the first.
pub(crate) fn is_plainly_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn authority(version: Version, uri: &str, hosts: &[&str]) -> Option<String> {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        of(&head).map(str::to_owned)
    }

    #[test]
    fn a_request_is_for_one_host_or_for_none() {
        let (old, plain, new) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        for (version, uri, hosts, expected) in [
            (plain, "/x", &["shop"][..], Some("shop")),
            (plain, "/x", &["Shop.:80"], Some("Shop.:80")),
            (plain, "http://shop/x", &["SHOP."], Some("shop")),
            (plain, "http://shop:80/x", &["shop"], Some("shop:80")),
            (old, "/x", &[], Some("")),
            (old, "http://shop/x", &[], Some("shop")),
            (new, "https://shop/x", &[], Some("shop")),
            (new, "https://shop/x", &["shop"], Some("shop")),
            (new, "/x", &["shop"], Some("shop")),
            (plain, "/x", &[], None),
            (plain, "/x", &[""], None),
            (plain, "/x", &["shop", "shop"], None),
            (plain, "http://shop/x", &[], None),
            (plain, "http://shop/x", &["other"], None),
            (plain, "http://shop:80/x", &["shop:81"], None),
            (plain, "http://user@shop/x", &["shop"], None),
            (plain, "http://user@shop/x", &["user@shop"], None),
            (plain, "/x", &["user@shop"], None),
            (plain, "/x", &["shop/x"], None),
            (plain, "/x", &["shop, other"], None),
            (plain, "/x", &["shop:http"], None),
            (new, "https://shop/x", &["other"], None),
            (new, "https://user@shop/x", &[], None),
            (new, "/x", &[], None),
        ] {
            assert_eq!(authority(version, uri, hosts).as_deref(), expected, "{version:?} {uri} {hosts:?}");
        }
    }
}
