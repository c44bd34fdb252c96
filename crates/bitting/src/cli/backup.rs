//! `bitting backup FILE`

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::context::load;
use super::options::Shared;
use super::output::{note, say_json};
use crate::config::Config;
use crate::failure::{Failure, FailureKind};
use crate::owner::Owner;

/// Writes everything to a new file.
pub(super) async fn run(file: PathBuf, shared: &Shared) -> Result<(), Failure> {
    let Config { apis, store, .. } = load(shared)?;
    if !store.exists() {
        return Err(Failure::of(FailureKind::NotFound, format!("there is no store {} to back up", store.display())));
    }
    let owner = Owner::reach(&store, Arc::new(apis)).await?;
    // A server has a folder of its own that it works in.
    let to = std::path::absolute(file).map_err(Failure::other)?;
    let bytes = owner.back_up(to.clone()).await?;
    if shared.json {
        return say_json(&json!({"file": to, "bytes": bytes}));
    }
    note(&format!("{}: {bytes} bytes, readable by its owner alone", to.display()));
    Ok(())
}
