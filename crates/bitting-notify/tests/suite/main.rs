//! Sending to real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aiming;
mod answering;
mod fixture;
mod securing;
