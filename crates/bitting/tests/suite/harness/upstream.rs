//! An upstream that records what reaches it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// Path and query, byte for byte.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The other end of the connection that it came by.
    peer: SocketAddr,
}

type Answer = Arc<dyn Fn(&Recorded) -> Response + Send + Sync>;

/// A real server on a socket of its own.
pub(crate) struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Answers 200 and a little JSON to everything.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| axum::Json(json!({"ok": true})).into_response()).await
    }

    /// Answers as the test says.
    pub(crate) async fn answering(answer: impl Fn(&Recorded) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let state = (Arc::clone(&seen), Arc::new(answer) as Answer);
        let router = Router::new().fallback(record).with_state(state);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, seen, task }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has arrived.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap().clone()
    }

    /// How many connections they came by.
    pub(crate) fn connections(&self) -> usize {
        self.requests().iter().map(|request| request.peer).collect::<HashSet<_>>().len()
    }

    /// The last request that has arrived.
    pub(crate) fn last(&self) -> Recorded {
        self.requests().pop().unwrap()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorded {
    /// A header, or `""`.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap())
    }

    /// Whether a text stands anywhere in the request.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let headers = self
            .headers
            .iter()
            .any(|(name, value)| name.as_str().contains(text) || String::from_utf8_lossy(value.as_bytes()).contains(text));
        headers || self.target.contains(text) || String::from_utf8_lossy(&self.body).contains(text)
    }
}

async fn record(
    State((seen, answer)): State<(Arc<Mutex<Vec<Recorded>>>, Answer)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    let recorded = Recorded {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body: body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default(),
        peer,
    };
    seen.lock().unwrap().push(recorded.clone());
    answer(&recorded)
}
