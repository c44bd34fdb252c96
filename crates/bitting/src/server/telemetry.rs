//! Metrics, gathered for the process and written in Prometheus' text format.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bitting_http::Metrics;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing_appender::non_blocking::ErrorCounter;

use crate::failure::Failure;

/// Upper bounds in seconds for a decision, which takes well under a microsecond.
const DECISION_BUCKETS: [f64; 9] = [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 1e-4, 1e-3];

/// Upper bounds in seconds for a commit, which waits for the disk.
const COMMIT_BUCKETS: [f64; 9] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];

/// Upper bounds for the number of changes in a commit.
const CHANGE_BUCKETS: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 128.0, 256.0];

/// How often samples are gathered into their buckets, so that they do not pile up when nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the process's recorder. Must run inside the runtime, before the engine is opened.
///
/// # Errors
/// If there is a recorder already.
pub fn install(dropped_lines: ErrorCounter) -> Result<Metrics, Failure> {
    let exact = |name: &str| Matcher::Full(name.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(exact("bitting_decision_seconds"), &DECISION_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(exact("bitting_commit_seconds"), &COMMIT_BUCKETS))
        .and_then(|builder| builder.set_buckets_for_metric(exact("bitting_commit_changes"), &CHANGE_BUCKETS))
        .map_err(Failure::other)?;
    let handle = builder.install_recorder().map_err(Failure::other)?;
    let gatherer = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            gatherer.run_upkeep();
        }
    });
    Ok(Arc::new(move || {
        let mut text = handle.render();
        let name = "bitting_access_lines_dropped_total";
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} Lines of the access log that were dropped because its writer was too slow.");
        let _ = writeln!(text, "# TYPE {name} counter\n{name} {}", dropped_lines.dropped_lines());
        text
    }))
}
