//! What every store must do ([`contract`]), and what only the SQLite one can show: how it opens, and what survives when
//! the disk loses what was never synced.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod contract;
mod fixture;
mod opening;
mod power_loss;
