//! `cargo xtask`: the project's chores. No dependencies, so that it builds in a second.

mod benchmark;
mod command;
mod fuzz;
mod leak;
mod package;
mod test;
mod tools;

use std::process::ExitCode;

use crate::command::Failed;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match &words[..] {
        ["test", filter @ ..] => test::run(filter),
        ["fuzz"] => fuzz::run(20),
        ["fuzz", seconds] => seconds.parse().map_err(|_| Failed(format!("{seconds:?} is no number"))).and_then(fuzz::run),
        ["policy"] => tools::cargo_deny().and_then(|deny| deny.args(["check", "bans", "licenses", "sources"]).run()),
        ["package"] => package::run(),
        ["package", "check"] => package::check(),
        ["bench"] => benchmark::run(),
        ["bench", "door"] => benchmark::door(),
        ["bench", "import"] => benchmark::import(),
        _ => Err(Failed(
            "write cargo xtask test [FILTER], fuzz [SECONDS], policy, package [check] or bench [door | import]\n\
             test    installs what the tests need, runs them all, and looks for leaked keys\n\
             fuzz    runs each fuzz target for some seconds, 20 unless said otherwise\n\
             policy  checks licences, sources and duplicates of the dependencies\n\
             package builds the Debian package; with `check` a quick one, and the image's folder, and has the program run in it\n\
             bench   measures decisions, the gateway against a bare proxy, start and memory with a million keys;\n\
             \x20       with `door`, memory for idle connections, and what an attack on one API does to another;\n\
             \x20       with `import`, what ten million imported keys take, which needs half an hour and 12 GB of disk"
                .to_owned(),
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(why)) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
