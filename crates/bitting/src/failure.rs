//! Why a command failed, and with which exit code.

use std::fmt;
use std::process::ExitCode;

use bitting_engine::{CommitError, InvalidChange, StartError};
use bitting_store::{Refusal, StoreError};

/// What is printed on standard error, and the exit code.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    message: String,
}

/// What a script can tell failures apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Anything else: 1.
    Other = 1,
    /// The options are wrong, or one is missing: 2, as clap has it.
    Options = 2,
    /// The configuration is wrong: 3.
    Configuration = 3,
    /// What was named does not exist: 4.
    NotFound = 4,
    /// What was asked for is wrong, or not allowed: 5.
    Refused = 5,
    /// The store cannot be had: 6.
    Store = 6,
    /// Some of what was to be looked at could not be read: 7.
    Incomplete = 7,
}

impl Failure {
    /// A failure of no special kind.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Other, message)
    }

    /// A failure of a kind.
    pub fn of(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An error that says enough by itself.
    pub fn other(error: impl fmt::Display) -> Self {
        Self::new(error.to_string())
    }

    /// Its kind.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Its exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(FailureKind::Store, error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Entropy(error) => Self::other(error),
        }
    }
}

impl From<InvalidChange> for Failure {
    fn from(error: InvalidChange) -> Self {
        match &error {
            InvalidChange::Fields(violations) => {
                let lines: Vec<String> = violations.iter().map(|v| format!("{}: {}", v.field, v.message)).collect();
                Self::of(FailureKind::Refused, lines.join("\n"))
            }
            InvalidChange::Entropy(error) => Self::other(error),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::NoSuchAccount(_) | Refusal::NoSuchKey(_) | Refusal::NoSuchMember(_) | Refusal::NoSuchWebhook(_) => {
                FailureKind::NotFound
            }
            Refusal::AccountExists(_)
            | Refusal::KeyExists(_)
            | Refusal::KeyRevoked(_)
            | Refusal::NotYours
            | Refusal::TooManyKeys(..)
            | Refusal::Changed(_)
            | Refusal::IdempotencyKeyReused
            | Refusal::AlreadyRotated(..)
            | Refusal::NotRenewed(_)
            | Refusal::MemberExists
            | Refusal::MemberDisabled
            | Refusal::LinkSpent
            | Refusal::CodeUsed
            | Refusal::TooManyWebhooks(_)
            | Refusal::TooManyTests(..)
            | Refusal::LastOperator => FailureKind::Refused,
            Refusal::Damaged(_) => FailureKind::Store,
        };
        Self::of(kind, refusal.to_string())
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Invalid(invalid) => invalid.into(),
            CommitError::Exceeds(_) => Self::of(FailureKind::Refused, error.to_string()),
            CommitError::Refused(refusal) => refusal.into(),
            CommitError::Store(error) => Self::of(FailureKind::Store, error.to_string()),
            CommitError::Stopping => Self::of(FailureKind::Store, "the server is stopping; try again when it is up"),
            CommitError::Broken => Self::of(FailureKind::Store, error.to_string()),
        }
    }
}
