//! HTTP/2, frame by frame: fields that become lines of HTTP/1.1 for the server behind.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Behind, replace};
use crate::harness::Bitting;

type Field = (&'static [u8], &'static [u8]);

/// One request. `HOST` and `KEY` stand for themselves, `KEY` for the value of `Authorization`.
pub(super) struct Framed {
    name: &'static str,
    fields: &'static [Field],
    body: Option<&'static [u8]>,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// It is answered with 200, and reaches the server behind with this method, target and body.
    Passes(&'static str, &'static str, &'static str),
    /// It is answered with another status, or its stream or connection ends; the server behind has not seen it.
    Refused,
    /// The same, but its body has broken off on the way.
    Breaks,
}

use Outcome::{Breaks, Passes, Refused};

const fn framed(name: &'static str, fields: &'static [Field], body: Option<&'static [u8]>, outcome: Outcome) -> Framed {
    Framed { name, fields, body, outcome }
}

const SCHEME: Field = (b":scheme", b"http");
const HOST: Field = (b":authority", b"HOST");
const GET: Field = (b":method", b"GET");
const POST: Field = (b":method", b"POST");
const PATH: Field = (b":path", b"/a");
const KEY: Field = (b"authorization", b"KEY");

/// Those whose bodies break off are the last.
pub(super) const CASES: &[Framed] = &[
    framed("a GET", &[GET, SCHEME, HOST, PATH, KEY], None, Passes("GET", "/a", "")),
    framed("a body without a length", &[POST, SCHEME, HOST, PATH, KEY], Some(b"abc"), Passes("POST", "/a", "abc")),
    framed("a body in a GET", &[GET, SCHEME, HOST, PATH, KEY], Some(b"abc"), Passes("GET", "/a", "abc")),
    framed(
        "a request in a body",
        &[POST, SCHEME, HOST, PATH, KEY],
        Some(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
        Passes("POST", "/a", "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
    ),
    framed("a length", &[POST, SCHEME, HOST, PATH, KEY, (b"content-length", b"3")], Some(b"abc"), Passes("POST", "/a", "abc")),
    framed("Host in place of :authority", &[GET, SCHEME, PATH, KEY, (b"host", b"HOST")], None, Passes("GET", "/a", "")),
    framed("Host beside :authority", &[GET, SCHEME, HOST, PATH, KEY, (b"host", b"HOST")], None, Passes("GET", "/a", "")),
    framed(
        "crumbs of a cookie",
        &[GET, SCHEME, HOST, PATH, KEY, (b"cookie", b"a=b"), (b"cookie", b"c=d")],
        None,
        Passes("GET", "/a", ""),
    ),
    framed("chunked", &[POST, SCHEME, HOST, PATH, KEY, (b"transfer-encoding", b"chunked")], Some(b"0\r\n\r\n"), Refused),
    framed("Connection", &[GET, SCHEME, HOST, PATH, KEY, (b"connection", b"close")], None, Refused),
    framed("Upgrade", &[GET, SCHEME, HOST, PATH, KEY, (b"upgrade", b"h2c")], None, Refused),
    framed("TE other than trailers", &[GET, SCHEME, HOST, PATH, KEY, (b"te", b"chunked")], None, Refused),
    framed("a name in capitals", &[GET, SCHEME, HOST, PATH, KEY, (b"Transfer-Encoding", b"chunked")], None, Refused),
    framed("a line in a name", &[GET, SCHEME, HOST, PATH, KEY, (b"x: y\r\nbitting-account", b"other")], None, Refused),
    framed("a colon in a name", &[GET, SCHEME, HOST, PATH, KEY, (b"x:y", b"z")], None, Refused),
    framed("an empty name", &[GET, SCHEME, HOST, PATH, KEY, (b"", b"z")], None, Refused),
    framed("a line in a value", &[GET, SCHEME, HOST, PATH, KEY, (b"x", b"y\r\nbitting-account: other")], None, Refused),
    framed("LF in a value", &[GET, SCHEME, HOST, PATH, KEY, (b"x", b"y\nz: a")], None, Refused),
    framed("NUL in a value", &[GET, SCHEME, HOST, PATH, KEY, (b"x", b"y\0")], None, Refused),
    framed(
        "a line in the path",
        &[GET, SCHEME, HOST, (b":path", b"/a HTTP/1.1\r\nX: y\r\n\r\nGET /smuggled"), KEY],
        None,
        Refused,
    ),
    framed("a space in the path", &[GET, SCHEME, HOST, (b":path", b"/a HTTP/1.1"), KEY], None, Refused),
    framed("a path without a slash", &[GET, SCHEME, HOST, (b":path", b"a"), KEY], None, Refused),
    framed("an empty path", &[GET, SCHEME, HOST, (b":path", b""), KEY], None, Refused),
    framed("an asterisk", &[(b":method", b"OPTIONS"), SCHEME, HOST, (b":path", b"*"), KEY], None, Refused),
    framed("a whole address as path", &[GET, SCHEME, HOST, (b":path", b"http://other.test/a"), KEY], None, Refused),
    framed("dots in the path", &[GET, SCHEME, HOST, (b":path", b"/a/../smuggled"), KEY], None, Refused),
    framed("two paths", &[GET, SCHEME, HOST, PATH, (b":path", b"/smuggled"), KEY], None, Refused),
    framed("a line in the method", &[(b":method", b"GET /smuggled HTTP/1.1\r\nX:"), SCHEME, HOST, PATH, KEY], None, Refused),
    framed("a space in the method", &[(b":method", b"GET /smuggled"), SCHEME, HOST, PATH, KEY], None, Refused),
    framed("two methods", &[GET, POST, SCHEME, HOST, PATH, KEY], None, Refused),
    framed("TRACE", &[(b":method", b"TRACE"), SCHEME, HOST, PATH, KEY], None, Refused),
    framed("CONNECT", &[(b":method", b"CONNECT"), HOST, KEY], None, Refused),
    framed("CONNECT with a path", &[(b":method", b"CONNECT"), SCHEME, HOST, PATH, KEY], None, Refused),
    framed("another host in Host", &[GET, SCHEME, HOST, PATH, KEY, (b"host", b"other.test")], None, Refused),
    framed("two hosts", &[GET, SCHEME, HOST, PATH, KEY, (b"host", b"HOST"), (b"host", b"HOST")], None, Refused),
    framed("no host", &[GET, SCHEME, PATH, KEY], None, Refused),
    framed("a user in :authority", &[GET, SCHEME, (b":authority", b"x@HOST"), PATH, KEY], None, Refused),
    framed("a path in :authority", &[GET, SCHEME, (b":authority", b"HOST/b"), PATH, KEY], None, Refused),
    framed("a line in :authority", &[GET, SCHEME, (b":authority", b"HOST\r\nX: y"), PATH, KEY], None, Refused),
    framed("two authorities", &[GET, SCHEME, HOST, (b":authority", b"other.test"), PATH, KEY], None, Refused),
    framed("a pseudo-header behind a header", &[GET, SCHEME, HOST, KEY, PATH], None, Refused),
    framed("a pseudo-header that nobody knows", &[GET, SCHEME, HOST, PATH, (b":smuggled", b"x"), KEY], None, Refused),
    framed("a pseudo-header of answers", &[GET, SCHEME, HOST, PATH, (b":status", b"200"), KEY], None, Refused),
    framed(
        "two lengths",
        &[POST, SCHEME, HOST, PATH, KEY, (b"content-length", b"3"), (b"content-length", b"0")],
        Some(b"abc"),
        Refused,
    ),
    framed("a length that is none", &[POST, SCHEME, HOST, PATH, KEY, (b"content-length", b"+3")], Some(b"abc"), Refused),
    framed(
        "a body that is longer than its length",
        &[POST, SCHEME, HOST, PATH, KEY, (b"content-length", b"1")],
        Some(b"aGET /smuggled"),
        Breaks,
    ),
    framed(
        "a body that is shorter than its length",
        &[POST, SCHEME, HOST, PATH, KEY, (b"content-length", b"9")],
        Some(b"abc"),
        Breaks,
    ),
];

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` in HPACK's table (RFC 7541, appendix A).
const OK: u8 = 0x88;

impl Behind {
    /// Sends a case and says what is not as it should be.
    pub(super) async fn run_framed(&mut self, bitting: &Bitting, case: &'static Framed) -> Option<String> {
        let key = self.key.strip_prefix("Authorization: ").unwrap().to_owned();
        let mut block = Vec::new();
        for (name, value) in case.fields {
            let value = replace(&replace(value, b"HOST", self.host.as_bytes()), b"KEY", key.as_bytes());
            // A literal that goes into no table, its name as it stands here.
            block.push(0);
            for text in [name.to_vec(), value] {
                block.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap());
                block.extend(text);
            }
        }
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, b""));
        let end = if case.body.is_none() { END_STREAM } else { 0 };
        bytes.extend(frame(HEADERS, END_HEADERS | end, 1, &block));
        bytes.extend(case.body.map(|body| frame(DATA, END_STREAM, 1, body)).unwrap_or_default());
        let mut stream = TcpStream::connect(bitting.gateway).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let is_ok = is_answered_with_ok(&mut stream).await;
        let mut seen = self.until_mark(bitting).await;
        drop(stream);
        self.has_seen_parts |= case.outcome == Breaks;
        seen.retain(|seen| !(self.has_seen_parts && seen.is_malformed));
        self.seen.extend(seen.iter().map(|seen| (case.name, seen.clone())));
        let told: Vec<_> = seen.iter().map(|seen| (&*seen.method, &*seen.target, &*seen.body)).collect();
        let is_right = match case.outcome {
            Passes(method, target, body) => is_ok && told == [(method, target, body)] && !seen[0].is_malformed,
            Refused | Breaks => !is_ok && told.is_empty(),
        };
        (!is_right).then(|| format!("{} in HTTP/2 before {}: 200 is {is_ok}, seen: {seen:?}", case.name, self.host))
    }
}

/// Reads until the stream or the connection has ended.
async fn is_answered_with_ok(stream: &mut TcpStream) -> bool {
    let mut is_ok = false;
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return false;
        }
        let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        if stream.read_exact(&mut payload).await.is_err() {
            return false;
        }
        match (head[3], head[8]) {
            (GO_AWAY, _) | (RESET, 1) => return false,
            (HEADERS, 1) => is_ok |= payload.first() == Some(&OK),
            _ => {}
        }
        if matches!(head[3], HEADERS | DATA) && head[8] == 1 && head[4] & END_STREAM != 0 {
            return is_ok;
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}
