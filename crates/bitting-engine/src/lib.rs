//! The running key ring.
//!
//! An [`Engine`] holds every key in memory (the ring), decides about requests ([`Engine::decide`]) and lets changes through
//! one writer ([`Engine::commit`]). Memory is the read path and the store is the log: a decision does no I/O, and a change
//! is in memory before it is acknowledged.
//!
//! The decision is free of any transport. An [`Inquiry`] is what a gateway, a forward-auth endpoint or a library knows of a
//! request; a [`Decision`] is a [`Permit`], a [`Denial`] with its ready answer, or the answer to a CORS preflight. A
//! `Permit` cannot be made outside this crate, so whoever forwards only with one in hand forwards nothing undecided. A
//! function that returns `bool` was rejected: it can be ignored, and it cannot say for whom.

pub mod access;
mod apis;
mod bans;
mod clock;
mod customer;
mod decision;
mod delegation;
mod desk;
mod engine;
mod entropy;
mod feed;
mod heartbeat;
mod imported;
mod inquiry;
mod leaks;
mod lifecycle;
mod metering;
mod meters;
mod open_streams;
mod pipeline;
mod refused;
mod request_id;
mod ring;
mod stopping;
mod usage;
mod watch;
mod webhooks;
mod writer;

pub use apis::{Apis, ApisError, ServedApi};
pub use clock::{Clock, ManualClock, WallClock};
pub use decision::{Admission, AnswerFor, Bearer, Decision, Denial, Permit};
pub use delegation::Holder;
pub use desk::{
    Guest, InvalidChange, Invitation, Issued, KeySpec, Overlap, SECRET_OVERLAP, SignedWith, Violation, WebhookSpec,
    leak_violations,
};
pub use engine::{CommitError, Engine, EngineOptions, EngineStatus, OtherNames, StartError, check_change};
pub use entropy::{Entropy, EntropyError};
pub use imported::{ImportFinding, RowProblem, Sheet, SheetFormat, SheetPart, import_id, preview_import};
pub use inquiry::{Inquiry, Presented, Scope};
pub use leaks::Unrecognised;
pub use lifecycle::{NotRenewed, renewal};
pub use metering::{Allowance, LimitLeft, Limited};
pub use open_streams::OpenStream;
pub use refused::LimitHit;
pub use request_id::{RequestId, RequestIds};
pub use usage::{ReasonCount, UsagePoint, UsageReport, UsageStep, UsedRoute};
