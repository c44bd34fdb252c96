//! Telling others what happened: webhooks by the Standard Webhooks specification.
//!
//! A [`Notifier`] is one task beside the engine. It reads the events that the store has, writes a delivery down for each endpoint that
//! wants to hear of one, sends what is due, and writes down what came of it. Nothing of it is on a request's path, and a crash at any
//! moment loses nothing: an event is passed only when its deliveries are on the disk, and a delivery is done only when its outcome is.
//!
//! A [`Sender`] connects by itself and does not use a client with a pool: each message has a connection of its own, so the address that
//! is checked is the address that is connected to, there is nothing that could follow a redirect or ask a proxy, and one slow endpoint
//! has no connection that another waits for. reqwest was rejected for that: all of it would have had to be switched off.

mod attempt;
mod body;
mod connect;
mod failure;
mod lanes;
mod message;
mod meters;
mod notifier;
mod resolve;
mod roots;
mod sender;

pub use failure::Failure;
pub use message::Message;
pub use notifier::{Notifier, NotifierSettings};
pub use resolve::{Resolve, SystemResolver, Turn};
pub use roots::{InvalidRoots, Roots};
pub use sender::{Exchange, Response, Sender};
