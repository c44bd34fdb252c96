//! Programs that run beside a test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::clients::tool;
use super::traces::Traces;

/// A script in Python or Node that is at work until it is dropped, and what it prints.
pub(crate) struct Companion {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    _traces: Traces,
}

impl Companion {
    pub(crate) fn python(code: &str, variables: &[(&str, &str)]) -> Self {
        Self::start(Command::new(tool("BITTING_TEST_PYTHON")), "script.py", code, variables)
    }

    pub(crate) fn node(code: &str, variables: &[(&str, &str)]) -> Self {
        Self::start(Command::new("node"), "script.mjs", code, variables)
    }

    fn start(mut command: Command, script: &str, code: &str, variables: &[(&str, &str)]) -> Self {
        let traces = Traces::new();
        let modules = PathBuf::from(tool("BITTING_TEST_NODE")).join("node_modules");
        std::os::unix::fs::symlink(modules, traces.path("node_modules")).unwrap();
        std::fs::write(traces.path(script), code).unwrap();
        command.arg(traces.path(script)).envs(variables.iter().copied()).env("PYTHONUNBUFFERED", "1");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, _traces: traces }
    }

    /// What it prints next.
    pub(crate) async fn line(&mut self) -> String {
        self.lines.next_line().await.unwrap().unwrap()
    }

    /// A server's address: it prints its port first.
    pub(crate) async fn address(&mut self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.line().await.parse().unwrap()))
    }

    /// Waits until it ends by itself, which it must do well, and returns what it printed last.
    pub(crate) async fn rest(mut self) -> String {
        let mut rest = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            rest = rest + &line + "\n";
        }
        assert!(self.child.wait().await.unwrap().success(), "{rest}");
        rest
    }
}
