//! `bitting demo`: the five examples at work, each before a sample of the API that it describes.
//!
//! Nothing in it is special: the examples' files are read as they are, with the same overrides that `--set` makes, and
//! served by the same server. Only the upstreams are made up.

mod tour;
mod upstream;

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bitting_engine::WallClock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{self, LogFormat, LogSettings, Source};
use crate::failure::Failure;
use crate::server::{Server, Surroundings, init_logging, install_metrics};

/// The examples: name and file. The first listener of its own that an API gets is ten ports above the gateway's.
const EXAMPLES: [(&str, &str); 5] = [
    ("backboard", include_str!("../../../examples/backboard.toml")),
    ("backbone", include_str!("../../../examples/backbone.toml")),
    ("launchboard", include_str!("../../../examples/launchboard.toml")),
    ("product-api", include_str!("../../../examples/product-api.toml")),
    ("csboard", include_str!("../../../examples/csboard.toml")),
];

/// Where things are in a running demo.
#[derive(Debug, Clone, Copy)]
struct Ports {
    gateway: u16,
}

impl Ports {
    fn service(self) -> u16 {
        self.gateway + 1
    }

    /// The port of one API alone.
    fn of(self, position: usize) -> u16 {
        self.gateway + 11 + u16::try_from(position).unwrap_or_default()
    }

    /// The port of a sample upstream; the sandbox is the second one.
    fn upstream(self, sandbox: bool) -> u16 {
        self.gateway + 21 + u16::from(sandbox)
    }

    /// All that the server listens on.
    fn of_server(self) -> impl Iterator<Item = u16> {
        [self.gateway, self.service()].into_iter().chain((0..EXAMPLES.len()).map(move |position| self.of(position)))
    }

    /// Where upstreams are expected, in words.
    fn upstreams(self) -> String {
        let (production, sandbox) = (self.upstream(false), self.upstream(true));
        format!("on 127.0.0.1:{production}, and on 127.0.0.1:{sandbox} for the test keys of product-api")
    }
}

/// Runs until it is interrupted.
///
/// # Errors
/// If a port or the folder cannot be had.
pub async fn run(port: u16, keep: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    if port > u16::MAX - 30 {
        return Err(Failure::new(format!("the demo needs thirty ports from {port} on\nwrite --port with a smaller number")));
    }
    let ports = Ports { gateway: port };
    for port in ports.of_server() {
        // The server says what to do to somebody with a configuration; here there is only --port.
        drop(listen(port).await?);
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::other)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::other)?;
    let temporary = tempfile::tempdir().map_err(Failure::other)?;
    let folder = keep.as_deref().unwrap_or(temporary.path());
    let config = configuration(ports, folder, keep.is_some())?;
    let log = init_logging(&LogSettings { format: LogFormat::Pretty, level: "warn".to_owned(), access: false });
    let metrics = install_metrics(log.dropped_lines())?;
    let production = upstream::start(ports.upstream(false), "production").await?;
    let sandbox = upstream::start(ports.upstream(true), "sandbox").await?;
    let server = Server::start(config, Surroundings::default(), Arc::new(WallClock), metrics).await?;
    let tour = tour::prepare(server.engine(), ports).await?;
    tour.print(json, keep.as_deref())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    server.stop().await;
    production.abort();
    sandbox.abort();
    Ok(())
}

async fn listen(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        let cure = "write --port with another number; the demo uses thirty ports from there on";
        Failure::new(format!("the demo cannot listen on 127.0.0.1:{port}: {error}\n{cure}"))
    })
}

fn configuration(ports: Ports, folder: &Path, keep: bool) -> Result<config::Config, Failure> {
    let mut sources: Vec<Source> = EXAMPLES
        .iter()
        .map(|(name, text)| Source { name: format!("examples/{name}.toml"), text: (*text).to_owned() })
        .collect();
    sources.push(Source { name: "demo.toml".to_owned(), text: listeners(ports) });
    let overrides = overrides(ports);
    if keep {
        keep_files(folder, &sources, &overrides, ports)?;
    }
    let loaded = config::load(sources, &overrides, folder, &Arc::default());
    loaded.config.ok_or_else(|| Failure::new(loaded.problems.render(false)))
}

/// The gateway for all, one for each, and the service listener.
fn listeners(ports: Ports) -> String {
    let mut text = format!("[[listen]]\naddress = \"127.0.0.1:{}\"\nserve = [\"gateway\"]\n", ports.gateway);
    for (position, (name, _)) in EXAMPLES.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[listen]]\naddress = \"127.0.0.1:{}\"\nserve = [\"gateway\"]\napi = \"{name}\"\n",
            ports.of(position)
        );
    }
    let _ = write!(
        text,
        "\n[[listen]]\naddress = \"127.0.0.1:{}\"\nserve = [\"dashboard\", \"verify\", \"metrics\", \"health\"]\n",
        ports.service()
    );
    text
}

/// What differs from the examples as they are: a host for each, the sample upstreams, and where the code of the documentation
/// reaches the API.
fn overrides(ports: Ports) -> Vec<String> {
    let (production, sandbox) = (ports.upstream(false), ports.upstream(true));
    let mut overrides = Vec::new();
    for (position, (name, _)) in EXAMPLES.into_iter().enumerate() {
        overrides.push(format!("api.{name}.hosts=[\"{name}.localhost\"]"));
        overrides.push(format!("api.{name}.docs.base_url=http://127.0.0.1:{}", ports.of(position)));
        overrides.push(if name == "product-api" {
            format!("api.{name}.upstream={{ live = \"http://127.0.0.1:{production}\", test = \"http://127.0.0.1:{sandbox}\" }}")
        } else {
            format!("api.{name}.upstream=http://127.0.0.1:{production}")
        });
    }
    overrides
}

/// Leaves the configuration beside the store, with the command that serves it again.
fn keep_files(folder: &Path, sources: &[Source], overrides: &[String], ports: Ports) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Whoever tries the demo has mostly not installed anything yet.
    let program = std::env::current_exe().map_err(Failure::other)?;
    let mut command = format!(
        "#!/bin/sh\n# Serves the demo's APIs again. The sample upstreams are not part of it; start your own\n# {}.\n",
        ports.upstreams()
    );
    let _ = write!(command, "cd \"$(dirname \"$0\")\" && exec {} serve", quoted(&program.to_string_lossy()));
    for source in sources {
        let name = Path::new(&source.name).file_name().unwrap_or_default();
        std::fs::write(folder.join(name), &source.text).map_err(failed)?;
        let _ = write!(command, " \\\n  --config {}", name.to_string_lossy());
    }
    for argument in overrides {
        let _ = write!(command, " \\\n  --set {}", quoted(argument));
    }
    command.push('\n');
    let script = folder.join("serve.sh");
    std::fs::write(&script, command).map_err(failed)?;
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).map_err(failed)
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
