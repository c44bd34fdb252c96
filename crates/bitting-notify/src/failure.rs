//! Why a message did not arrive, in words for whoever runs the endpoint.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bitting_core::webhook::Refused;

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing may be sent there.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// A name leads to nothing that may be sent to.
    #[error("{name} leads to {refused}")]
    LeadsAstray {
        /// The name.
        name: Box<str>,
        /// The last of its addresses.
        refused: Refused,
    },
    /// Nobody knows the name's address.
    #[error("the address of {0} could not be found: {1}")]
    NoAddress(Box<str>, io::Error),
    /// Nobody took the connection.
    #[error("could not connect to {0}: {1}")]
    NoConnection(SocketAddr, io::Error),
    /// The connection could not be secured.
    #[error("no TLS connection: {0}")]
    NoTls(io::Error),
    /// It took too long.
    #[error("it took longer than {} s to {during}", .limit.as_secs_f64())]
    TooLong {
        /// What was being done.
        during: &'static str,
        /// How long all of it may take.
        limit: Duration,
    },
    /// The connection broke, or what came over it is no answer.
    #[error("{0}")]
    NoAnswer(Box<str>),
    /// It could not be tried.
    #[error("{0}")]
    Unready(Box<str>),
}

impl Failure {
    /// What went wrong on a connection, in fewer words than its error has in all of its layers.
    pub(crate) fn of_http(error: &hyper::Error) -> Self {
        let words = if error.is_incomplete_message() {
            "the connection was closed before there was an answer".to_owned()
        } else if error.is_parse_too_large() {
            "the head of the answer is too large".to_owned()
        } else if error.is_parse() {
            "what came back is no HTTP answer".to_owned()
        } else {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("the connection broke{cause}")
        };
        Self::NoAnswer(words.into())
    }
}
