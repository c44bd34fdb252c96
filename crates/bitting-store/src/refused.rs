//! What was asked for and refused, of late.
//!
//! Usage says how often something was refused, to the hour and for as long as the API keeps it; this says what it was, so that
//! whoever holds a key sees what it lacks. It is a few lines for each key, since a program that is refused is refused the same again
//! and again: requests of one kind that follow one another are one line.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// Requests of one kind that were refused, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    /// What they asked for.
    #[serde(flatten)]
    pub request: RefusedRequest,
    /// When the first of them was refused.
    pub first: Timestamp,
    /// When the last of them was.
    pub last: Timestamp,
    /// How many they were.
    pub times: u64,
}

/// A request that was refused. Two that are the same in all of this are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefusedRequest {
    /// The API's name.
    pub api: Box<str>,
    /// The key that it came with, if that was known.
    pub bearer: Option<RefusedBearer>,
    /// The name of the reason.
    pub reason: Box<str>,
    /// The permission, role or capability that was missing, or the limit that refused, by its name; empty for other reasons.
    pub wanted: Box<str>,
    /// Its method; empty if it is none of those that HTTP knows, since whoever makes one up may write anything.
    pub method: Box<str>,
    /// The pattern of the route, as in `GET /v1/tasks/*`; empty where none was found. Never the path, which may hold secrets.
    pub route: Box<str>,
    /// From where it came, if that is known. Of one kind of request a few addresses are told apart at a time; those from further ones
    /// are put together and have none.
    pub address: Option<IpAddr>,
}

/// A key that was refused something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefusedBearer {
    /// The key.
    pub key: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Its environment.
    pub environment: Box<str>,
}

/// Refused requests to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What they asked for, when, and how many they were.
    pub row: RefusedRow,
    /// They go on with what is there of their kind if that ended at most so long before them.
    pub within: Duration,
}

/// Which refused requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedQuery {
    /// The API's name.
    pub api: Box<str>,
    /// Whose.
    pub of: RefusedOf,
    /// Those with keys of one environment, or all.
    pub environment: Option<Box<str>>,
    /// Those for one of these reasons, by their names; empty is for any.
    pub reasons: Vec<Box<str>>,
    /// The most rows to return.
    pub limit: usize,
}

/// Whose refused requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedOf {
    /// Those with this key.
    Key(KeyId),
    /// Those with any key of this account.
    Account(AccountId),
    /// Those without a key that was known.
    Keyless,
    /// All of them.
    Api,
}

/// What was refused of late.
#[async_trait]
pub trait RefusedReader: Send + Sync {
    /// Refused requests, the latest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn refused(&self, query: RefusedQuery) -> Result<Vec<RefusedRow>, StoreError>;
}

/// How many rows are kept of each key. Of more the latest are.
pub const KEPT_OF_KEY: usize = 20;

/// How many rows are kept of an API's requests without a known key.
pub const KEPT_OF_KEYLESS: usize = 200;
