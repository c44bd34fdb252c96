//! What a fuzz target reaches of the way of a head. No other build has it.

use bitting_engine::Permit;
use http::HeaderValue;
use http::request::Parts;
use http_body::Body;

use crate::caller::Caller;
use crate::{authority, outgoing};

/// The authority that a request is for, if it is one that is decided about.
pub fn authority(head: &Parts) -> Option<&str> {
    authority::of(head).filter(|_| authority::is_plainly_coded(&head.headers))
}

/// Turns the head of a permitted request into the one that goes upstream.
pub fn rewrite(head: &mut Parts, body: &impl Body, permit: &Permit, caller: &Caller, id: &HeaderValue) -> Option<()> {
    let client = caller.client(&head.headers);
    outgoing::prepare(head, body, permit, permit.upstream()?, (caller, client), id)
}
