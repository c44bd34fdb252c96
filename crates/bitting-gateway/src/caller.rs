//! Who is at the other end of a connection.

use std::net::IpAddr;

use bitting_core::address::{AddressList, Client, ForwardedHeader};
use bitting_core::dialect::{begins_like, is_spelled_like};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::tunnel::ProtocolChange;

/// What is known of the connection that a request comes by.
#[derive(Debug, Clone)]
pub struct Caller {
    peer: IpAddr,
    /// Its address as a header.
    peer_header: HeaderValue,
    /// How its listener is spoken to, as `X-Forwarded-Proto` says it.
    scheme: HeaderValue,
    is_trusted: bool,
    trusted_proxies: AddressList,
    forwarded_header: ForwardedHeader,
    /// The other of the two, which its trusted proxies pass on as their own callers sent it.
    disbelieved: HeaderName,
    api: Option<String>,
    change: ProtocolChange,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl Caller {
    /// A connection from an address to a listener with a scheme, with those who may say for whom they forward and the
    /// header in which they say it. `api` is the only API that the listener serves, if it serves one.
    pub fn new(
        peer: IpAddr,
        scheme: &Scheme,
        trusted_proxies: AddressList,
        forwarded_header: ForwardedHeader,
        api: Option<String>,
    ) -> Self {
        let peer = peer.to_canonical();
        Self {
            peer,
            peer_header: HeaderValue::try_from(peer.to_string()).unwrap_or(HeaderValue::from_static("unknown")),
            scheme: HeaderValue::from_static(if *scheme == Scheme::HTTPS { "https" } else { "http" }),
            is_trusted: trusted_proxies.contains(peer),
            trusted_proxies,
            forwarded_header,
            disbelieved: match forwarded_header {
                ForwardedHeader::XForwardedFor => header::FORWARDED,
                ForwardedHeader::Forwarded => FORWARDED_FOR,
            },
            api,
            change: ProtocolChange::default(),
        }
    }

    /// The same, with whom to tell when the connection stops to be HTTP.
    #[must_use]
    pub fn telling(self, change: ProtocolChange) -> Self {
        Self { change, ..self }
    }

    /// Whom to tell when the connection stops to be HTTP.
    pub(crate) fn change(&self) -> &ProtocolChange {
        &self.change
    }

    /// Where a request comes from.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Client {
        if !self.is_trusted {
            return Client::Peer(self.peer);
        }
        Client::of(self.peer, headers, &self.trusted_proxies, self.forwarded_header)
    }

    /// The only API that its listener serves.
    pub(crate) fn api(&self) -> Option<&str> {
        self.api.as_deref()
    }

    /// Whether a header says for whom somebody forwards who may not say so. The upstream would believe it.
    ///
    /// A trusted proxy may, in the names as they are written, with letters, digits and hyphens: what is spelled otherwise
    /// came through it from its own caller, and so did the one of `Forwarded` and `X-Forwarded-For` that it does not write.
    pub(crate) fn is_pretence(&self, name: &HeaderName) -> bool {
        let forwards = *name == header::FORWARDED || begins_like(name, "x-forwarded-") || is_spelled_like(name, "x-real-ip");
        let is_plain = || name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let believed = || self.is_trusted && *name != self.disbelieved && is_plain();
        forwards && !believed()
    }

    /// Says for whom the request is forwarded.
    pub(crate) fn tell_upstream(&self, host: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.append(FORWARDED_FOR, self.peer_header.clone());
        if let Some(host) = host {
            headers.entry(FORWARDED_HOST).or_insert_with(|| host.clone());
        }
        headers.entry(FORWARDED_PROTO).or_insert_with(|| self.scheme.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_learns_by_which_scheme_the_listener_was_reached_unless_a_trusted_proxy_said_it() {
        for scheme in [Scheme::HTTP, Scheme::HTTPS] {
            let peer = IpAddr::from([192, 0, 2, 7]);
            let caller = Caller::new(peer, &scheme, AddressList::default(), ForwardedHeader::XForwardedFor, None);
            let mut headers = HeaderMap::new();
            caller.tell_upstream(None, &mut headers);
            assert_eq!(headers[FORWARDED_FOR], "192.0.2.7");
            assert_eq!(headers[FORWARDED_PROTO], scheme.as_str());
            headers.insert(FORWARDED_PROTO, HeaderValue::from_static("said"));
            caller.tell_upstream(None, &mut headers);
            assert_eq!(headers[FORWARDED_PROTO], "said");
        }
    }
}
