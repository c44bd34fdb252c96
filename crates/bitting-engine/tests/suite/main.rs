//! The engine with a real SQLite store beneath it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod aging;
mod banning;
mod committing;
mod deciding;
mod doubt;
mod fixture;
mod importing;
mod issuing;
mod limiting;
mod looking;
mod planning;
mod refusing;
mod restarting;
mod revoking;
mod selecting;
mod streaming;
mod stumbling;
mod telling;
mod using;
mod watching;
mod webhooks;
