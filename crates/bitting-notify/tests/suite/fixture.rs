//! Endpoints that do whatever a test wants, and what to send to them.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{Destinations, SigningSecret};
use bitting_notify::{Exchange, Message, Resolve, Roots, Sender, SystemResolver, Turn};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// An endpoint on this machine; each connection is handed to what the test wants to do with it.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<usize>>,
}

impl Endpoint {
    pub(crate) async fn start<F: Future<Output = ()> + Send + 'static>(
        behave: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                tokio::spawn(behave(stream));
            }
        });
        Self { address, connections }
    }

    /// One that reads the request, answers with these bytes, and keeps the connection open.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await;
                stream.write_all(&answer).await.unwrap();
                std::future::pending::<()>().await;
            }
        })
        .await
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?x=1", self.address)
    }
}

/// Reads a request's head and body.
pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let length = stream.read(&mut part).await.unwrap();
        read.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if length == 0 || text.ends_with(BODY) {
            return text;
        }
    }
}

/// What is sent.
pub(crate) const BODY: &str = r#"{"type":"key.revoked"}"#;

pub(crate) fn message() -> Message {
    Message {
        id: "evt_1".to_owned(),
        body: Bytes::from_static(BODY.as_bytes()),
        at: Timestamp::from_millis(1_700_000_000_000),
        secrets: vec![SigningSecret::new([7; 32])],
    }
}

/// Says that every name has these addresses, others each time.
pub(crate) struct Says(pub(crate) Mutex<Vec<Vec<&'static str>>>);

#[async_trait]
impl Resolve for Says {
    async fn resolve(&self, _name: &str, _turn: Turn) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Ok(answer.into_iter().map(|address| address.parse().unwrap()).collect())
    }
}

pub(crate) fn says(answers: &[&[&'static str]]) -> Arc<dyn Resolve> {
    Arc::new(Says(Mutex::new(answers.iter().map(|answer| answer.to_vec()).collect())))
}

/// Long enough for whatever answers, and short enough for whatever does not.
const LIMIT: Duration = Duration::from_millis(1_500);

/// A sender that may send to this machine.
pub(crate) fn local() -> Sender {
    sender(&["127.0.0.0/8"], Arc::new(SystemResolver::default()), Roots::default())
}

pub(crate) fn sender(allow: &[&str], resolver: Arc<dyn Resolve>, roots: Roots) -> Sender {
    Sender::new(Destinations::new(true, allow.iter().copied()).unwrap(), resolver, roots, LIMIT)
}

pub(crate) async fn send(sender: &Sender, to: &str) -> Exchange {
    sender.send(&message(), &to.parse().unwrap()).await
}

/// Why it did not arrive.
pub(crate) async fn failure(sender: &Sender, to: &str) -> String {
    send(sender, to).await.outcome.unwrap_err().to_string()
}
