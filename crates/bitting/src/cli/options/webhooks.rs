//! What can be asked about webhooks.

use bitting_core::account::AccountId;
use bitting_core::event::{EventKind, Severity};
use bitting_core::webhook::WebhookId;
use clap::{Args, Subcommand};

use super::Paging;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WebhooksCommand {
    /// List webhooks, the newest first, and how they stand
    List {
        #[command(flatten)]
        of: OfApi,
        /// Only of this account
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
        #[command(flatten)]
        page: Paging,
    },
    /// Have events sent to an address, and print the secret that they are signed with
    Create {
        /// Where to, beginning with https://
        url: String,
        #[command(flatten)]
        of: OfApi,
        /// Only the events of this account [default: all of the API's]
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
        /// What it is for
        #[arg(long, default_value = "", value_name = "TEXT")]
        description: String,
        /// Only these events, each by its name, as in key.leaked [default: all]
        #[arg(long = "event", value_name = "NAME")]
        events: Vec<EventKind>,
        /// Of these only such that are so severe or more: notice, warning or critical
        #[arg(long, value_name = "SEVERITY")]
        severity: Option<Severity>,
    },
    /// Change what is named; everything else stays
    Update {
        webhook: WebhookId,
        #[command(flatten)]
        of: OfApi,
        /// Where to; what waits is sent there at once
        #[arg(long)]
        url: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Keep messages back; none is lost
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
        /// Send messages again, first all that waited
        #[arg(long)]
        enable: bool,
    },
    /// Print a new secret; messages are signed with the old one too for a while
    RotateSecret {
        webhook: WebhookId,
        #[command(flatten)]
        of: OfApi,
        /// How long the old secret goes on, as in 24h; 0s ends it at once
        #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = bitting_core::duration::parse)]
        overlap: std::time::Duration,
    },
    /// Delete a webhook, and all that waits for it
    Delete {
        webhook: WebhookId,
        #[command(flatten)]
        of: OfApi,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfApi {
    /// The API [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) api: Option<String>,
}
