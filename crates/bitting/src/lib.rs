//! The binary's parts: command line, configuration, wiring.
//!
//! It is a library so that tests can run the same wiring in their own process with a clock in hand; the binary only calls
//! [`cli::run`].

pub mod certificates;
pub mod cli;
pub mod config;
pub mod demo;
pub mod failure;
pub mod owner;
pub mod server;
