//! SIGTERM: what has begun may finish, what has not is not begun.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::Bitting;

/// A gateway, a caller whose request has reached the upstream, and the upstream's end of it.
async fn in_progress(more: &str) -> (Bitting, TcpStream, TcpStream) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", socket.local_addr().unwrap());
    let bitting = Bitting::with_config(&format!(
        "{more}[[api]]\nname = \"shop\"\nupstream = \"{origin}\"\n[api.key]\nprefix = \"shop_\"\n\
         [api.default]\naccess = \"public\"\n"
    ));
    let mut caller = TcpStream::connect(bitting.gateway).await.unwrap();
    caller.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (mut upstream, _) = socket.accept().await.unwrap();
    let mut buffer = [0; 4096];
    assert!(upstream.read(&mut buffer).await.unwrap() > 0);
    (bitting, caller, upstream)
}

#[tokio::test]
async fn a_request_in_progress_finishes_after_sigterm_and_the_exit_code_is_zero() {
    let (mut bitting, mut caller, mut upstream) = in_progress("").await;
    bitting.signal("TERM");
    bitting.wait_for(|line| line.contains("no longer listening") && line.contains(&bitting.gateway.to_string()));
    // Nobody new is let in.
    assert!(refuses(bitting.gateway).await);
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await.unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("done"), "{answer}");
    assert_eq!(bitting.wait(), 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_the_exit_code_is_still_zero() {
    let (mut bitting, _caller, _upstream) = in_progress("[server]\ndrain = \"300ms\"\n").await;
    bitting.signal("TERM");
    assert_eq!(bitting.wait(), 0);
    assert!(bitting.log().contains("requests that were still in progress were cut"));
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_server_up() {
    let (mut bitting, caller, upstream) = in_progress("").await;
    drop((caller, upstream));
    let _idle = TcpStream::connect(bitting.gateway).await.unwrap();
    bitting.signal("INT");
    assert_eq!(bitting.wait(), 0);
}

/// Whether a new connection is refused, or closed before it is answered.
async fn refuses(address: std::net::SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return true };
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer.is_empty()
}
