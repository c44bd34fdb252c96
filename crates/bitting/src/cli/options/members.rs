//! What can be asked about the people of the dashboard.

use bitting_core::account::AccountId;
use clap::Subcommand;

use super::Paging;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum MembersCommand {
    /// List operators, or the developers of an API's accounts
    List {
        /// The API [default: operators]
        #[arg(long, value_name = "NAME")]
        api: Option<String>,
        /// Only of this account
        #[arg(long, value_name = "ID", requires = "api")]
        account: Option<AccountId>,
        #[command(flatten)]
        page: Paging,
    },
    /// Invite somebody, and print the link with which they choose a password
    Invite {
        /// Their e-mail address, with which they will sign in
        email: String,
        /// What they are called [default: they say it themselves]
        #[arg(long, default_value = "")]
        name: String,
        /// The API whose keys they will see [default: they become an operator]
        #[arg(long, value_name = "NAME")]
        api: Option<String>,
        /// The account whose keys they will see
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// Print a link with which somebody chooses another password
    Reset {
        /// Their id or e-mail address
        member: String,
    },
    /// Change what is named; everything else stays
    Update {
        /// Their id or e-mail address
        member: String,
        /// What they are called
        #[arg(long)]
        name: Option<String>,
        /// Sign them out at once, and let them in no more
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
        /// Let them in again
        #[arg(long)]
        enable: bool,
        /// Ask them for no code any more
        #[arg(long)]
        remove_second_factor: bool,
    },
}
