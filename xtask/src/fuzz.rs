//! `cargo xtask fuzz`: each target for a while, from the committed corpus.

use crate::command::{Failed, root, target};
use crate::tools;

const TARGETS: [&str; 5] = ["key", "credential", "path", "configuration", "head"];

pub(crate) fn run(seconds: u32) -> Result<(), Failed> {
    for name in TARGETS {
        // What is found goes below the target folder; only what is worth keeping is committed.
        let found = target().join("fuzz-corpus").join(name);
        std::fs::create_dir_all(&found).map_err(|error| Failed(format!("{}: {error}", found.display())))?;
        let committed = root().join("fuzz/corpus").join(name);
        let limits = [
            format!("-max_total_time={seconds}"),
            "-max_len=4096".to_owned(),
            // The names of newly reached functions take longer to look up than the code under test takes.
            "-print_funcs=0".to_owned(),
            "-verbosity=0".to_owned(),
            format!("-artifact_prefix={}/fails-", found.display()),
        ];
        // The project has no unsafe code for a sanitizer to look at.
        let run = tools::cargo_fuzz()?.args(["run", "--sanitizer", "none", "--target-dir"]).args([target().join("fuzz")]);
        run.args([name]).args([found, committed]).args(["--"]).args(limits).run()?;
        println!("fuzz: {name} did not fail in {seconds} s");
    }
    Ok(())
}
