//! The reverse proxy.
//!
//! A [`Gateway`] answers one request at a time: it asks the engine, and only a permit leads on, to the upstream or, for the
//! paths that an API leaves to Bitting, to a local service that whoever builds the gateway hands it. So this crate knows
//! nothing of the pages and resources that Bitting serves itself.
//!
//! It forwards the raw path byte for byte and streams bodies both ways. What it takes out of a request is written down in
//! `outgoing`: hop-by-hop headers, credentials, forged identity. What it leaves to whoever accepts connections: listening,
//! TLS, draining.
//!
//! Rejected: a new head with those headers alone that are known to be harmless. Nobody but the API knows which headers it
//! lives on, so the head goes on as it came and the dangerous ones are listed. Rejected too: a tower layer for each removal.
//! That what callers say is gone before Bitting says its own is what makes identity true, and that order would stand in
//! somebody's wiring instead of in one function.

mod access_line;
mod arriving;
mod authority;
mod body;
mod caller;
mod expectation;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gateway;
mod hop_by_hop;
mod last_api;
mod outgoing;
mod protocol_change;
mod trailers;
mod tunnel;
mod unread;
mod upgrade;
mod upload;
mod upstream;

pub use arriving::{Arriving, ArrivingError, BodyPace};
pub use body::{GatewayBody, LocalBody};
pub use caller::Caller;
pub use gateway::{Gateway, LocalService};
pub use last_api::LastApi;
pub use protocol_change::ProtocolChange;
pub use upstream::{Answer, InvalidTls, check_tls};
