//! The command line.

mod accounts;
mod audit;
mod backup;
mod check;
mod context;
mod docs;
mod export;
mod health;
mod import;
mod keys;
mod members;
mod openapi;
mod options;
mod output;
mod reload;
mod restore;
mod scan;
mod scan_pattern;
mod serve;
mod usage;
mod webhooks;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::options::{AuditCommand, Command, KeysCommand, Options};
use self::output::complain;
use crate::failure::Failure;

/// How far what can wait stands back (`nice`).
const LAST: i32 = 5;

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let options = Options::parse();
    match dispatch(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            failure.exit_code()
        }
    }
}

fn dispatch(options: Options) -> Result<(), Failure> {
    let Options { shared, command } = options;
    match command {
        Command::Check { files } => check::check(&files, &shared),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Options::command(), "bitting", &mut std::io::stdout());
            Ok(())
        }
        Command::Openapi { api, servers } => openapi::print(api.as_deref(), servers, &shared),
        Command::Docs { api, format } => docs::print(&api, format, &shared),
        Command::Demo(demo) => in_runtime(crate::demo::run(demo.port, demo.keep, shared.json)),
        Command::Serve => {
            // While there is one thread.
            let handed_over = crate::server::HandedOver::take()?;
            in_runtime(serve::serve(&shared, handed_over))
        }
        Command::Reload => in_runtime(reload::run(&shared)),
        Command::Health => in_runtime(health::run(&shared)),
        Command::Audit(AuditCommand::Export { api }) => in_runtime(export::audit(api, &shared)),
        Command::Audit(AuditCommand::Head) => in_runtime(audit::head(&shared)),
        Command::Audit(AuditCommand::Verify { head }) => in_runtime(audit::verify(head, &shared)),
        Command::ScanPattern { api, format } => scan_pattern::print(api.as_deref(), format, &shared),
        Command::Scan(options) => in_runtime(scan::run(options, &shared)),
        Command::Backup { file } => in_runtime(backup::run(file, &shared)),
        Command::Restore(restore) => in_runtime(restore::run(restore, &shared)),
        Command::Keys(command @ KeysCommand::Import(_)) => {
            // A server on the same machine comes first. Threads that are made from now on stand back too.
            let _ = rustix::process::nice(LAST);
            in_runtime(keys::run(command, &shared))
        }
        Command::Keys(command) => in_runtime(keys::run(command, &shared)),
        Command::Usage(options) => in_runtime(async {
            let context = context::Context::new(&shared).await?;
            usage::run(&context, *options, shared.json).await
        }),
        Command::Members(command) => in_runtime(members::run(command, &shared)),
        Command::Webhooks(command) => in_runtime(webhooks::run(command, &shared)),
        Command::Accounts(command) => in_runtime(accounts::run(command, &shared)),
    }
}

fn in_runtime(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::other)?;
    let outcome = runtime.block_on(command);
    // A connection that does not want to end must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}
