//! What of a request's head goes upstream.

use crate::address::Forwards;
use crate::dialect::Overrides;

/// What an API's upstream is told beside what the caller says; and what of that is believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeadRules {
    /// Which headers may name another method or path.
    pub overrides: Overrides,
    /// In which headers it is told for whom a request is forwarded.
    pub forwards: Forwards,
}
