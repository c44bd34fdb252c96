//! What can be asked about accounts.

use bitting_core::account::AccountId;
use clap::Subcommand;

use super::{ApiChoice, Paging};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AccountsCommand {
    /// Make an account
    Create {
        #[command(flatten)]
        api: ApiChoice,
        /// Its id: your own name for the customer, organisation or user
        account: AccountId,
        /// What people call it
        #[arg(long, default_value = "")]
        name: String,
        /// Its plan [default: the API's first]
        #[arg(long, value_name = "NAME")]
        plan: Option<String>,
    },
    /// List accounts by id
    List {
        #[command(flatten)]
        api: ApiChoice,
        #[command(flatten)]
        page: Paging,
        /// Go on after this id
        #[arg(long, value_name = "ID")]
        after: Option<AccountId>,
    },
    /// Show an account
    Show {
        #[command(flatten)]
        api: ApiChoice,
        /// Its id
        account: AccountId,
    },
    /// Change what is named; everything else stays
    Update {
        #[command(flatten)]
        api: ApiChoice,
        /// Its id
        account: AccountId,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Its plan; "" for the API's first
        #[arg(long, value_name = "NAME")]
        plan: Option<String>,
        /// Refuse all its keys, until it is resumed
        #[arg(long, conflicts_with = "resume")]
        suspend: bool,
        /// Accept its keys again
        #[arg(long)]
        resume: bool,
    },
}
