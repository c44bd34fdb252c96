//! The built binary before a real upstream, spoken to by real clients.
//!
//! A test whose name begins with the number of a promise (`bb3_…`) proves a part of that promise; `docs/promises.md` lists
//! them. Everything that a run writes stays below the target folder until the next one, and is searched for keys.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod auditing;
mod backboard;
mod backbone;
mod backing_up;
mod bad_input;
mod browsing;
mod check;
mod cli;
mod csboard;
mod dashboard;
mod demo;
mod docs;
mod documentation;
mod doors;
mod first_steps;
mod gateway;
mod harbour;
mod harness;
mod importing;
mod kill;
mod launchboard;
mod limits;
mod managing;
mod observability;
mod openapi;
mod product_api;
mod promises;
mod scanning;
mod verify;
mod webhooks;
mod with_a_clock;
