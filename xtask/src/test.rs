//! `cargo xtask test`: everything that the tests need, all tests, and the search for leaked keys.

use crate::command::{Failed, Program, target};
use crate::{leak, tools};

/// Runs all tests, or those whose names match.
pub(crate) fn run(filter: &[&str]) -> Result<(), Failed> {
    tools::debian("curl")?;
    tools::debian("git")?;
    tools::debian("nginx")?;
    tools::browser()?;
    tools::debian("go")?;
    tools::debian("h2load")?;
    let python = tools::python()?;
    let node = tools::node()?;
    let traces = target().join("tmp/suite");
    if traces.exists() {
        std::fs::remove_dir_all(&traces).map_err(|error| Failed(format!("{}: {error}", traces.display())))?;
    }
    tools::nextest()?
        .args(["run", "--workspace", "--no-fail-fast"])
        .args(filter)
        .env("RUST_BACKTRACE", "0")
        .env("BITTING_TEST_PYTHON", python)
        .env("BITTING_TEST_NODE", node)
        .run()?;
    if filter.is_empty() {
        Program::cargo().args(["test", "--workspace", "--doc", "--quiet"]).run()?;
    }
    leak::search(&traces, filter.is_empty())
}
