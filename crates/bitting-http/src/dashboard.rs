//! The dashboard: where people make keys, see what they did, and end them.
//!
//! Pages are written by the server and need no script. A page is a struct in [`view`] that takes rows and plain values and
//! does no I/O; a handler reads, fills it in and [`respond`]s. A client-side application was rejected: it would need an
//! interface of its own to keep, and nothing here waits for anything but the server.

#![expect(dead_code, unused_imports, reason = "the handlers that use the pages come next")]

mod assets;
mod fields;
#[cfg(test)]
mod fixture;
mod keys;
mod respond;
mod view;

pub(crate) use assets::asset;
pub(crate) use respond::respond;
