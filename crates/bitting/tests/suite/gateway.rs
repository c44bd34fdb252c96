//! What the gateway does to requests and answers, whatever the dialect.

mod cors;
mod draining;
mod failing;
mod forwarding;
mod paths;
mod streaming;

use crate::harness::{Bitting, Upstream};

/// One API with little in it: bearer keys, `/public` open.
pub(crate) fn config(upstream: &Upstream, more: &str) -> String {
    format!(
        "[[api]]\nname = \"shop\"\nupstream = \"{}\"\n[api.key]\nprefix = \"shop_\"\n\
         [[api.route]]\nmatch = [\"/public\", \"/public/*\"]\naccess = \"public\"\n{more}\n",
        upstream.origin()
    )
}

pub(crate) async fn start(more: &str) -> (Bitting, Upstream, String) {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, more));
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    (bitting, upstream, bearer)
}
