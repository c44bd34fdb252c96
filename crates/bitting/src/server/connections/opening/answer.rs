//! What callers are told who speak something else than their listener, in what they speak.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use bitting_gateway::ProtocolChange;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::super::lingering::Lingering;
use crate::config::Listener;

/// A TLS alert: fatal, `handshake_failure` (RFC 8446, section 6). A text would be taken for a broken record.
const ALERT: &[u8] = &[21, 3, 1, 0, 2, 2, 40];

/// Whether the operator was told once that callers come with TLS: whoever scans a network would fill the log with it.
static TOLD: AtomicBool = AtomicBool::new(false);

/// To HTTP on a listener with TLS.
pub(super) async fn speak_https(stream: TcpStream) {
    say(stream, &text("400 Bad Request", "This port speaks HTTPS: write https:// instead of http://.")).await;
}

/// To HTTP/2 where it is switched off.
pub(super) async fn speak_http1(stream: TcpStream) {
    say(stream, &text("505 HTTP Version Not Supported", "This port speaks HTTP/1.1.")).await;
}

/// To TLS on a listener without it.
pub(super) async fn speak_no_tls(stream: TcpStream, peer: SocketAddr, listener: &Listener) {
    let address = listener.address;
    if TOLD.swap(true, Ordering::Relaxed) {
        tracing::debug!(%peer, %address, "a caller wants TLS on a listener without it");
    } else {
        let remedy = "set `tls` in [[listen]], or have callers use http://";
        tracing::warn!(%peer, %address, remedy, "a caller wants TLS on a listener without it; more of them are told at debug");
    }
    say(stream, ALERT).await;
}

fn text(status: &str, words: &str) -> Vec<u8> {
    let length = words.len() + 1;
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\n");
    format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{words}\n").into_bytes()
}

async fn say(stream: TcpStream, bytes: &[u8]) {
    let mut stream = Lingering::new(stream, ProtocolChange::default(), ());
    // Whoever is gone already has nothing to be told.
    if stream.write_all(bytes).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}
