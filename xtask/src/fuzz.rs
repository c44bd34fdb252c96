//! `cargo xtask fuzz`: each target for a while, from the committed corpus.

use crate::command::{Failed, root, target};
use crate::tools;

const TARGETS: [&str; 4] = ["key", "credential", "path", "configuration"];

pub(crate) fn run(seconds: u32) -> Result<(), Failed> {
    for name in TARGETS {
        // What is found goes below the target folder; only what is worth keeping is committed.
        let found = target().join("fuzz-corpus").join(name);
        std::fs::create_dir_all(&found).map_err(|error| Failed(format!("{}: {error}", found.display())))?;
        let committed = root().join("fuzz/corpus").join(name);
        let limits = [format!("-max_total_time={seconds}"), "-max_len=4096".to_owned(), "-print_final_stats=0".to_owned()];
        tools::cargo_fuzz()?.args(["run", name]).args([found, committed]).args(["--"]).args(limits).run()?;
    }
    Ok(())
}
