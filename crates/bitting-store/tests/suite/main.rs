//! What every store must do ([`contract`]), and what only the SQLite one can show: how it opens, what a damaged row
//! spoils, and what survives when the disk loses what was never synced.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod chain;
mod contract;
mod damage;
mod fixture;
mod opening;
mod power_loss;
