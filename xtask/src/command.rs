//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a chore failed.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

/// A program to run; it says what it is before it runs.
pub(crate) struct Program(Command);

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root());
        Self(command)
    }

    /// The cargo that runs this.
    pub(crate) fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Runs it and waits for it to succeed.
    pub(crate) fn run(mut self) -> Result<(), Failed> {
        println!("$ {}", self.line());
        let status = self.0.status().map_err(|error| Failed(format!("{} cannot be run: {error}", self.line())))?;
        if status.success() { Ok(()) } else { Err(Failed(format!("{} failed: {status}", self.line()))) }
    }

    /// Runs it in silence and returns what it printed, if it succeeded.
    pub(crate) fn output(mut self) -> Option<String> {
        let output = self.0.stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Starts it in the background.
    pub(crate) fn start(mut self) -> Result<Running, Failed> {
        let child = self.0.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Running).map_err(|error| Failed(format!("{} cannot be run: {error}", self.line())))
    }

    /// Starts it in the background and waits until a line of its standard error has a text.
    pub(crate) fn start_until(mut self, text: &str) -> Result<Running, Failed> {
        let child = self.0.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut running = child.map(Running).map_err(|error| Failed(format!("{} cannot be run: {error}", self.line())))?;
        let said = running.0.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
        let has_come = said.map_while(Result::ok).any(|line| line.contains(text));
        if has_come { Ok(running) } else { Err(Failed(format!("{} ended before it said {text:?}", self.line()))) }
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }
}

/// A program in the background; it ends with this.
pub(crate) struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The folder that everything made goes into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
