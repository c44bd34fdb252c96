//! Texts that somebody has found, and whose keys they are.

use std::sync::Arc;

use bitting_core::dialect::Credential;
use bitting_core::reason::Reason;
use bitting_core::record::Record;

use crate::apis::ServedApi;
use crate::engine::Engine;
use crate::pipeline::{IfUnproven, Miss, recognise};

/// Whether a text is a key cannot be told now: the keys are not in memory, or too many slow hashes wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whether this is a key cannot be told at the moment")]
pub struct Unrecognised;

impl Engine {
    /// The record of the key of an API whose text this is, whatever its state; `None` if it is no key of this API. Where only a
    /// slow hash can tell, this takes as long as the hash.
    ///
    /// # Errors
    /// If it cannot be told now.
    pub async fn recognise(&self, api: &ServedApi, text: &[u8]) -> Result<Option<Arc<Record>>, Unrecognised> {
        let credential = Credential::Borrowed(text);
        let mut unproven = IfUnproven::Wait;
        loop {
            let miss = match recognise(api, &credential, self.ring(), unproven) {
                Ok(recognised) => return Ok(Some(recognised.record)),
                Err(miss) => miss,
            };
            unproven = match miss {
                Miss::Unproven(claim) => self.after_proof(claim).await,
                Miss::Refused(Reason::StoreUnavailable) => return Err(Unrecognised),
                Miss::Refused(_) => return Ok(None),
            };
        }
    }
}
