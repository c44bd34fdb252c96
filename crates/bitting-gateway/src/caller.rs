//! Who is at the other end of a connection, and what the upstream is told of it.

use std::net::IpAddr;

use bitting_core::address::{AddressList, Client, ForwardedHeader, Forwards, Hop, vouched};
use bitting_core::api::Host;
use bitting_core::dialect::{Spellings, begins_like, is_spelled_like};
use http::header::Entry;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::last_api::LastApi;
use crate::protocol_change::ProtocolChange;

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
    api: Option<String>,
    change: ProtocolChange,
    last_api: LastApi,
    /// The name that it asked for when the connection was secured.
    server_name: Option<Box<str>>,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// What proxies of one maker or another write instead, and some frameworks and the libraries that look for a client's address read.
const OTHERS: Spellings = Spellings::of(&[
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded-for",
    "front-end-https",
    "http-client-ip",
    "http-x-forwarded-for",
    "proxy-client-ip",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-forwarded",
    "x-host",
    "x-http-host-override",
    "x-original-forwarded-for",
    "x-original-host",
    "x-originating-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-url-scheme",
]);

/// The schemes that a proxy can have been asked by.
const SCHEMES: [&str; 4] = ["https", "http", "wss", "ws"];

/// What a trusted proxy says of a request beside its client's address, where that can be read.
#[derive(Default)]
struct Said {
    hops: Vec<Hop>,
    host: Option<HeaderValue>,
    scheme: Option<HeaderValue>,
}

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
            api,
            change: ProtocolChange::default(),
            last_api: LastApi::default(),
            server_name: None,
        }
    }

    /// The same, with whom to tell when the connection stops to be HTTP.
    #[must_use]
    pub fn telling(self, change: ProtocolChange) -> Self {
        Self { change, ..self }
    }

    /// The same, with where to keep which API it was last let through to.
    #[must_use]
    pub fn noting(self, last_api: LastApi) -> Self {
        Self { last_api, ..self }
    }

    /// Where to keep which API it was last let through to.
    pub(crate) fn last_api(&self) -> &LastApi {
        &self.last_api
    }

    /// Whom to tell when the connection stops to be HTTP.
    pub(crate) fn change(&self) -> &ProtocolChange {
        &self.change
    }

    /// The same, over a connection that was secured for a server name (RFC 6066, section 3).
    #[must_use]
    pub fn with_server_name(self, server_name: Option<Box<str>>) -> Self {
        Self { server_name, ..self }
    }

    /// Where a request comes from.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Client {
        if !self.is_trusted {
            return Client::Peer(self.peer);
        }
        Client::of(self.peer, headers, &self.trusted_proxies, self.forwarded_header)
    }

    /// The server name that its connection was made for, where the listener serves more than one API.
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref().filter(|_| self.api.is_none())
    }

    /// The only API that its listener serves.
    pub(crate) fn api(&self) -> Option<&str> {
        self.api.as_deref()
    }

    /// Whether a header says for whom somebody forwards who may not say so. The upstream would believe it.
    ///
    /// A trusted proxy may, in the names as they are written, with letters, digits and hyphens: what is spelled otherwise
    /// came through it from its own caller. So did the one of `Forwarded` and `X-Forwarded-…` that it does not write.
    pub(crate) fn is_pretence(&self, name: &HeaderName) -> bool {
        if !says_for_whom(name) {
            return !self.is_trusted && OTHERS.have(name);
        }
        let standard = *name == header::FORWARDED;
        let is_plain = || name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let believed = || match self.forwarded_header {
            ForwardedHeader::Forwarded => standard,
            ForwardedHeader::XForwardedFor => !standard,
        };
        !(self.is_trusted && believed() && is_plain())
    }

    /// Says for whom the request is forwarded, in the headers that the API's upstream reads, and in no others. Of what trusted
    /// proxies say goes on what can be read; in its place stands what was seen here.
    pub(crate) fn tell_upstream(&self, told: Forwards, client: Client, host: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if !self.is_trusted && told == Forwards::XForwarded {
            // The common case; whatever the caller says of it is gone.
            self.tell_in_common_headers(&Said::default(), host, headers);
            return;
        }
        let said = if self.is_trusted { self.said(headers) } else { Said::default() };
        if told.in_forwarded() {
            self.tell_in_standard_header(&said, host, headers);
        } else {
            headers.remove(header::FORWARDED);
        }
        if told.in_x_forwarded() {
            self.tell_in_common_headers(&said, host, headers);
        } else {
            for name in [FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PROTO] {
                headers.remove(name);
            }
        }
        check_what_was_said(client, headers);
    }

    fn tell_in_common_headers(&self, said: &Said, host: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.forwarded_header == ForwardedHeader::Forwarded {
            for hop in &said.hops {
                let address = hop.address.map(|address| address.to_string());
                let address = address.and_then(|text| HeaderValue::try_from(text).ok());
                add_to_line(headers, FORWARDED_FOR, address.unwrap_or(HeaderValue::from_static("unknown")));
            }
        }
        add_to_line(headers, FORWARDED_FOR, self.peer_header.clone());
        match said.host.as_ref().or(host) {
            Some(host) => headers.insert(FORWARDED_HOST, host.clone()),
            None => headers.remove(FORWARDED_HOST),
        };
        headers.insert(FORWARDED_PROTO, said.scheme.as_ref().unwrap_or(&self.scheme).clone());
    }

    fn tell_in_standard_header(&self, said: &Said, host: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let text = |value: &HeaderValue| value.to_str().ok().map(Into::into);
        let mut own = Hop { address: Some(self.peer), host: host.and_then(text), scheme: text(&self.scheme) };
        let mut elements = Vec::new();
        if self.forwarded_header == ForwardedHeader::XForwardedFor
            && let Some((client, proxies)) = said.hops.split_first()
        {
            // What the proxies say of host and scheme is what the client asked for.
            let host = said.host.as_ref().and_then(text).or(own.host.take());
            let scheme = said.scheme.as_ref().and_then(text).or(own.scheme.take());
            (own.host, own.scheme) = (None, None);
            elements.push(Hop { address: client.address, host, scheme }.to_string());
            elements.extend(proxies.iter().map(Hop::to_string));
        } else if self.forwarded_header == ForwardedHeader::XForwardedFor {
            own.host = said.host.as_ref().and_then(text).or(own.host);
            own.scheme = said.scheme.as_ref().and_then(text).or(own.scheme);
        }
        elements.push(own.to_string());
        if let Ok(value) = HeaderValue::try_from(elements.join(", ")) {
            add_to_line(headers, header::FORWARDED, value);
        }
    }

    /// What trusted proxies say, as far as it makes sense.
    fn said(&self, headers: &HeaderMap) -> Said {
        let hops = vouched(headers, &self.trusted_proxies, self.forwarded_header);
        let last = |name: HeaderName| {
            let value = headers.get_all(name).iter().next_back()?;
            value.to_str().ok()?.rsplit(',').next().map(|item| item.trim().to_owned())
        };
        let (host, scheme) = match self.forwarded_header {
            ForwardedHeader::XForwardedFor => (last(FORWARDED_HOST), last(FORWARDED_PROTO)),
            ForwardedHeader::Forwarded => {
                let first = hops.first();
                let host = first.and_then(|hop| hop.host.as_deref().map(str::to_owned));
                (host, first.and_then(|hop| hop.scheme.as_deref().map(str::to_owned)))
            }
        };
        let host = host.filter(|host| Host::of_authority(host).is_some()).and_then(|host| HeaderValue::try_from(host).ok());
        let scheme = scheme.and_then(|scheme| SCHEMES.into_iter().find(|known| scheme.eq_ignore_ascii_case(known)));
        Said { hops, host, scheme: scheme.map(HeaderValue::from_static) }
    }
}

/// Whether a header says for whom a request is forwarded, in a name that most proxies write.
pub(crate) fn says_for_whom(name: &HeaderName) -> bool {
    *name == header::FORWARDED || begins_like(name, "x-forwarded-") || is_spelled_like(name, REAL_IP.as_str())
}

/// Adds a hop to those that a header lists, in one line: many upstreams read the first line alone, or the last.
fn add_to_line(headers: &mut HeaderMap, name: HeaderName, hop: HeaderValue) {
    match headers.entry(name) {
        Entry::Vacant(none) => {
            none.insert(hop);
        }
        Entry::Occupied(mut lines) => {
            let all: Vec<&[u8]> = lines.iter().chain([&hop]).map(HeaderValue::as_bytes).collect();
            // Values that may stand in headers may do so together.
            match HeaderValue::from_bytes(&all.join(&b", "[..])) {
                Ok(line) => drop(lines.insert(line)),
                Err(_) => lines.append(hop),
            }
        }
    }
}

/// What else trusted proxies have said must not contradict the rest.
fn check_what_was_said(client: Client, headers: &mut HeaderMap) {
    if headers.contains_key(REAL_IP)
        && let Ok(address) = HeaderValue::try_from(client.address().to_string())
    {
        headers.insert(REAL_IP, address);
    }
    let is_port = |value: &HeaderValue| value.to_str().is_ok_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let mut ports = headers.get_all(FORWARDED_PORT).iter();
    if ports.next().is_some_and(|port| !is_port(port) || ports.next().is_some()) {
        headers.remove(FORWARDED_PORT);
    }
}

#[cfg(test)]
mod tests;
