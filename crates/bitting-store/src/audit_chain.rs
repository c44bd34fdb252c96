//! The audit log as a chain: what it is worth as evidence.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use bitting_core::hexadecimal;
use bitting_core::record::Sequence;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// The end of the audit log: the last row's number and the hash that covers it and every row before it. Whoever keeps one elsewhere
/// can tell later whether the log up to it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AuditHead {
    /// The number of the last row; zero where there is none.
    pub sequence: Sequence,
    /// SHA-256.
    pub hash: [u8; 32],
}

/// What a look at the whole log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// How many rows were looked at.
    pub rows: u64,
    /// Where the log ends.
    pub head: AuditHead,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

/// What is wrong with an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AuditFault {
    /// A row does not fit its hash, or its hash not the row before it.
    #[error(
        "the row of commit {} does not follow from the rows before it: it was altered, or moved here from elsewhere, or the row \
         before it was altered and hashed anew",
        .0.0
    )]
    Altered(Sequence),
    /// A row has a number that no change has.
    #[error("the row with the number {0} was added: no change has that number")]
    Added(i64),
    /// Rows are not there any more.
    #[error("rows are missing: after commit {} comes commit {}", .0.0, .1.0)]
    Missing(Sequence, Sequence),
    /// The last rows are not there any more.
    #[error("the last rows are missing: the log ends with commit {}, and {} was made", .0.0, .1.0)]
    CutOff(Sequence, Sequence),
    /// The row of a head that was kept elsewhere has another hash now, or is not there.
    #[error("the log is another one than the head that was kept: at commit {} it differs, or before", .0.0)]
    OtherLog(Sequence),
}

/// Whoever looks whether the log is what was written.
#[async_trait]
pub trait AuditChain: Send + Sync {
    /// Looks at every row; a head that was kept elsewhere must be among them.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn verify_audit(&self, kept: Option<AuditHead>) -> Result<AuditVerdict, StoreError>;

    /// The end of the log.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn audit_head(&self) -> Result<AuditHead, StoreError>;
}

/// A text that is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the head of an audit log, which is a number, \":\" and 64 hexadecimal digits")]
pub struct InvalidAuditHead(String);

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence.0, hexadecimal::digits(&self.hash))
    }
}

impl FromStr for AuditHead {
    type Err = InvalidAuditHead;

    fn from_str(text: &str) -> Result<Self, InvalidAuditHead> {
        let invalid = || InvalidAuditHead(text.chars().take(100).collect());
        let (number, digits) = text.trim().split_once(':').ok_or_else(invalid)?;
        let hash = hexadecimal::bytes(digits).and_then(|bytes| bytes.try_into().ok()).ok_or_else(invalid)?;
        Ok(Self { sequence: Sequence(number.parse().map_err(|_| invalid())?), hash })
    }
}

impl From<AuditHead> for String {
    fn from(head: AuditHead) -> Self {
        head.to_string()
    }
}

impl TryFrom<String> for AuditHead {
    type Error = InvalidAuditHead;

    fn try_from(text: String) -> Result<Self, InvalidAuditHead> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_and_nothing_else_does() {
        let head = AuditHead { sequence: Sequence(17), hash: [0xab; 32] };
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in
            ["", "17", "17:", "17:ab", &head.to_string()[..60], &format!("{head}0"), &head.to_string().replace('a', "g")]
        {
            assert!(wrong.parse::<AuditHead>().is_err(), "{wrong}");
        }
    }
}
