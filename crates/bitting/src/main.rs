//! `bitting`: one binary that gives any API its keys.

use std::process::ExitCode;

fn main() -> ExitCode {
    bitting::cli::run()
}
