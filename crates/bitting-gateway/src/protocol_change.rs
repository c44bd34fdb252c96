//! Whether a connection still speaks HTTP, for whoever holds its socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Told when a connection stops to be HTTP. Whoever holds its socket has to leave alone then what hyper would have it do at the
/// end of a message.
#[derive(Debug, Clone, Default)]
pub struct ProtocolChange(Arc<AtomicBool>);

impl ProtocolChange {
    /// Whether the connection has changed.
    pub fn has_happened(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn happens(&self) {
        self.0.store(true, Ordering::Release);
    }
}
