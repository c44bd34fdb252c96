//! Logs: what happens on standard error, the access log on standard output.

mod json_lines;

use std::io;

use bitting_engine::access;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use self::json_lines::JsonLines;
use crate::config::{LogFormat, LogSettings};

/// How many lines of the access log may wait; more are dropped and counted, so that a slow disk slows no request.
const WAITING_LINES: usize = 16_384;

/// How much of the access log is written with one system call while it is busy.
const WRITE_BYTES: usize = 64 * 1024;

/// Keeps the access log's writer alive; its last lines are written when this is dropped.
pub struct LogGuard {
    _writer: WorkerGuard,
    dropped: ErrorCounter,
    is_pretty: bool,
}

impl LogGuard {
    /// Whether what happens is written for people. If not, each line on standard error is JSON, and nothing else may stand there.
    pub fn is_pretty(&self) -> bool {
        self.is_pretty
    }

    /// Counts the lines of the access log that were dropped.
    pub fn dropped_lines(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

/// Sets logging up for the whole process; the first call counts.
pub fn init(settings: &LogSettings) -> LogGuard {
    // The worker flushes whenever no line waits, so a busy log is written in large pieces and a quiet one at once.
    let out = io::BufWriter::with_capacity(WRITE_BYTES, io::stdout());
    let (lines, writer) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).finish(out);
    let dropped = lines.error_counter();
    // The level was checked when the configuration was read.
    let levels: Targets = settings.level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let happens = levels.with_target(access::TARGET, LevelFilter::OFF);
    let access_wanted = settings.access;
    let accesses = filter_fn(move |event| access_wanted && event.target() == access::TARGET);
    let (err_pretty, out_pretty) = (is_pretty(settings.format, &io::stderr()), is_pretty(settings.format, &io::stdout()));
    let (err_colour, out_colour) = (colour(err_pretty, &io::stderr()), colour(out_pretty, &io::stdout()));
    let events: Box<dyn Layer<Registry> + Send + Sync> = if err_pretty {
        fmt::layer().with_writer(io::stderr).with_ansi(err_colour).with_target(false).boxed()
    } else {
        fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed()
    };
    let requests: Box<dyn Layer<_> + Send + Sync> = if out_pretty {
        fmt::layer().with_writer(lines).with_ansi(out_colour).with_target(false).boxed()
    } else {
        JsonLines(lines).boxed()
    };
    let set = tracing_subscriber::registry().with(events.with_filter(happens)).with(requests.with_filter(accesses)).try_init();
    if set.is_err() {
        tracing::debug!("logging was set up before");
    }
    LogGuard { _writer: writer, dropped, is_pretty: err_pretty }
}

fn is_pretty(format: LogFormat, stream: &impl io::IsTerminal) -> bool {
    match format {
        LogFormat::Auto => stream.is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    }
}

fn colour(pretty: bool, stream: &impl io::IsTerminal) -> bool {
    pretty && stream.is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
