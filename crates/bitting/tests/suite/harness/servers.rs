//! Real servers of other people behind Bitting: nginx and Node, telling each request that they see.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::UdpSocket;
use tokio::net::unix::pipe::Receiver;

use super::traces::Traces;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    child: Child,
    tells: Tells,
    _traces: Traces,
}

/// Where it tells what it sees.
enum Tells {
    /// By syslog, which nginx speaks.
    Datagrams(UdpSocket),
    /// On its standard output.
    Lines(Lines<BufReader<Receiver>>),
}

/// A request as the server has understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Of bytes above ASCII nothing is sure.
    pub(crate) body: String,
    /// Its `X-Request-Id`.
    pub(crate) id: String,
    /// Whether the server found it malformed.
    pub(crate) is_malformed: bool,
}

/// Tells method, target and body of each request, and of each that the server would not take.
const NODE: &str = r"
const http = require('node:http');
const tell = (seen) => console.log(JSON.stringify(seen));
const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const { method, url: target, headers } = request;
    tell({ method, target, id: headers['x-request-id'] ?? '', body: Buffer.concat(parts).toString('latin1'), status: '200' });
    response.end('ok');
  });
});
server.on('clientError', (error, socket) => {
  // A connection that is closed between requests is no request.
  if (error.code !== 'ECONNRESET') tell({ method: '', target: String(error.code), id: '', body: '', status: '400' });
  socket.destroy();
});
server.listen({ fd: 0 });
";

/// One worker, its log to a socket, and a second server behind it: only what is passed on has a body that can be told.
const NGINX: &str = r#"
daemon off;
user root root;
worker_processes 1;
pid FOLDER/nginx.pid;
error_log FOLDER/nginx.log;
events {}
http {
  log_format seen escape=json '{"method":"$request_method","target":"$request_uri","id":"$http_x_request_id",'
                              '"body":"$request_body","status":"$status"}';
  access_log syslog:server=LOG,nohostname,tag=seen seen;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  client_body_buffer_size 64k;
  server {
    listen ADDRESS;
    location / { proxy_pass http://unix:inner.sock; }
  }
  server {
    listen unix:inner.sock;
    access_log off;
    location / { return 200 "ok"; }
  }
}
"#;

impl Server {
    /// Node's own HTTP server.
    pub(crate) fn node() -> Self {
        let (socket, address) = listen();
        let (write, read) = tokio::net::unix::pipe::pipe().unwrap();
        let write = write.into_blocking_fd().unwrap();
        let child = Command::new("node").args(["-e", NODE]).stdin(OwnedFd::from(socket)).stdout(write).spawn().unwrap();
        let tells = Tells::Lines(BufReader::new(read).lines());
        Self { address, child, tells, _traces: Traces::new() }
    }

    /// Debian's nginx.
    pub(crate) async fn nginx() -> Self {
        let (socket, address) = listen();
        let log = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let traces = Traces::new();
        let config = NGINX
            .replace("FOLDER", &traces.folder().display().to_string())
            .replace("LOG", &log.local_addr().unwrap().to_string())
            .replace("ADDRESS", &address.to_string());
        let file = traces.path("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-c").arg(file).arg("-p").arg(traces.folder()).arg("-e").arg(traces.path("nginx.log"));
        // The path of a Unix socket must be short.
        nginx.current_dir(traces.folder());
        // It takes a socket that is listened on already, as from the process before it when it is upgraded.
        let child = nginx.env("NGINX", "0;").stdin(OwnedFd::from(socket)).stdout(Stdio::null()).spawn().unwrap();
        Self { address, child, tells: Tells::Datagrams(log), _traces: traces }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for the next request that it tells of.
    pub(crate) async fn next(&mut self) -> Seen {
        let line = match &mut self.tells {
            Tells::Lines(lines) => lines.next_line().await.unwrap().unwrap(),
            Tells::Datagrams(socket) => {
                let mut datagram = vec![0; 65_536];
                let length = socket.recv(&mut datagram).await.unwrap();
                let text = String::from_utf8_lossy(&datagram[..length]);
                text[text.find('{').unwrap()..].to_owned()
            }
        };
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        let is_malformed = text("status").starts_with('4');
        Seen { method: text("method"), target: text("target"), body: text("body"), id: text("id"), is_malformed }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not killed, so that what it has started ends too.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// A socket that connections can be made to before anybody takes them.
fn listen() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}
