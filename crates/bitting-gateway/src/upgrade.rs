//! Requests that ask for another protocol on their connection (RFC 9110, section 7.8).
//!
//! A request asks only if its route allows the protocol; otherwise it goes on as an ordinary one and `Upgrade` is removed, as the
//! RFC lets every server do. The connection changes only when the upstream has answered 101 with the protocol that was asked
//! for: a proxy that believes in an upgrade the upstream refused passes requests on that nobody decided about.

use bitting_core::route::Upgrades;
use http::header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, Version};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use crate::upstream::HeldSlot;

/// An upgrade that was asked for.
pub(crate) struct Upgrade {
    protocol: HeaderValue,
    caller: OnUpgrade,
}

/// Both sides of an upgrade that the upstream has agreed to, once hyper lets go of their connections.
pub(crate) struct Agreed {
    protocol: HeaderValue,
    pub(crate) caller: OnUpgrade,
    pub(crate) upstream: OnUpgrade,
    /// The upstream's server counts the connection as long as this is there.
    pub(crate) slot: Option<HeldSlot>,
}

impl Upgrade {
    /// What a request asks for, if it may. One with a body asks for nothing: what stands behind the body would be of one protocol
    /// or of the other, as each server likes.
    pub(crate) fn asked(head: &mut Parts, body: &impl Body, allowed: &Upgrades) -> Option<Self> {
        let caller = head.extensions.remove::<OnUpgrade>()?;
        if head.version != Version::HTTP_11 || !body.is_end_stream() || !items(&head.headers, &CONNECTION).any(is_upgrade) {
            return None;
        }
        let protocol = items(&head.headers, &UPGRADE).find_map(|name| allowed.find(name))?;
        Some(Self { protocol: HeaderValue::from_str(protocol.as_str()).ok()?, caller })
    }

    /// Writes it into the head of a request from which everything was removed that belongs to a connection.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        write(&self.protocol, headers);
    }

    /// Both sides, if the upstream changed to what was asked for: the protocol, and one of the subprotocols that it was offered.
    pub(crate) fn agreed<B>(self, offered: &[HeaderValue], response: &mut Response<B>) -> Option<Agreed> {
        let headers = response.headers();
        let is_what_was_asked = {
            let mut protocols = items(headers, &UPGRADE);
            let is_it = |name: &str| name.as_bytes().eq_ignore_ascii_case(self.protocol.as_bytes());
            protocols.next().is_some_and(is_it) && protocols.next().is_none()
        };
        let was_offered = |chosen: &str| offered.iter().flat_map(list).any(|offer| offer == chosen);
        if !is_what_was_asked
            || !items(headers, &CONNECTION).any(is_upgrade)
            || !items(headers, &SEC_WEBSOCKET_PROTOCOL).all(was_offered)
        {
            return None;
        }
        let upstream = response.extensions_mut().remove::<OnUpgrade>()?;
        let slot = response.extensions_mut().remove::<HeldSlot>();
        Some(Agreed { protocol: self.protocol, caller: self.caller, upstream, slot })
    }
}

impl Agreed {
    /// Writes it into the head of an answer from which everything was removed that belongs to a connection.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        write(&self.protocol, headers);
    }
}

fn write(protocol: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, protocol.clone());
}

fn is_upgrade(option: &str) -> bool {
    option.eq_ignore_ascii_case("upgrade")
}

/// The items of a header that is a list, in all its lines.
fn items<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().flat_map(list)
}

fn list(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
}
