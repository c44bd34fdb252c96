//! Why an upstream did not answer.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bitting_core::reason::Reason;

use crate::arriving::ArrivingError;

/// What went wrong, in words for the log: to callers it is one of three reasons.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No server has an address.
    #[error("{0}")]
    NoAddress(Box<str>),
    /// As many connections as there may be are taken, and as many requests wait as may.
    #[error("all connections are taken and {0} requests wait for one")]
    TooManyWait(usize),
    /// A connection did not become free in time.
    #[error("no connection became free within {0:?}")]
    WaitedTooLong(Duration),
    /// There was no connection to be had.
    #[error("cannot connect to {0}")]
    NotConnected(SocketAddr, #[source] io::Error),
    /// The connection broke before the head of the response was there, or what came was none.
    #[error("no answer from {0}")]
    NoAnswer(SocketAddr, #[source] hyper::Error),
    /// The head did not come in time.
    #[error("{0} did not answer within {1:?}")]
    Silent(SocketAddr, Duration),
    /// The caller's own body broke off, made no sense, or was too slow or too large.
    #[error("the caller's body did not come whole")]
    CallersBody(#[source] hyper::Error),
}

impl Failure {
    /// The reason that the caller is told.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Silent(..) => Reason::UpstreamTimeout,
            Self::NotConnected(_, error) if error.kind() == io::ErrorKind::TimedOut => Reason::UpstreamTimeout,
            Self::NoAnswer(_, error) if is_timed_out(error) => Reason::UpstreamTimeout,
            Self::CallersBody(error) => match why_not_whole(error) {
                Some(ArrivingError::TooSlow) => Reason::RequestTimeout,
                Some(ArrivingError::TooLarge) => Reason::PayloadTooLarge,
                Some(ArrivingError::Broken(_)) | None => Reason::InvalidRequest,
            },
            _ => Reason::UpstreamUnreachable,
        }
    }

    /// What to do about it, where the words of the TLS library alone would not tell.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        let Self::NotConnected(_, error) = self else { return None };
        error.get_ref().and_then(|error| error.downcast_ref()).and_then(super::tls::remedy)
    }

    /// The system's own words: what hyper says of it is always the same.
    pub(crate) fn innermost(&self) -> Option<&(dyn Error + 'static)> {
        let mut innermost = self.source()?;
        while let Some(cause) = innermost.source() {
            innermost = cause;
        }
        Some(innermost)
    }
}

/// Why a body was not read to its end.
fn why_not_whole(error: &hyper::Error) -> Option<&ArrivingError> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(why) = error.downcast_ref::<ArrivingError>() {
            return Some(why);
        }
        cause = error.source();
    }
    None
}

/// Whether a connection ended where an answer should have begun. What is no HTTP is an answer, if a bad one.
pub(crate) fn is_unanswered(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_closed() || error.is_canceled() || io_kind(error).is_some()
}

fn is_timed_out(error: &hyper::Error) -> bool {
    io_kind(error) == Some(io::ErrorKind::TimedOut)
}

fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}
