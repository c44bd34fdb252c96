//! What Bitting answers itself.
//!
//! Two routers: [`service`] for the service listener, where operators and their programs ask, and [`reserved`] for the paths
//! that a protected API leaves to Bitting on the gateway. Bitting's own API is guarded like any other: the same pipeline
//! decides about each request before a handler sees it.

mod caller;
mod conditional;
mod dashboard;
pub mod docs;
mod fault;
mod guard;
mod health;
mod idempotency;
mod json;
mod limits;
mod management;
mod metrics;
mod nullable;
pub mod openapi;
mod page;
mod presented;
mod reserved;
mod service;
mod standing;
mod verify;
mod whoami;

pub use dashboard::{DashboardSettings, InvalidPublicUrl, NotWelcomed, PublicUrl, one_time_link, welcome};
pub use metrics::Metrics;
pub use reserved::reserved;
pub use service::{Part, Peer, service};
