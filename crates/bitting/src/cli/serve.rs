//! `bitting serve`

use std::sync::Arc;

use bitting_engine::WallClock;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::context::{configured, load_files, load_files_with, usable};
use super::options::Shared;
use super::output::note;
use crate::config::Problem;
use crate::failure::Failure;
use crate::server::{HandedOver, NotReloaded, Reread, Server, Surroundings, init_logging, install_metrics};

/// Serves until SIGTERM or SIGINT, then drains; a second one ends it at once. SIGHUP reads the configuration anew.
pub(super) async fn serve(shared: &Shared, handed_over: HandedOver) -> Result<(), Failure> {
    let files = configured(shared)?;
    let config = usable(load_files(&files, shared)?)?;
    let overrides = shared.set.clone();
    let reread: Reread = Arc::new(move |names| load_files_with(&files, &overrides, names));
    let log = init_logging(&config.log);
    let metrics = install_metrics(log.dropped_lines())?;
    // Before anything is bound, so that an early signal is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::other)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::other)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::other)?;
    let server =
        Server::start(config, Surroundings { reread: Some(reread), handed_over }, Arc::new(WallClock), metrics).await?;
    if let Some(link) = server.set_up_link().await? {
        tell(&link, log.is_pretty());
    }
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => reload(&server).await,
        }
    }
    let hurry = CancellationToken::new();
    let second = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("told to stop a second time: what is in progress is cut");
        hurry.cancel();
        std::future::pending().await
    };
    tokio::select! {
        () = server.stop_unless(&hurry) => Ok(()),
        never = second => never,
    }
}

/// Reads the configuration anew, for somebody who sees only the log.
async fn reload(server: &Server) {
    match server.house().reload().await {
        Ok((_, problems)) => problems.0.iter().for_each(log),
        Err(NotReloaded::Wrong(problems)) => {
            problems.0.iter().for_each(log);
            tracing::error!(errors = problems.counts().0, "the configuration is wrong; the old one stays in force");
        }
        Err(NotReloaded::Failed(error)) => {
            tracing::error!(%error, "the configuration cannot be put in force; the old one stays");
        }
    }
}

fn log(problem: &Problem) {
    let ((line, column), file) = (problem.at.line_and_column(), &problem.at.source.name);
    let (message, help) = (&problem.message, problem.help.as_deref());
    if problem.is_warning {
        tracing::warn!(file, line, column, help, "{message}");
    } else {
        tracing::error!(file, line, column, help, "{message}");
    }
}

/// Tells whoever starts the server how to set the dashboard up, in the form of what else they are told.
fn tell(link: &str, is_pretty: bool) {
    if is_pretty {
        note(&format!("Nobody can sign in to the dashboard yet. Open this link once, within a week, to set it up:\n  {link}"));
    } else {
        tracing::warn!(link, "nobody can sign in to the dashboard yet; open the link once, within a week, to set it up");
    }
}
