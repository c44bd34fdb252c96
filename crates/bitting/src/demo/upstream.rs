//! A sample of the five APIs: enough to answer what their documents show, and to show what reached them.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// Starts a sample upstream on a port of this machine. Its name stands in all its answers.
pub(super) async fn start(port: u16, name: &'static str) -> Result<JoinHandle<()>, Failure> {
    let listener = super::listen(port).await?;
    let router = Router::new()
        .route("/api/assistants", get(assistants))
        .route("/api/v1/models", get(models))
        .route("/api/v1/chat/completions", post(chat))
        .route("/api/v1/stakeholders", any(stakeholders))
        .route("/v1/health", get(health))
        .route("/v1/listings", get(listings))
        .route("/v1/orders", post(orders))
        .fallback(anything)
        .with_state(name);
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the sample upstream ended");
        }
    }))
}

type Name = State<&'static str>;

async fn assistants(State(name): Name, request: Request) -> Response {
    let assistants = json!([{"id": "asst_1", "name": "Concierge"}, {"id": "asst_2", "name": "Librarian"}]);
    answer(StatusCode::OK, json!({"assistants": assistants}), name, &request)
}

async fn models(State(name): Name, request: Request) -> Response {
    let models = json!([{"id": "gpt-4o", "object": "model", "created": 1_700_000_000, "owned_by": "backbone"}]);
    answer(StatusCode::OK, json!({"object": "list", "data": models}), name, &request)
}

async fn stakeholders(State(name): Name, request: Request) -> Response {
    let stakeholders = json!([{"id": "sh_1", "name": "Ada Lovelace", "shares": 1_000}]);
    answer(StatusCode::OK, json!({"data": stakeholders}), name, &request)
}

async fn health(State(name): Name, request: Request) -> Response {
    answer(StatusCode::OK, json!({"status": "ok"}), name, &request)
}

async fn listings(State(name): Name, request: Request) -> Response {
    let listings = json!([{"id": "lst_1", "item": "AK-47 | Redline", "price": 12.5}]);
    answer(StatusCode::OK, json!({"data": listings}), name, &request)
}

async fn orders(State(name): Name, request: Request) -> Response {
    answer(StatusCode::CREATED, json!({"id": "ord_1", "state": "open"}), name, &request)
}

/// Tasks, projects, users, and whatever else is asked for.
async fn anything(State(name): Name, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    answer(StatusCode::OK, json!({"object": path}), name, &request)
}

/// One completion, or the same in pieces as server-sent events.
async fn chat(State(name): Name, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return StatusCode::BAD_REQUEST.into_response() };
    let asked: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    if asked["stream"] == true {
        return chat_stream();
    }
    let message = json!({"role": "assistant", "content": "Hello! How can I help?"});
    let completion = json!({
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11},
    });
    answer(StatusCode::OK, completion, name, &Request::from_parts(head, Body::empty()))
}

fn chat_stream() -> Response {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(4);
    tokio::spawn(async move {
        let words = ["Hello!", " How", " can", " I", " help?"];
        let chunks = words.iter().map(|word| json!({"content": word})).chain([json!({})]);
        for (position, delta) in chunks.enumerate() {
            let finish_reason = if position == words.len() { json!("stop") } else { Value::Null };
            let chunk = json!({
                "id": "chatcmpl-demo",
                "object": "chat.completion.chunk",
                "created": 1_700_000_000,
                "model": "gpt-4o",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
            });
            if sender.send_data(format!("data: {chunk}\n\n").into()).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Whoever listened may be gone.
        let _ = sender.send_data("data: [DONE]\n\n".into()).await;
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
}

/// The answer, with what reached the upstream.
fn answer(status: StatusCode, mut body: Value, name: &str, request: &Request) -> Response {
    let mut headers = serde_json::Map::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.insert(name.to_string(), Value::from(value));
    }
    body["received"] = json!({
        "by": format!("the sample upstream ({name})"),
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "query": request.uri().query(),
        "headers": headers,
    });
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body:#}\n")).into_response()
}
