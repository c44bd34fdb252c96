//! What a caller speaks, seen from its first bytes, which are left where they are.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What the first bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glance {
    /// A TLS record that begins a handshake.
    Tls,
    /// The beginning of the preface of HTTP/2, which no method of HTTP/1.1 begins with.
    Http2Preface,
    /// Anything else: if it is not HTTP/1.1, its parser will say so.
    Http1,
    /// The caller closed without a word.
    Nothing,
}

/// The first byte of a TLS handshake record, which no text begins with.
const HANDSHAKE: u8 = 22;

/// What the preface begins with (RFC 9113, section 3.4).
const PRI: &[u8] = b"PRI";

/// Waits until the first bytes say what is spoken. Nothing is read, so that whoever goes on finds all of it.
pub(super) async fn glance(stream: &TcpStream) -> io::Result<Glance> {
    let mut seen = 0;
    loop {
        stream.readable().await?;
        // What does not yet tell is no news: only bytes that come after it end the wait, which is why it is looked at in here.
        let looked = stream.try_io(Interest::READABLE, || {
            let mut space = [0; PRI.len()];
            let (_, count) = recv(stream, &mut space, RecvFlags::PEEK)?;
            let found = judge(space.get(..count).unwrap_or_default());
            if found.is_none() && count <= seen {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            seen = count;
            Ok(found)
        });
        match looked {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn judge(bytes: &[u8]) -> Option<Glance> {
    match bytes {
        [] => Some(Glance::Nothing),
        [HANDSHAKE, ..] => Some(Glance::Tls),
        bytes if bytes == PRI => Some(Glance::Http2Preface),
        bytes if PRI.starts_with(bytes) => None,
        _ => Some(Glance::Http1),
    }
}
