//! What can be written on the command line.

mod accounts;
mod key_id;
mod members;
mod webhooks;

use std::path::PathBuf;

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_store::AuditHead;
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::key_id::KeyIdParser;

pub(super) use self::accounts::AccountsCommand;
pub(super) use self::members::MembersCommand;
pub(super) use self::webhooks::{OfApi, WebhooksCommand};

/// One binary that gives any API its keys.
#[derive(Debug, Parser)]
#[command(
    name = "bitting",
    version,
    about = "One binary that gives any API its keys",
    long_about = "Bitting issues, verifies, scopes, rotates and revokes API keys, and answers every caller in the protected \
                  API's own dialect. `bitting demo` shows it at work.",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong options, 3 wrong configuration, 4 not found, 5 refused, 6 store \
                  unavailable, 7 not everything could be read.",
    disable_help_subcommand = true,
    infer_subcommands = true
)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
pub(super) struct Shared {
    /// The configuration; several files are read as one [default: bitting.toml, or else /etc/bitting/bitting.toml]
    #[arg(long, global = true, value_name = "FILE", env = "BITTING_CONFIG")]
    pub(super) config: Vec<PathBuf>,
    /// Override a setting, as in log.level=debug or api.NAME.upstream=http://127.0.0.1:9000
    #[arg(long, global = true, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show five APIs at work, with sample upstreams and keys, on a throw-away store
    Demo(Demo),
    /// Serve the configured APIs
    Serve,
    /// Have the running server read its configuration anew; a wrong one is shown, and the old one stays
    Reload,
    /// Ask the running server how it is; exits with 0 if it is ready
    Health,
    /// Check configuration files: all errors at once, with their places and what to write instead
    Check {
        /// The files, each checked by itself [default: what `serve` would read]
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Make, list, change, rotate and revoke keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make, list and change accounts, which own keys
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// Invite people to the dashboard, give them new links, and disable them
    #[command(subcommand)]
    Members(MembersCommand),
    /// Have events sent to addresses of yours, and see how that goes
    #[command(subcommand)]
    Webhooks(WebhooksCommand),
    /// Show what was used, as bars by hour or day
    Usage(Box<ShowUsage>),
    /// Take out the record of who changed what, and look whether it is whole
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Find keys in files, folders or the history of a git repository, and say which of them work; none is ever printed
    Scan(Scan),
    /// Print how keys are written, for programs that look for secrets
    ScanPattern {
        /// Only of this API [default: of all, and of operator tokens]
        #[arg(long, value_name = "NAME")]
        api: Option<String>,
        /// For which program
        #[arg(long = "for", value_enum, default_value_t = PatternFormat::Regex)]
        format: PatternFormat,
    },
    /// Write everything in the store to a new file, while a server runs or not
    Backup {
        /// The new file, for its owner alone; one that is there is never written over
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put a backup in the place of the store, and say which revocations since then that would undo
    Restore(Restore),
    /// Print an OpenAPI document of managing keys over HTTP: for operators, or for those who do it with a key of an API
    Openapi {
        /// The API whose keys manage keys [default: the document for operators, as at /openapi.json]
        #[arg(long, value_name = "NAME")]
        api: Option<String>,
        /// Where the API is reached; can be repeated [default: its hosts, by https]
        #[arg(long = "server", value_name = "URL", requires = "api")]
        servers: Vec<String>,
    },
    /// Print an API's page about authentication, made from its configuration
    Docs {
        #[command(flatten)]
        api: ApiChoice,
        /// As what
        #[arg(long, value_enum, default_value_t = DocsFormat::Markdown)]
        format: DocsFormat,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The gateway's port; the service listener takes the next one, and each API one of its own from ten ports on
    #[arg(long, default_value_t = 8080)]
    pub(super) port: u16,
    /// Keep the store and the configuration in this folder
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ApiChoice {
    /// The API; can be left out if only one is configured, or where a key's id says it. `bitting` is Bitting's own: its keys are operator tokens
    #[arg(long, value_name = "NAME")]
    pub(super) api: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PatternFormat {
    /// A regular expression a line
    Regex,
    /// A configuration for gitleaks, on top of its own rules
    Gitleaks,
    /// The fields of a custom pattern of GitHub's secret scanning
    Github,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DocsFormat {
    Markdown,
    /// A page that needs nothing beside it
    Html,
    /// A table of contents for language models (llms.txt)
    Llms,
}

#[derive(Debug, Args)]
pub(super) struct ShowUsage {
    #[command(flatten)]
    pub(super) api: ApiChoice,
    /// Only of this key
    #[arg(long, value_name = "ID", value_parser = KeyIdParser, conflicts_with = "account")]
    pub(super) key: Option<KeyId>,
    /// Only of this account
    #[arg(long, value_name = "ID")]
    pub(super) account: Option<AccountId>,
    /// Only of this environment
    #[arg(long, value_name = "NAME")]
    pub(super) environment: Option<String>,
    /// Only of this route, as in "GET /v1/tasks/*"
    #[arg(long, value_name = "ROUTE")]
    pub(super) route: Option<String>,
    /// In hours or in days, of UTC
    #[arg(long, value_enum, default_value_t = UsagePer::Hour)]
    pub(super) per: UsagePer,
    /// From this time on [default: 24 hours or 30 days ago]
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<Timestamp>,
    /// Up to this time [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<Timestamp>,
    /// Print CSV, with each route and outcome
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum UsagePer {
    Hour,
    Day,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key and print it, once, on standard output
    Create(CreateKey),
    /// List keys, newest first
    List(ListKeys),
    /// Show a key
    Show {
        #[command(flatten)]
        api: ApiChoice,
        /// The key's id, key_…
        #[arg(value_parser = KeyIdParser)]
        key: KeyId,
    },
    /// Change what is named; everything else stays
    Update(Box<UpdateKey>),
    /// Make a new key in place of an old one, which ends after the overlap; print the new one, once, on standard output
    Rotate(RotateKey),
    /// End a key for good: the next request with it is refused
    Revoke {
        #[command(flatten)]
        api: ApiChoice,
        /// The key's id, key_…
        #[arg(value_parser = KeyIdParser)]
        key: KeyId,
    },
    /// Take in keys that somebody else issued, by their hashes
    Import(Import),
    /// Print keys as JSON lines
    Export {
        #[command(flatten)]
        api: ApiChoice,
        /// With their hashes, so that they can be imported elsewhere
        #[arg(long)]
        hashes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file with one key in each line or row; "-" is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) api: ApiChoice,
    /// How the file is written [default: by its ending, .jsonl or .csv]
    #[arg(long)]
    pub(super) format: Option<ImportFormat>,
    /// Only say what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ImportFormat {
    Jsonl,
    Csv,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Print the record as JSON lines, oldest first
    Export {
        /// Only of this API [default: of all]
        #[arg(long, value_name = "NAME")]
        api: Option<String>,
    },
    /// Print the end of the record: the number of the last change and a hash that covers all of them, to be kept elsewhere
    Head,
    /// Look whether any row was altered, removed or moved, and say which
    Verify {
        /// What `audit head` has printed before: the record up to there must still be the same
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<AuditHead>,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing that works was found; 1 a key was found that works, that can be switched on again, or \
                        that there was no store to ask about, even if not everything could be read; 7 no such key was found, but not \
                        everything could be read, as of a shallow or partial clone."
)]
pub(super) struct Scan {
    /// Files and folders; "-" is standard input. Links in folders are not followed
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// Read all that was ever committed to the repositories at these paths, instead of their files
    #[arg(long)]
    pub(super) git: bool,
    /// Report each key that works as leaked, which ends it if its API says so ([api.leaks])
    #[arg(long)]
    pub(super) report: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Make the revocations and restrictions again that this audit export holds
    #[arg(long, value_name = "AUDIT_EXPORT")]
    pub(super) replay: Option<PathBuf>,
    /// Restore even though revocations or restrictions are undone
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct CreateKey {
    #[command(flatten)]
    pub(super) api: ApiChoice,
    /// What people call it
    #[arg(long)]
    pub(super) name: String,
    /// Its owner [default: the account "default", made with its first key]
    #[arg(long, value_name = "ID")]
    pub(super) account: Option<AccountId>,
    /// What it is for
    #[arg(long, default_value = "")]
    pub(super) description: String,
    /// Its environment [default: the API's first]
    #[arg(long)]
    pub(super) environment: Option<String>,
    /// Its role [default: the API's `new_key.role`]
    #[arg(long)]
    pub(super) role: Option<String>,
    /// A permission; can be repeated [default: the API's `new_key.permissions`]
    #[arg(long = "permission", value_name = "PERMISSION")]
    pub(super) permissions: Vec<Permission>,
    /// Switch a capability on; can be repeated
    #[arg(long = "capability", value_name = "NAME")]
    pub(super) capabilities: Vec<String>,
    /// Allow an address or a network; can be repeated [default: everywhere]
    #[arg(long = "allow-address", value_name = "CIDR")]
    pub(super) addresses: Vec<String>,
    /// When it ends: a duration (90d), a date (2026-12-31, the end of that day in UTC), a time, or never
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub(super) expires: String,
    /// Whether it renews itself before its end, where its account's plan allows it [default: as the API says]
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    pub(super) auto_renew: Option<bool>,
    /// How much a limit allows it, instead of what its plan says; can be repeated
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    pub(super) limits: Vec<String>,
    /// A note of your own; can be repeated
    #[arg(long, value_name = "NAME=TEXT")]
    pub(super) metadata: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListKeys {
    #[command(flatten)]
    pub(super) api: ApiChoice,
    /// Only keys of this account
    #[arg(long, value_name = "ID")]
    pub(super) account: Option<AccountId>,
    /// Only keys of this environment
    #[arg(long)]
    pub(super) environment: Option<String>,
    /// Only keys in this state
    #[arg(long)]
    pub(super) status: Option<Status>,
    /// Only keys made by members who may no longer sign in
    #[arg(long)]
    pub(super) creator_removed: bool,
    #[command(flatten)]
    pub(super) page: Paging,
    /// Go on after this id
    #[arg(long, value_name = "ID", value_parser = KeyIdParser)]
    pub(super) after: Option<KeyId>,
}

/// A part of a list.
#[derive(Debug, Args)]
pub(super) struct Paging {
    /// The most lines
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    pub(super) limit: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Status {
    Active,
    Disabled,
    Expired,
    Revoked,
}

#[derive(Debug, Args)]
pub(super) struct UpdateKey {
    #[command(flatten)]
    pub(super) api: ApiChoice,
    /// The key's id, key_…
    #[arg(value_parser = KeyIdParser)]
    pub(super) key: KeyId,
    /// What people call it
    #[arg(long)]
    pub(super) name: Option<String>,
    /// What it is for
    #[arg(long)]
    pub(super) description: Option<String>,
    /// Its role; "" for none
    #[arg(long)]
    pub(super) role: Option<String>,
    /// A permission; all that it shall have, repeated; "" for none
    #[arg(long = "permission", value_name = "PERMISSION")]
    pub(super) permissions: Vec<String>,
    /// Switch a capability on; can be repeated
    #[arg(long = "capability", value_name = "NAME")]
    pub(super) capabilities_on: Vec<String>,
    /// Switch a capability off; can be repeated
    #[arg(long = "no-capability", value_name = "NAME")]
    pub(super) capabilities_off: Vec<String>,
    /// Allow an address or a network; all that shall be allowed, repeated
    #[arg(long = "allow-address", value_name = "CIDR", conflicts_with = "any_address")]
    pub(super) addresses: Vec<String>,
    /// Allow every address
    #[arg(long)]
    pub(super) any_address: bool,
    /// When it ends: a duration from now (90d), a date, a time, or never
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
    /// Whether it renews itself before its end, where its account's plan allows it
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    pub(super) auto_renew: Option<bool>,
    /// Switch it off, until it is enabled again
    #[arg(long, conflicts_with = "enable")]
    pub(super) disable: bool,
    /// Switch it on again
    #[arg(long)]
    pub(super) enable: bool,
    #[command(flatten)]
    pub(super) limits: LimitChoice,
    /// A note of your own; all that shall stand, repeated
    #[arg(long, value_name = "NAME=TEXT")]
    pub(super) metadata: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct LimitChoice {
    /// How much a limit allows it, instead of what its plan says; all that it shall have, repeated
    #[arg(long = "limit", value_name = "NAME=NUMBER", conflicts_with = "no_limits")]
    pub(super) numbers: Vec<String>,
    /// Let its plan say how much every limit allows it
    #[arg(long)]
    pub(super) no_limits: bool,
}

#[derive(Debug, Args)]
pub(super) struct RotateKey {
    #[command(flatten)]
    pub(super) api: ApiChoice,
    /// The old key's id, key_…
    #[arg(value_parser = KeyIdParser)]
    pub(super) key: KeyId,
    /// How long the old key goes on working, as in 7d or 12h; 0s ends it at once
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(super) overlap: String,
    /// End the old key before that, as soon as the new one was used and the old one was not for so long; "" for not [default: as the
    /// API says]
    #[arg(long, value_name = "DURATION")]
    pub(super) end_when_unused_for: Option<String>,
    /// When the new key ends [default: as long from now as the old one was made to live]
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
}
