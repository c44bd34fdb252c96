//! A connection that is not torn from under its caller.
//!
//! Whoever is refused before their body was read is still sending it. A socket that is closed with something unread in it answers
//! with a reset, and a reset takes the refusal away before it was read (RFC 9112, section 9.6). So the end is announced first,
//! and what still comes is read and thrown away, for a while.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bitting_gateway::ProtocolChange;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long is read on after the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much is read on after the end, in bytes: more than any body that a service listener takes.
const MOST: usize = 32 << 20;

/// A stream that lingers when it is shut down, unless it is no longer HTTP by then.
pub(super) struct Lingering<S, P> {
    stream: S,
    change: ProtocolChange,
    /// What the connection takes of others until it is closed, however far it is handed on.
    _place: P,
    /// Since the end was announced.
    end: Option<Pin<Box<Sleep>>>,
    thrown_away: usize,
}

impl<S, P> Lingering<S, P> {
    pub(super) fn new(stream: S, change: ProtocolChange, place: P) -> Self {
        Self { stream, change, _place: place, end: None, thrown_away: 0 }
    }
}

impl<S: AsyncRead + Unpin, P: Unpin> AsyncRead for Lingering<S, P> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, P: Unpin> AsyncWrite for Lingering<S, P> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.change.has_happened() {
            // What still comes is for the other side of the tunnel.
            return Pin::new(&mut this.stream).poll_shutdown(context);
        }
        if this.end.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let end = this.end.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        let mut space = [0; 16 << 10];
        while end.as_mut().poll(context).is_pending() && this.thrown_away < MOST {
            let mut buffer = ReadBuf::new(&mut space);
            // Whoever has reset the connection has nothing left to be told.
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            this.thrown_away += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
