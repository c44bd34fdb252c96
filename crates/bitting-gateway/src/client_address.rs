//! Who is at the other end of a connection.

use std::net::IpAddr;

use bitting_core::address::{AddressList, ForwardedHeader, client_address};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What is known of the connection that a request comes by.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The address at its other end.
    pub peer: IpAddr,
    /// Who may say for whom they forward.
    pub trusted_proxies: AddressList,
    /// The header in which they say it.
    pub forwarded_header: ForwardedHeader,
    /// The only API that its listener serves, if it serves one.
    pub api: Option<String>,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl Caller {
    /// The address that a request comes from.
    pub fn client(&self, headers: &HeaderMap) -> IpAddr {
        client_address(self.peer, headers, &self.trusted_proxies, self.forwarded_header)
    }

    /// Says for whom the request is forwarded. What an untrusted caller said about that is dropped, since the upstream would
    /// believe it.
    pub(crate) fn tell_upstream(&self, host: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let peer = self.peer.to_canonical();
        if !self.trusted_proxies.contains(peer) {
            for name in [FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO, http::header::FORWARDED] {
                headers.remove(name);
            }
        }
        if let Ok(address) = HeaderValue::try_from(peer.to_string()) {
            headers.append(FORWARDED_FOR, address);
        }
        if let Some(host) = host {
            headers.entry(FORWARDED_HOST).or_insert_with(|| host.clone());
        }
        headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
    }
}
