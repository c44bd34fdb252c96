//! The clients that the documents show: curl, Python, Node and Go.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::traces::Traces;

/// A program that runs a piece of code from a document.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Client {
    /// A shell with curl in it.
    Curl,
    /// Python with `requests` and `openai`.
    Python,
    /// Node with `openai`.
    Node,
    /// Go with its standard library.
    Go,
}

/// The text of a document's code, as it stands there.
pub(crate) fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents").join(name)).unwrap()
}

impl Client {
    /// Runs code and returns what it prints. curl prints the status on a last line of its own.
    pub(crate) async fn run(self, code: &str, variables: &[(&str, &str)]) -> String {
        let traces = Traces::new();
        let (script, mut command) = match self {
            Self::Curl => {
                std::fs::write(traces.path(".curlrc"), "silent\nshow-error\nwrite-out = \"\\n%{http_code}\\n\"\n").unwrap();
                ("script.sh", Command::new("sh"))
            }
            Self::Python => ("script.py", Command::new(tool("BITTING_TEST_PYTHON"))),
            Self::Node => {
                let modules = PathBuf::from(tool("BITTING_TEST_NODE")).join("node_modules");
                std::os::unix::fs::symlink(modules, traces.path("node_modules")).unwrap();
                ("script.mjs", Command::new("node"))
            }
            Self::Go => {
                let mut go = Command::new("go");
                // Not among the traces, so that the next run need not compile the library again.
                let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
                go.arg("run").env("GOCACHE", kept.join("cache")).env("GOPATH", kept.join("path"));
                go.env("CGO_ENABLED", "0").env("GO111MODULE", "off");
                ("script.go", go)
            }
        };
        let script = traces.path(script);
        std::fs::write(&script, code).unwrap();
        command.arg(&script).env("CURL_HOME", traces.folder()).env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.envs(variables.iter().copied()).stdin(Stdio::null()).output().await.unwrap();
        // The script holds a key; it is the caller's, and not a trace of Bitting's.
        std::fs::remove_file(script).unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{self:?}: {out}{err}");
        out.into_owned()
    }
}

/// Where `cargo xtask test` put something.
pub(super) fn tool(variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run the tests with `cargo xtask test`"))
}
