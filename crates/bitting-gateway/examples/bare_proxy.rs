//! The least that a reverse proxy of the same libraries can do: the ruler that the gateway is held against.
//!
//! `bare_proxy PORT UPSTREAM` forwards everything; `bare_proxy PORT` answers everything itself, as the upstream of the
//! measurement.

#![expect(clippy::unwrap_used, reason = "a ruler breaks loudly")]

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

const ANSWER: &str = r#"{"id": "task_1", "title": "An answer of about one hundred bytes, as small JSON answers are"}"#;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let address = SocketAddr::from(([127, 0, 0, 1], arguments[1].parse().unwrap()));
    let upstream: Option<Authority> = arguments.get(2).map(|authority| authority.parse().unwrap());
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (client, upstream) = (client.clone(), upstream.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (client, upstream) = (client.clone(), upstream.clone());
            async move {
                let Some(upstream) = upstream else {
                    let answer = Response::builder().header(header::CONTENT_TYPE, "application/json");
                    return Ok::<_, Infallible>(answer.body(Either::Left(Full::new(Bytes::from(ANSWER)))).unwrap());
                };
                let mut parts = request.uri().clone().into_parts();
                (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(upstream));
                *request.uri_mut() = Uri::from_parts(parts).unwrap();
                Ok(client.request(request).await.unwrap().map(Either::Right))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
