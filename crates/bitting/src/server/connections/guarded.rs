//! A stream that does not wait for ever, and that says what hyper leaves unsaid.

mod words;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use self::words::in_words;
use super::opening::Speaks;
use super::pace::Pace;

/// A stream under the times of its connection's [`Pace`].
pub(super) struct Guarded<S> {
    stream: S,
    pace: Arc<Pace>,
    speaks: Speaks,
    /// The requests that had begun when the head at hand began.
    begun: u64,
    /// Since when a head is being read; the first one counts from the beginning of the connection.
    head_since: Option<Instant>,
    /// Since when the caller takes nothing.
    stalled_since: Option<Instant>,
    /// Runs out no later than the earliest of all times; when it does, they are looked at.
    timer: Option<Pin<Box<Sleep>>>,
    /// What is left of words that were put in the place of others.
    unsaid: Vec<u8>,
}

/// Which time ran out.
enum Over {
    /// Nothing was asked.
    Idle,
    /// A head or the taking of an answer.
    Slow(&'static str),
}

impl<S> Guarded<S> {
    /// A stream on which a connection begins now.
    pub(super) fn new(stream: S, pace: Arc<Pace>, speaks: Speaks) -> Self {
        let head_since = Some(Instant::now());
        Self { stream, pace, speaks, begun: 0, head_since, stalled_since: None, timer: None, unsaid: Vec::new() }
    }

    /// Notices that a head is complete.
    fn look(&mut self) {
        let begun = self.pace.begun();
        if begun != self.begun {
            self.begun = begun;
            self.head_since = None;
        }
    }

    /// Until when to wait, and what is over then.
    fn until(&self) -> (Instant, Over) {
        let head = self.head_since.map(|since| (self.pace.head_until(since), Over::Slow("the head of a request")));
        let write = self.stalled_since.map(|since| (since + self.pace.write_pause(), Over::Slow("taking an answer")));
        match (head, write) {
            (Some(head), Some(write)) => {
                if head.0 < write.0 {
                    head
                } else {
                    write
                }
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => (self.pace.idle_until(), Over::Idle),
        }
    }

    /// Waits for the time to run out, which mostly means to see that nothing has changed.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<Over> {
        let is_pressing = self.head_since.is_some() || self.stalled_since.is_some();
        let mut timer = match self.timer.take() {
            Some(timer) if !is_pressing => timer,
            Some(mut timer) => {
                let (until, _) = self.until();
                if timer.deadline() > until.into() {
                    timer.as_mut().reset(until.into());
                }
                timer
            }
            None => Box::pin(tokio::time::sleep_until(self.until().0.into())),
        };
        let over = loop {
            if timer.as_mut().poll(context).is_pending() {
                break Poll::Pending;
            }
            let (until, over) = self.until();
            if until <= Instant::now() {
                break Poll::Ready(over);
            }
            timer.as_mut().reset(until.into());
        };
        self.timer = Some(timer);
        over
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Writes what is left of words that were put in the place of others.
    fn poll_words(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsaid.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.unsaid))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsaid.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether bytes are a refusal that hyper makes by itself of a head that it cannot read; then better words take its place.
    fn puts_into_words(&mut self, bytes: &[u8]) -> bool {
        if self.speaks != Speaks::Http1 || self.head_since.is_none() {
            return false;
        }
        let words = in_words(bytes);
        let is_refusal = words.is_some();
        self.unsaid.extend(words.into_iter().flatten());
        is_refusal
    }

    /// Gives what was tried back, unless the caller has kept it waiting for too long.
    fn unless_stalled<T>(&mut self, context: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.stalled_since = None;
            return tried;
        }
        self.stalled_since.get_or_insert_with(Instant::now);
        match ready!(self.poll_over(context)) {
            Over::Idle => Poll::Pending,
            Over::Slow(at) => Poll::Ready(Err(too_slow(at))),
        }
    }
}

fn too_slow(at: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the caller was too slow at {at}"))
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look();
        if this.pace.is_abused() {
            return Poll::Ready(Err(io::Error::other("the caller took too many requests back")));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() {
            return match ready!(this.poll_over(context)) {
                // The end of the stream, as if the caller had closed it: nobody loses anything.
                Over::Idle => Poll::Ready(Ok(())),
                Over::Slow(at) => Poll::Ready(Err(too_slow(at))),
            };
        }
        // A head of HTTP/2 that is never complete is idle time.
        if this.head_since.is_none() && this.speaks == Speaks::Http1 && buffer.filled().len() > before && this.pace.is_idle() {
            this.head_since = Some(Instant::now());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look();
        ready!(this.poll_words(context))?;
        if this.puts_into_words(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.unless_stalled(context, written)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look();
        ready!(this.poll_words(context))?;
        if let [only] = slices
            && this.puts_into_words(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.unless_stalled(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_words(context))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.unless_stalled(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_words(context))?;
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.unless_stalled(context, shut)
    }
}
