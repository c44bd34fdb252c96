//! What systemd, or whatever else has started the server, is told about it (`sd_notify(3)`), if it asks.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// Every request can be answered.
pub(crate) fn ready() {
    tell("READY=1");
}

/// The configuration is read anew; [`ready`] ends it. A unit of the type `notify-reload` waits for both.
pub(crate) fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative.
    let microseconds = now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000;
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
}

/// No more requests are taken.
pub(crate) fn stopping() {
    tell("STOPPING=1");
}

fn tell(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else { return };
    let sent = address(name.as_bytes()).and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        tracing::warn!(%error, state, "the service manager could not be told");
    }
}

/// A path, or after "@" a name that is in no folder.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path)),
    }
}
