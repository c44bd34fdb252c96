//! The upstream's side of the gateway: several servers, failing ones, names that move, TLS.

mod adopting;
mod bad;
mod limiting;
mod names;
mod retrying;
mod secured;
mod several;
mod waiting;

use crate::harness::{Bitting, Reply, get};

/// One public API with a setting of `upstream` and whatever else it says.
pub(crate) fn config(upstream: &str, more: &str) -> String {
    format!(
        "[[api]]\nname = \"shop\"\nupstream = {upstream}\n[api.key]\nprefix = \"shop_\"\n[api.default]\naccess = \"public\"\n{more}\n"
    )
}

/// Bitting before an upstream.
pub(crate) fn before(upstream: &str, more: &str) -> Bitting {
    Bitting::with_config(&config(upstream, more))
}

/// Status and code of a refusal.
fn refusal(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// The value of a metric of an upstream.
async fn metric(bitting: &Bitting, name: &str, origin: &str) -> String {
    let metrics = get(bitting.service, "/metrics", &[]).await.body;
    let line = format!("{name}{{upstream=\"{origin}\"}} ");
    metrics.lines().find_map(|found| found.strip_prefix(&line)).unwrap_or_default().to_owned()
}
