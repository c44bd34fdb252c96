//! One request and its answer: choosing a server, sending, and sending again where nothing can have happened yet.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::UpstreamTimeouts;
use http::request::Parts;
use http::{Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::Instant;

use super::answer::Answer;
use super::connection::Connection;
use super::failure::{Failure, is_unanswered};
use super::pool::Pool;
use super::server::Slot;
use crate::arriving::Arriving;
use crate::outgoing::take;
use crate::upload::{Turn, Upload, Waiting};

/// Why there is no head of an answer.
enum NoHead {
    /// Nothing of the request was written.
    Unsent(Box<Request<Upload>>, hyper::Error),
    /// It was, or a part of it.
    Failed(hyper::Error),
    /// The server had everything and its time.
    Silent,
}

/// Sends a request and waits for the head of the answer. A server that cannot be connected to is passed over for the next one as
/// long as the time for connecting lasts. What was sent is sent once more at most.
pub(crate) async fn exchange(
    pool: &Pool,
    head: &mut Parts,
    body: Arriving,
    timeouts: &UpstreamTimeouts,
) -> Result<Response<Answer>, Failure> {
    let (body, turn) = Upload::new(body, head.extensions.remove());
    // It may be sent twice if it has no body, and does the same twice as once (RFC 9110, section 9.2.2).
    let mut is_repeatable = turn.is_none() && head.method.is_idempotent();
    let names_servers = pool.names_servers(&head.headers);
    let sent = if is_repeatable { copy(head) } else { take(head) };
    let mut request = Request::from_parts(sent, body);
    let (mut tried, mut only_new, mut left) = (Vec::new(), false, timeouts.connect);
    let mut unconnected: Option<(SocketAddr, io::Error)> = None;
    loop {
        let mut slot = pool.slot(&tried, &mut left).await?;
        let server = Arc::clone(slot.server());
        let idle = if only_new { None } else { server.idle_connection() };
        let connected = match idle {
            Some(connection) => Ok(connection),
            // In a box, so that requests do not carry room for a handshake.
            None => Box::pin(connect(&mut slot, pool.untried(&tried), &mut left)).await,
        };
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) => {
                // Of several errors one is told: that a connection was refused says least.
                let told = match unconnected.take() {
                    Some(before) if before.1.kind() != io::ErrorKind::ConnectionRefused => before,
                    _ => (server.address, error),
                };
                tried.push(server);
                if left.is_zero() || pool.untried(&tried) == 0 {
                    return Err(Failure::NotConnected(told.0, told.1));
                }
                unconnected = Some(told);
                continue;
            }
        };
        if names_servers {
            request.headers_mut().insert(header::HOST, server.site.host.clone());
        }
        let was_used = connection.was_used;
        connection.was_used = true;
        let answer = pin!(connection.sender.try_send_request(request));
        let failed = match wait(answer, turn.as_deref(), timeouts.response_head).await {
            Ok(response) => {
                slot.succeeded();
                return Ok(Answer::of(response, slot, connection, turn, timeouts));
            }
            Err(failed) => failed,
        };
        // A server closes connections that were idle for long, and this may be one: that is nobody's failure.
        let (unsent, error) = match failed {
            NoHead::Unsent(unsent, error) => (Some(*unsent), error),
            NoHead::Failed(error) if is_the_callers(&error) => return Err(Failure::CallersBody(error)),
            NoHead::Failed(error) => (None, error),
            NoHead::Silent => {
                let failure = Failure::Silent(server.address, timeouts.response_head);
                slot.failed(&failure);
                return Err(failure);
            }
        };
        if !was_used {
            slot.failed(&error);
        }
        request = match unsent {
            Some(unsent) if was_used || pool.untried(&tried) > 1 => unsent,
            None if is_unanswered(&error) && is_repeatable => {
                is_repeatable = false;
                Request::from_parts(take(head), Upload::none())
            }
            _ => return Err(Failure::NoAnswer(server.address, error)),
        };
        only_new = true;
        if pool.untried(&tried) > 1 {
            tried.push(server);
        }
    }
}

/// Connects, and takes the time for it from what is left. Whoever does not answer leaves the others their share.
async fn connect(slot: &mut Slot, candidates: usize, left: &mut Duration) -> io::Result<Connection> {
    let began = Instant::now();
    let share = *left / u32::try_from(candidates).unwrap_or(u32::MAX).max(1);
    let server = slot.server();
    let connected = Connection::open(server.address, server.site.secured.as_ref(), share).await;
    if let Err(error) = &connected {
        slot.failed(error);
        *left = left.saturating_sub(began.elapsed());
    }
    connected
}

/// The time that the server has for the head does not pass while the caller has yet to send more of the body. How long that may take is
/// looked after by the body itself, which then fails.
async fn wait(
    mut answer: Pin<&mut impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>>>,
    turn: Option<&Turn>,
    limit: Duration,
) -> Result<Response<Incoming>, NoHead> {
    let mut left = limit;
    loop {
        match tokio::time::timeout(left, answer.as_mut()).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(mut failed)) => {
                let unsent = failed.take_message();
                let error = failed.into_error();
                return Err(match unsent {
                    Some(unsent) => NoHead::Unsent(Box::new(unsent), error),
                    None => NoHead::Failed(error),
                });
            }
            Err(_elapsed) => {
                left = match turn.map(Turn::waiting) {
                    None => Duration::ZERO,
                    Some(Waiting::ForUpstream(since)) => limit.saturating_sub(since),
                    // From whenever it is the server's turn again it has all its time, so there is nothing to look at before.
                    Some(Waiting::ForCaller) => limit,
                };
                if left.is_zero() {
                    return Err(NoHead::Silent);
                }
            }
        }
    }
}

/// Whether it was the caller's body that could not be read.
fn is_the_callers(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A head that is as good as another. What is among its extensions is for one sending.
fn copy(head: &Parts) -> Parts {
    let mut copy = Request::new(()).into_parts().0;
    copy.method = head.method.clone();
    copy.uri = head.uri.clone();
    copy.headers = head.headers.clone();
    copy
}
