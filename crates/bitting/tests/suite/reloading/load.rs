//! Reloads while callers never rest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{PUBLIC, config, reload};
use crate::harness::{Bitting, Upstream};

/// One connection, which is never opened again: a request that it cannot carry is lost.
pub(super) struct Caller {
    connection: SendRequest<Full<Bytes>>,
}

impl Caller {
    pub(super) async fn connect(to: SocketAddr) -> Self {
        let (connection, driver) = handshake(TokioIo::new(TcpStream::connect(to).await.unwrap())).await.unwrap();
        tokio::spawn(driver);
        Self { connection }
    }

    /// The status of an answer that was read to its end.
    pub(super) async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> hyper::Result<u16> {
        self.connection.ready().await?;
        let mut request = Request::get(path);
        if headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", "shop.test");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.connection.send_request(request.body(Full::default()).unwrap()).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        Ok(status)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_reloads_under_load_lose_no_request_and_close_no_connection() {
    let upstreams = [Upstream::start().await, Upstream::start().await];
    let bitting = Bitting::with_config(&config(&upstreams[0], 1_000_000, ""));
    let bearer = format!("Bearer {}", bitting.key(&[]).key);
    let (over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (over, count, bearer, gateway) = (Arc::clone(&over), Arc::clone(&count), bearer.clone(), bitting.gateway);
            tokio::spawn(async move {
                let mut caller = Caller::connect(gateway).await;
                while !over.load(Ordering::Relaxed) {
                    let status = caller.get("/things", &[("authorization", &bearer)]).await;
                    assert_eq!(status.unwrap(), 200);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut seen = 0;
    for turn in 0..50 {
        // Another upstream, another plan, other routes and another timeout, hence other connections to upstreams.
        let timeout = format!("[api.timeouts]\nresponse_head = \"{}s\"\n", 30 + turn % 3);
        let more = if turn % 2 == 0 { format!("{PUBLIC}{timeout}") } else { timeout };
        reload(&bitting, &config(&upstreams[turn % 2], 1_000_000 + u32::try_from(turn).unwrap(), &more));
        let now = count.load(Ordering::Relaxed);
        assert!(callers.iter().all(|caller| !caller.is_finished()), "a caller has lost a request");
        seen += usize::from(now > 0);
    }
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(seen > 0 && upstreams.iter().all(|upstream| upstream.requests().len() > 50));
}
