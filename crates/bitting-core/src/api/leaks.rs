//! What an API does about keys that were found where others can read them.

/// What becomes of a key that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeakAction {
    /// Its owner and the operators are told. An end cannot be taken back, and takes down whatever works with the key; so it is
    /// for those who know what that is, unless they have decided otherwise beforehand.
    #[default]
    Alert,
    /// It is ended at once, and then they are told.
    Revoke,
}

impl LeakAction {
    /// Whether the key ends.
    pub fn revokes(self) -> bool {
        self == Self::Revoke
    }
}
