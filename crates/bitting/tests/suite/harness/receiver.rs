//! Somebody who receives webhooks, and takes them or not as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What is done with a message.
#[derive(Debug, Clone)]
pub(crate) enum Reception {
    /// It is answered with this status.
    Status(u16),
    /// It is answered with this status if it has this id, and taken if not.
    StatusFor(u16, String),
    /// It is answered with this status and `Retry-After`.
    RetryAfter(u16, &'static str),
    /// It is answered with a redirect.
    Redirect(String),
    /// It is never answered.
    Silence,
}

/// A real server on a socket of its own.
pub(crate) struct Receiver {
    pub(crate) url: String,
    messages: UnboundedReceiver<Got>,
    plan: Arc<Mutex<Plan>>,
    task: JoinHandle<()>,
}

/// What is done with the next messages, and then with all others.
struct Plan {
    next: VecDeque<Reception>,
    then: Reception,
}

type Shared = (UnboundedSender<Got>, Arc<Mutex<Plan>>);

/// How long a message that must come may take.
const PATIENCE: Duration = Duration::from_mins(1);

impl Receiver {
    /// Takes everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (told, messages) = unbounded_channel();
        let plan = Arc::new(Mutex::new(Plan { next: VecDeque::new(), then: Reception::Status(204) }));
        let router = Router::new().fallback(receive).with_state((told, Arc::clone(&plan)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, messages, plan, task }
    }

    /// From now on does this with every message.
    pub(crate) fn will(&self, then: Reception) {
        *self.plan.lock().unwrap() = Plan { next: VecDeque::new(), then };
    }

    /// Does this with the next ones, and after that what it did.
    pub(crate) fn will_first(&self, next: impl IntoIterator<Item = Reception>) {
        self.plan.lock().unwrap().next.extend(next);
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Got {
        let next = tokio::time::timeout(PATIENCE, self.messages.recv());
        next.await.unwrap_or_else(|_| panic!("no message came")).unwrap()
    }

    /// Everything that has come by now and was not looked at.
    pub(crate) fn so_far(&mut self) -> Vec<Got> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The message's id.
    pub(crate) fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    /// What it tells.
    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

async fn receive(State((told, plan)): State<Shared>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/hook"));
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let reception = {
        let mut plan = plan.lock().unwrap();
        plan.next.pop_front().unwrap_or_else(|| plan.then.clone())
    };
    let head_id = head.headers.get("webhook-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    // The test may be over.
    let _ = told.send(Got { headers: head.headers, body: String::from_utf8(body).unwrap() });
    let status = |status: u16| StatusCode::from_u16(status).unwrap();
    match reception {
        Reception::Status(code) => status(code).into_response(),
        Reception::StatusFor(code, id) => {
            let is_it = head_id.as_deref() == Some(id.as_str());
            if is_it { status(code) } else { StatusCode::NO_CONTENT }.into_response()
        }
        Reception::RetryAfter(code, after) => (status(code), [(header::RETRY_AFTER, after)]).into_response(),
        Reception::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Reception::Silence => std::future::pending().await,
    }
}
