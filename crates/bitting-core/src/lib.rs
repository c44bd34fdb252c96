//! What Bitting decides, as pure functions.
//!
//! This crate knows what a key looks like ([`key`]), what a key may do ([`rights`]), which rule holds for a path
//! ([`route`]), how much it may do ([`limit`]), how an API speaks ([`dialect`]) and what is remembered of a key ([`record`]). An [`api::Api`] is all of
//! that for one protected API, compiled from configuration.
//!
//! Nothing here reads a clock, a random number, a socket or a file, and nothing waits: time, randomness and the request
//! are arguments. So every decision can be tested by calling it, and the same code serves the gateway, the verify
//! endpoint and, later, a library. The alternative, a middleware for one web framework, would have tied the decision to one
//! transport.

pub mod account;
pub mod address;
pub mod api;
pub mod ban;
pub mod dialect;
pub mod duration;
pub mod event;
pub mod hexadecimal;
mod id;
pub mod key;
pub mod limit;
pub mod location;
pub mod member;
pub mod name;
pub mod reason;
pub mod record;
pub mod rights;
pub mod route;
pub mod size;
pub mod time;
pub mod traffic;
pub mod webhook;
