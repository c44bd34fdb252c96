//! `bitting health`

use super::context::store;
use super::options::Shared;
use super::output::{say, say_json};
use crate::failure::Failure;
use crate::owner::RunningServer;

/// Asks the running server how it is. A server that is not ready is a failure, whatever it says.
pub(super) async fn run(shared: &Shared) -> Result<(), Failure> {
    let health = RunningServer::on(&store(shared)?).health().await?;
    if shared.json {
        say_json(&health)?;
    } else {
        let clock = health.clock.as_ref().map(|clock| format!("\nclock: {clock}")).unwrap_or_default();
        let (keys, apis) = (health.keys, health.apis.join(", "));
        say(&format!("{}: bitting {}, {keys} keys, for {apis}{clock}", health.status, health.version))?;
    }
    if health.status == "ready" { Ok(()) } else { Err(Failure::new(format!("the server is {}", health.status))) }
}
