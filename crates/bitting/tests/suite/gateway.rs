//! What the gateway does to requests and answers, whatever the dialect.

mod authority;
mod cors;
mod discretion;
mod draining;
mod expecting;
mod failing;
mod flat;
mod forwarding;
mod framing;
mod leaving;
pub(crate) mod multiplexed;
mod overriding;
mod paths;
mod refusing;
mod smuggling;
mod streaming;
mod upgrading;
mod uploading;
mod websocket;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpListener;

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

/// The same before an upstream that the test plays itself, byte for byte.
async fn start_before_a_socket(more: &str) -> (Bitting, TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (bitting, bearer) = start_before(&format!("http://{}", socket.local_addr().unwrap()), more);
    (bitting, socket, bearer)
}

/// The same before whatever is there.
fn start_before(origin: &str, more: &str) -> (Bitting, String) {
    let config = format!("[[api]]\nname = \"shop\"\nupstream = \"{origin}\"\n[api.key]\nprefix = \"shop_\"\n{more}\n");
    let bitting = Bitting::with_config(&config);
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    (bitting, bearer)
}

/// Reads until what was read holds a text.
pub(crate) async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the connection ended after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}
