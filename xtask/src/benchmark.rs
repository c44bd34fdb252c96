//! `cargo xtask bench`.

use crate::command::Failed;

pub(crate) fn run() -> Result<(), Failed> {
    Ok(())
}
