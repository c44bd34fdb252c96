//! `bitting serve`

use std::sync::Arc;

use bitting_engine::WallClock;
use tokio::signal::unix::{SignalKind, signal};

use super::context::load;
use super::options::Shared;
use super::output::note;
use crate::failure::Failure;
use crate::server::{Server, init_logging, install_metrics};

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) async fn serve(shared: &Shared) -> Result<(), Failure> {
    let config = load(shared)?;
    let log = init_logging(&config.log);
    let metrics = install_metrics(log.dropped_lines())?;
    // Before anything is bound, so that an early signal is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::other)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::other)?;
    let server = Server::start(config, Arc::new(WallClock), metrics).await?;
    if let Some(link) = server.set_up_link().await? {
        tell(&link, log.is_pretty());
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await;
    Ok(())
}

/// Tells whoever starts the server how to set the dashboard up, in the form of what else they are told.
fn tell(link: &str, is_pretty: bool) {
    if is_pretty {
        note(&format!("Nobody can sign in to the dashboard yet. Open this link once, within a week, to set it up:\n  {link}"));
    } else {
        tracing::warn!(link, "nobody can sign in to the dashboard yet; open the link once, within a week, to set it up");
    }
}
