//! `bitting audit head` and `bitting audit verify`

use bitting_store::AuditHead;

use super::context::Context;
use super::options::Shared;
use super::output::{note, say, say_json, to_json};
use crate::failure::{Failure, FailureKind};

/// Prints the end of the audit log.
pub(super) async fn head(shared: &Shared) -> Result<(), Failure> {
    let head = Context::new(shared).await?.owner.audit_head().await?;
    if shared.json { say_json(&head) } else { say(&head.to_string()) }
}

/// Looks at the whole log.
pub(super) async fn verify(kept: Option<AuditHead>, shared: &Shared) -> Result<(), Failure> {
    let verdict = Context::new(shared).await?.owner.verify_audit(kept).await?;
    if let Some(fault) = verdict.fault {
        if shared.json {
            say(&to_json(&verdict)?)?;
        }
        let message = format!("{fault}\nthe {} rows before it are as they were written", verdict.rows);
        return Err(Failure::of(FailureKind::Refused, message));
    }
    if shared.json {
        return say_json(&verdict);
    }
    say(&format!("{} changes, each as it was written; the record ends with {}", verdict.rows, verdict.head))?;
    if kept.is_none() {
        note(
            "Who can write the store can write a whole new record. Keep `bitting audit head` elsewhere, and give it with --head.",
        );
    }
    Ok(())
}
