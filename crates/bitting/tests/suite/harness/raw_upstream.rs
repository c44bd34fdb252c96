//! An upstream that a test plays byte for byte, as badly as it likes.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// A socket, each connection to which is played by a function of its number, from 0.
pub(crate) struct RawUpstream {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    ended: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl RawUpstream {
    pub(crate) async fn playing<F>(play: impl Fn(usize, TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::playing_at("127.0.0.1:0".parse().unwrap(), play).await
    }

    /// The same at an address of the test's choice.
    pub(crate) async fn playing_at<F>(at: SocketAddr, play: impl Fn(usize, TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = TcpListener::bind(at).await.unwrap();
        let address = socket.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let ended = Arc::new(Semaphore::new(0));
        let tell = Arc::clone(&ended);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = socket.accept().await.unwrap();
                let (played, tell) = (play(count.fetch_add(1, Ordering::SeqCst), stream), Arc::clone(&tell));
                tokio::spawn(async move {
                    played.await;
                    tell.add_permits(1);
                });
            }
        });
        Self { address, connections, ended, task }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until a connection was played to its end, once for each.
    pub(crate) async fn one_ended(&self) {
        self.ended.acquire().await.unwrap().forget();
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads a request with a body of a given length, or less if the other side ends; its head, or `""`.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(count) if count > 0 => {}
            _ => return String::new(),
        }
    }
}

/// Answers every request of a connection alike, until the other side ends it.
pub(crate) async fn answer_all(mut stream: impl AsyncRead + AsyncWrite + Unpin, body: &str) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    while !read_request(&mut stream).await.is_empty() {
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Ends a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}
