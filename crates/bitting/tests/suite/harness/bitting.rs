//! The built binary.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use super::traces::Traces;
use super::upstream::Upstream;

const BINARY: &str = env!("CARGO_BIN_EXE_bitting");

/// A key as `keys create --json` prints it.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) row: Value,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running `bitting serve`.
pub(crate) struct Bitting {
    pub(crate) gateway: SocketAddr,
    pub(crate) service: SocketAddr,
    pub(crate) traces: Traces,
    arguments: Vec<String>,
    child: Option<Child>,
    lines: Receiver<String>,
}

impl Bitting {
    /// Serves an example as it is, before one upstream.
    pub(crate) fn example(name: &str, upstream: &Upstream) -> Self {
        Self::example_with(name, &[format!("api.{name}.upstream={}", upstream.origin())])
    }

    /// Serves an example with overrides.
    pub(crate) fn example_with(name: &str, overrides: &[String]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{name}.toml"));
        Self::serve(&file, overrides, Traces::new())
    }

    /// Serves a configuration that the test writes.
    pub(crate) fn with_config(text: &str) -> Self {
        let traces = Traces::new();
        let file = traces.path("bitting.toml");
        std::fs::write(&file, text).unwrap();
        Self::serve(&file, &[], traces)
    }

    /// Serves a configuration whose gateway listener has more settings; files that they name are among the traces.
    pub(crate) fn with_door(text: &str, more: &str, traces: Traces) -> Self {
        let file = traces.path("bitting.toml");
        std::fs::write(&file, text).unwrap();
        let store = format!("store.path={}", traces.path("bitting.db").display());
        Self::start_with_door(Command::new(BINARY), &file, [&store], traces, more)
    }

    /// Serves a configuration in a process that may open only so many files.
    pub(crate) fn with_few_files(text: &str, files: u32) -> Self {
        let traces = Traces::new();
        let file = traces.path("bitting.toml");
        std::fs::write(&file, text).unwrap();
        let store = format!("store.path={}", traces.path("bitting.db").display());
        let mut command = Command::new("prlimit");
        command.args([&format!("--nofile={files}"), BINARY]);
        Self::start(command, &file, [&store], traces)
    }

    /// Serves a file from a store among the traces, on ports that nobody uses.
    pub(crate) fn serve(file: &Path, overrides: &[String], traces: Traces) -> Self {
        let store = format!("store.path={}", traces.path("bitting.db").display());
        Self::start(Command::new(BINARY), file, overrides.iter().chain([&store]), traces)
    }

    /// Serves a file from another store.
    pub(crate) fn serve_with_store(file: &Path, store: &str, traces: Traces) -> Self {
        Self::start(Command::new(BINARY), file, [&store.to_owned()], traces)
    }

    fn start<'o>(program: Command, file: &Path, overrides: impl IntoIterator<Item = &'o String>, traces: Traces) -> Self {
        Self::start_with_door(program, file, overrides, traces, "")
    }

    fn start_with_door<'o>(
        program: Command,
        file: &Path,
        overrides: impl IntoIterator<Item = &'o String>,
        traces: Traces,
        more: &str,
    ) -> Self {
        // The listeners are a file of their own: an option can change a table of a list, but not add one.
        let listeners = traces.path("listeners.toml");
        let gateway = format!("[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n{more}\n\n");
        let text = "[[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"dashboard\", \"management\", \"verify\", \"metrics\", \"health\"]\n";
        std::fs::write(&listeners, gateway + text).unwrap();
        let mut arguments = Vec::new();
        for file in [file, &listeners] {
            arguments.extend(["--config".to_owned(), file.display().to_string()]);
        }
        for argument in overrides {
            arguments.extend(["--set".to_owned(), argument.clone()]);
        }
        let (child, lines) = start(program, &arguments, &traces);
        let mut addresses = lines.iter().filter_map(|line| listening(&line));
        let (gateway, service) = (addresses.next().unwrap(), addresses.next().unwrap());
        drop(addresses);
        wait_until_ready(&lines);
        Self { gateway, service, traces, arguments, child: Some(child), lines }
    }

    /// `http://127.0.0.1:port` of the gateway.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.gateway)
    }

    /// `http://127.0.0.1:port` of the dashboard.
    pub(crate) fn dashboard(&self) -> String {
        format!("http://{}", self.service)
    }

    /// The link for the first operator that this start printed, since nobody could sign in.
    pub(crate) fn set_up_link(&self) -> String {
        let is_link = |line: &String| line.contains("/link?token=");
        let line: Value = serde_json::from_str(&self.lines.iter().find(is_link).unwrap()).unwrap();
        line["link"].as_str().unwrap().to_owned()
    }

    /// Makes a link with which somebody joins; without options an operator.
    pub(crate) fn invite(&self, name: &str, email: &str, options: &[&str]) -> String {
        let made = self.json(&[&["members", "invite", email, "--name", name], options].concat());
        let (_, path) = made["url"].as_str().unwrap().split_once("/link").unwrap();
        format!("/link{path}")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.traces.path("bitting.db")
    }

    /// Runs a command with the same configuration as the server.
    pub(crate) fn command(&self, words: &[&str]) -> Output {
        run(words.iter().map(|&word| word.to_owned()).chain(self.arguments.iter().cloned()), &self.traces)
    }

    /// Runs a command that must succeed, and reads the JSON that it prints.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let output = self.command(&[words, &["--json"]].concat());
        assert_eq!(output.code, 0, "{words:?}: {}", output.stderr);
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// Makes a key.
    pub(crate) fn key(&self, options: &[&str]) -> Issued {
        let row = self.json(&[&["keys", "create", "--name", "test"], options].concat());
        let issued = Issued { key: row["key"].as_str().unwrap().to_owned(), id: row["id"].as_str().unwrap().to_owned(), row };
        self.traces.issued(&issued.key);
        issued
    }

    pub(crate) fn revoke(&self, key: &Issued) {
        self.json(&["keys", "revoke", &key.id]);
    }

    /// An operator token that may ask about keys.
    pub(crate) fn operator(&self) -> Issued {
        self.key(&["--api", "bitting", "--permission", "verify"])
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap().success());
    }

    /// Waits for the process to end and returns its exit code; 137 if it was killed.
    pub(crate) fn wait(&mut self) -> i32 {
        let status = self.child.take().unwrap().wait().unwrap();
        // What it wrote last is in the file when the pipe is closed.
        while self.lines.recv().is_ok() {}
        status.code().unwrap_or(137)
    }

    /// Ends it as an operator would; it must exit with 0.
    pub(crate) fn stop(mut self) -> Traces {
        self.keep_log();
        self.signal("TERM");
        assert_eq!(self.wait(), 0);
        self.traces.clone()
    }

    /// The access log so far and everything else that it said.
    pub(crate) fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.traces.path(name)).unwrap_or_default();
        read("serve.out") + &read("serve.err")
    }

    /// Waits for a line of the log that satisfies a predicate.
    pub(crate) fn wait_for(&self, what: impl Fn(&str) -> bool) -> String {
        self.lines.iter().find(|line| what(line)).unwrap()
    }

    /// SQLite removes its log when the store is closed; a copy shows what stood in it.
    fn keep_log(&self) {
        let log = self.traces.path("bitting.db-wal");
        if log.exists() {
            std::fs::copy(log, self.traces.path("copy-of-the-wal")).unwrap();
        }
    }
}

impl Drop for Bitting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.keep_log();
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: impl IntoIterator<Item = String>, traces: &Traces) -> Output {
    run_into(arguments, traces, Stdio::piped())
}

/// Runs the binary to its end, its standard output going somewhere else.
pub(crate) fn run_into(arguments: impl IntoIterator<Item = String>, traces: &Traces, stdout: Stdio) -> Output {
    let output = Command::new(BINARY)
        .args(arguments)
        .current_dir(traces.folder())
        .env_remove("BITTING_CONFIG")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code().unwrap_or(137), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Starts the server; its lines on standard error go to a file and to the receiver.
fn start(mut program: Command, arguments: &[String], traces: &Traces) -> (Child, Receiver<String>) {
    let append = |name| File::options().create(true).append(true).open(traces.path(name)).unwrap();
    let (out, mut err) = (append("serve.out"), append("serve.err"));
    let mut child = program
        .arg("serve")
        .args(arguments)
        .current_dir(traces.folder())
        .env_remove("BITTING_CONFIG")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = BufReader::new(child.stderr.take().unwrap());
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in pipe.lines().map_while(Result::ok) {
            writeln!(err, "{line}").unwrap();
            // Nobody may be waiting any more.
            let _ = sender.send(line);
        }
    });
    (child, lines)
}

fn listening(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "listening").then(|| line["address"].as_str().unwrap().parse().unwrap())
}

fn wait_until_ready(lines: &Receiver<String>) {
    let ready = |line: String| serde_json::from_str::<Value>(&line).is_ok_and(|line| line["message"] == "ready");
    assert!(lines.iter().any(ready), "the server ended before it was ready");
}
