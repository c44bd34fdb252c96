//! How far members have read.

use async_trait::async_trait;
use bitting_core::member::MemberId;

use crate::error::StoreError;

/// Who has read which events. Like the time when somebody was last there, a mark changes nothing that anybody else sees, so it is
/// no [`Change`](crate::Change) and has no audit row.
#[async_trait]
pub trait EventMarks: Send + Sync {
    /// The number of the last event of an API that a member has read; zero before they have marked any.
    ///
    /// # Errors
    /// If the store cannot be read.
    async fn read_up_to(&self, member: MemberId, api: &str) -> Result<u64, StoreError>;

    /// Marks the events of an API up to a number as read by a member. A mark does not go back.
    ///
    /// # Errors
    /// If the store cannot be written.
    async fn mark_read(&self, member: MemberId, api: &str, number: u64) -> Result<(), StoreError>;
}
