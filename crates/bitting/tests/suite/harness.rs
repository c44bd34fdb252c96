//! What the tests are made of: a running Bitting, an upstream that records, clients.

mod authenticator;
mod bitting;
mod browser;
mod clients;
mod companion;
pub(crate) mod dns;
mod http;
mod person;
pub(crate) mod raw_upstream;
mod receiver;
mod servers;
pub(crate) mod tls;
mod traces;
mod upstream;

pub(crate) use authenticator::code;
pub(crate) use bitting::{Bitting, Issued, Output, run, run_into, run_with_socket};
pub(crate) use browser::{Browser, Look, Scheme};
pub(crate) use clients::{Client, document};
pub(crate) use companion::Companion;
pub(crate) use http::{Reply, get, post, raw, request};
pub(crate) use person::{Person, form, hidden};
pub(crate) use receiver::{Got, Receiver, Reception};
pub(crate) use servers::{Seen, Server};
pub(crate) use traces::Traces;
pub(crate) use upstream::{Recorded, Upstream};
