//! `bitting reload`

use serde_json::json;

use super::context::store;
use super::options::Shared;
use super::output::{note, say, say_json};
use crate::failure::{Failure, FailureKind};
use crate::owner::{Reload, Report, RunningServer};

/// Has the running server read its configuration anew, and shows what `bitting check` would.
pub(super) async fn run(shared: &Shared) -> Result<(), Failure> {
    match RunningServer::on(&store(shared)?).reload().await? {
        Reload::Done(reloaded, warnings) if shared.json => say_json(&json!({
            "apis": reloaded.apis,
            "addresses": reloaded.addresses,
            "need_restart": reloaded.need_restart,
            "problems": warnings.problems,
        })),
        Reload::Done(reloaded, warnings) => {
            show(&warnings);
            for setting in &reloaded.need_restart {
                note(&format!("until a restart, {setting}"));
            }
            let addresses: Vec<String> = reloaded.addresses.iter().map(ToString::to_string).collect();
            say(&format!("in force: {}, on {}", reloaded.apis.join(", "), addresses.join(", ")))
        }
        Reload::Misconfigured(report) => {
            if shared.json {
                say_json(&report.problems)?;
            } else {
                show(&report);
            }
            let count = if report.errors == 1 { "1 error".to_owned() } else { format!("{} errors", report.errors) };
            let message = format!("the configuration has {count}\nthe old one stays in force");
            Err(Failure::of(FailureKind::Configuration, message))
        }
    }
}

fn show(report: &Report) {
    if !report.text.is_empty() {
        note(&report.text);
    }
}
