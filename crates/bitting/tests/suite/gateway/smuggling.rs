//! Requests that two servers could read differently, before nginx and before Node, which never see one that Bitting did not
//! decide about.
//!
//! The cases are data: what is sent, how it is answered, whether the connection goes on, and what reaches the server behind. Each
//! is followed by an ordinary request on the same connection. None of them may bring `/smuggled` there, which nobody asks for with
//! a key. In the end each request that a server has seen is held against the access log: one line of an admitted request has its
//! id, its method and its path.

mod chunks;
mod coding;
mod fields;
mod framed;
mod lines;

use std::collections::HashMap;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::Then::{Breaks, Kept};
use crate::harness::{Bitting, Seen, Server};

/// One of them. In what is sent stand some words for others: `HOST`, `KEY` (a whole header), `GET_A`, `POST_A` and `CHUNKED` (heads to
/// go on with) and `SMUGGLED`.
struct Case {
    name: &'static str,
    sent: &'static [u8],
    /// The status of each answer, interim ones included.
    answers: &'static [u16],
    then: Then,
    /// Method, target and body of each request that reaches the server behind.
    seen: &'static [(&'static str, &'static str, &'static str)],
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// The next request on it is answered.
    Kept,
    /// It ends, and the next request is not read.
    Closed,
    /// It ends, because the body breaks off. The server behind may have seen its beginning, and knows that it is not whole.
    Breaks,
}

const fn case(
    name: &'static str,
    sent: &'static [u8],
    answers: &'static [u16],
    then: Then,
    seen: &'static [(&'static str, &'static str, &'static str)],
) -> Case {
    Case { name, sent, answers, then, seen }
}

const AFTER: &[u8] = b"GET /after HTTP/1.1\r\nHost: HOST\r\nKEY\r\nConnection: close\r\n\r\n";

const RULES: &str = "[[api.route]]\nmatch = \"BREW /*\"\naccess = \"closed\"\n\
                     [[api.route]]\nmatch = \"/files/*\"\nencoded_slash = \"data\"\n";

/// A server behind Bitting, and what a caller needs to reach it.
struct Behind {
    server: Server,
    host: &'static str,
    key: String,
    marks: u32,
    /// Whether there was a request that broke off. Those are the last.
    has_seen_parts: bool,
    seen: Vec<(&'static str, Seen)>,
}

impl Behind {
    fn expand(&self, sent: &[u8]) -> Vec<u8> {
        let words: [(&[u8], &[u8]); 6] = [
            (b"SMUGGLED", b"GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"),
            (b"CHUNKED ", b"POST_A Transfer-Encoding: chunked\r\n\r\n"),
            (b"POST_A ", b"POST /a HTTP/1.1\r\nHost: HOST\r\nKEY\r\n"),
            (b"GET_A ", b"GET /a HTTP/1.1\r\nHost: HOST\r\nKEY\r\n"),
            (b"HOST", self.host.as_bytes()),
            (b"KEY", self.key.as_bytes()),
        ];
        words.iter().fold(sent.to_vec(), |text, (word, meaning)| replace(&text, word, meaning))
    }

    /// Sends a case and says what is not as it should be.
    async fn run(&mut self, bitting: &Bitting, case: &'static Case) -> Option<String> {
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        let _ = stream.write_all(&self.expand(&[case.sent, AFTER].concat())).await;
        if case.then == Breaks {
            stream.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let mut seen = self.until_mark(bitting).await;
        self.has_seen_parts |= case.then == Breaks;
        // A server may notice only later that no more will come.
        seen.retain(|seen| !(self.has_seen_parts && seen.is_malformed));
        self.seen.extend(seen.iter().map(|seen| (case.name, seen.clone())));

        let answer = String::from_utf8_lossy(&answer).into_owned();
        // What follows in a sentence about versions is no status.
        let status = |rest: &str| rest.get(2..5)?.parse().ok();
        let answers: Vec<u16> = answer.split("HTTP/1.").skip(1).filter_map(status).collect();
        let after: &[u16] = if case.then == Kept { &[200] } else { &[] };
        let told: Vec<_> = seen.iter().map(|seen| (&*seen.method, &*seen.target, &*seen.body)).collect();
        let after_told: &[_] = if case.then == Kept { &[("GET", "/after", "")] } else { &[] };
        let is_right = answers == [case.answers, after].concat()
            && told == [case.seen, after_told].concat()
            && seen.iter().all(|seen| !seen.is_malformed && !seen.id.is_empty() && seen.target != "/smuggled");
        (!is_right).then(|| format!("{} before {}: {answers:?}, seen: {seen:?}", case.name, self.host))
    }

    /// All that the server has seen by now: it tells in order, so by the time it tells of a mark it has told of the rest.
    async fn until_mark(&mut self, bitting: &Bitting) -> Vec<Seen> {
        self.marks += 1;
        let mark = format!("/mark/{}", self.marks);
        let request = self.expand(&replace(AFTER, b"/after", mark.as_bytes()));
        let answer = crate::harness::raw(bitting.gateway, request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let mut seen = Vec::new();
        loop {
            let next = self.server.next().await;
            if next.target == mark {
                return seen;
            }
            seen.push(next);
        }
    }
}

fn replace(text: &[u8], word: &[u8], meaning: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.windows(word.len()).position(|window| window == word) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(meaning);
        rest = &rest[at + word.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[tokio::test]
async fn no_server_behind_sees_a_request_that_was_not_decided_about() {
    let servers = [("nginx", "nginx.test", Server::nginx().await), ("node", "node.test", Server::node())];
    let api = |name: &str, host: &str, server: &Server| {
        format!(
            "[[api]]\nname = \"{name}\"\nhosts = [\"{host}\"]\nupstream = \"{}\"\n[api.key]\nprefix = \"{name}_\"\n{RULES}",
            server.origin()
        )
    };
    let config: String = servers.iter().map(|(name, host, server)| api(name, host, server)).collect();
    let bitting = Bitting::with_config(&config);
    let cases = || [coding::CASES, chunks::CASES, lines::CASES, fields::CASES].into_iter().flatten();
    assert!(cases().count() >= 80);
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for (name, host, server) in servers {
        let key = format!("Authorization: Bearer {}", bitting.key(&["--api", name]).key);
        let mut behind = Behind { server, host, key, marks: 0, has_seen_parts: false, seen: Vec::new() };
        let (breaking, whole): (Vec<_>, Vec<_>) = cases().partition(|case| case.then == Breaks);
        for case in whole {
            wrong.extend(behind.run(&bitting, case).await);
        }
        for case in framed::CASES {
            wrong.extend(behind.run_framed(&bitting, case).await);
        }
        for case in breaking {
            wrong.extend(behind.run(&bitting, case).await);
        }
        seen.append(&mut behind.seen);
    }
    assert!(wrong.is_empty(), "{} are not as they should be:\n{}", wrong.len(), wrong.join("\n"));

    let log = std::fs::read_to_string(bitting.stop().path("serve.out")).unwrap();
    let mut decided: HashMap<String, Value> = HashMap::new();
    for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let id = line["request_id"].as_str().unwrap_or_default().to_owned();
        assert!(decided.insert(id, line).is_none(), "an id stands in two lines");
    }
    for (case, seen) in seen {
        let line =
            decided.remove(&seen.id).unwrap_or_else(|| panic!("{case}: nobody decided about {seen:?}, or somebody twice"));
        let path = seen.target.split('?').next();
        assert_eq!((line["method"].as_str(), line["path"].as_str()), (Some(&*seen.method), path), "{case}");
        assert!(line["reason"].is_null() && !line["key"].is_null(), "{case}: {line}");
    }
}
