//! Rewriting heads: whatever a caller writes, what goes upstream has no credential, no forged identity and no header of the
//! connection; one host, one path and one framing; and of who forwards only what those say who may.
#![no_main]

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use bitting::config::{Source, load};
use bitting_core::address::{AddressList, ForwardedHeader, Forwards};
use bitting_core::dialect::{Foreign, Found, begins_like, is_spelled_like};
use bitting_engine::{Decision, Engine, EngineOptions, Inquiry, KeySpec, Permit, Presented, Scope, WallClock};
use bitting_gateway::{Caller, fuzzing};
use bitting_store::{Actor, OwnerLock, SqliteStore};
use bytes::Bytes;
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version, header};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = r#"
[[api]]
name = "all"
upstream = "http://127.0.0.1:3000"
[api.key]
prefix = "all_"
[api.credential]
from = ["bearer", "basic", "header:X-Key", "query:key", "cookie:key", "subprotocol:key."]
[api.default]
access = "optional"

[[api]]
name = "foreign"
path = "/foreign"
upstream = "http://127.0.0.1:3000"
forward_as = "both"
allow_overrides = ["x-http-method-override", "x-original-url"]
[api.key]
prefix = "for_"
[api.credential]
from = ["bearer", "header:X-Key"]
foreign = "pass"
[api.identity]
account = "X-Shop-Customer"
[api.default]
access = "optional"

[[api]]
name = "open"
path = "/open"
upstream = "http://127.0.0.1:3000"
forward_as = "forwarded"
[api.key]
prefix = "ope_"
[api.credential]
from = "query:key"
[api.default]
access = "public"
"#;

struct Running {
    engine: Arc<Engine>,
    /// A good key of each API.
    keys: [String; 3],
    /// Keeps the engine's tasks, which nobody runs any more.
    _runtime: tokio::runtime::Runtime,
}

const APIS: [&str; 3] = ["all", "foreign", "open"];

static RUNNING: LazyLock<Running> = LazyLock::new(|| {
    let source = Source { name: "fuzz".to_owned(), text: CONFIG.to_owned() };
    let loaded = load(vec![source], &[], Path::new("."), &Arc::default());
    let config = loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.render(false)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    // Nothing is read from the disk any more once the engine has started, so the folder may go.
    let folder = tempfile::tempdir().unwrap();
    let (engine, keys) = runtime.block_on(async {
        let lock = OwnerLock::acquire(&folder.path().join("bitting.db")).unwrap();
        let store = Arc::new(SqliteStore::open(lock).unwrap());
        let engine = Engine::start(EngineOptions { store, apis: config.apis, clock: Arc::new(WallClock) }).await.unwrap();
        let mut keys = Vec::new();
        for name in APIS {
            let spec = KeySpec { name: "fuzz".to_owned(), ..KeySpec::default() };
            let issued = spec.issue(engine.apis().find(name).unwrap(), engine.now()).unwrap();
            engine.commit(issued.change, Actor::System, "fuzz").await.unwrap();
            keys.push(issued.key.expose().to_owned());
        }
        (engine, keys.try_into().unwrap())
    });
    Running { engine, keys, _runtime: runtime }
});

const ID: HeaderValue = HeaderValue::from_static("req_fuzz");

// The first byte says by which connection, the first line is method and target, every other one a header, `name: value`. `KEY`
// stands for a good key.
fuzz_target!(|input: &[u8]| {
    let Some((&choice, text)) = input.split_first() else { return };
    let api = usize::from(choice & 3) % APIS.len();
    let (trusts, believes) = (choice & 4 != 0, choice & 8 != 0);
    let key = &RUNNING.keys[api];
    let text = replace(text, b"KEY", key.as_bytes());
    let Some(mut head) = head(&text, if choice & 16 != 0 { Version::HTTP_2 } else { Version::HTTP_11 }) else { return };
    let Some(authority) = fuzzing::authority(&head).map(str::to_owned) else { return };

    let peer = IpAddr::from([10, 0, 0, 7]);
    let trusted = AddressList::parse(trusts.then_some("10.0.0.0/8")).unwrap();
    let believed = if believes { ForwardedHeader::Forwarded } else { ForwardedHeader::XForwardedFor };
    let caller = Caller::new(peer, &Scheme::HTTPS, trusted, believed, None);
    let presented = Presented::Request { headers: &head.headers, query: head.uri.query() };
    let (scope, method, path) = (Scope::Api(APIS[api]), &head.method, head.uri.path());
    let inquiry = Inquiry { scope, method, path, presented, client: None };
    let Some(Decision::Permit(permit)) = RUNNING.engine.decide_now(&inquiry) else { return };

    let (before, body) = (head.clone(), Full::<Bytes>::from(if choice & 32 != 0 { "body" } else { "" }));
    fuzzing::rewrite(&mut head, &body, &permit, &caller, &ID).expect("a head that could be read can be written");
    nothing_of_the_credential_is_left(&head, &permit, key);
    only_bitting_says_who_it_is(&head.headers, &permit);
    it_is_one_request(&before, &head, &authority, choice & 32 != 0);
    only_those_who_may_say_for_whom(&head.headers, permit.api().heads.forwards, trusts);
});

fn nothing_of_the_credential_is_left(head: &Parts, permit: &Permit, key: &str) {
    let api = permit.api();
    let left = api.credentials.find(&head.headers, head.uri.query(), &api.format);
    let passes = api.credentials.foreign == Foreign::Pass;
    assert!(matches!(left, Ok(Found::Missing)) || (passes && matches!(left, Ok(Found::Foreign))), "a credential was left");
    let takes_queries = api.credentials.carriers.iter().any(|carrier| carrier.to_string().starts_with("query:"));
    assert!(!takes_queries || !head.uri.query().unwrap_or_default().contains(key), "the key is left in the query");
    assert!(!takes_queries || !values(&head.headers, &header::REFERER).any(|value| holds(value, key)), "the key is in Referer");
}

fn only_bitting_says_who_it_is(headers: &HeaderMap, permit: &Permit) {
    let own: Vec<&HeaderName> = permit.api().identity.names().collect();
    for name in headers.keys() {
        if begins_like(name, "bitting-") || own.iter().any(|own| is_spelled_like(name, own.as_str())) {
            assert!(permit.key().is_some() && own.contains(&name), "{name} was forged");
            assert_eq!(values(headers, name).count(), 1, "{name} stands there twice");
        }
        assert!(!is_spelled_like(name, "x-request-id") || name == "x-request-id", "{name} was forged");
        assert!(!permit.api().heads.overrides.bar(name), "{name} overrides");
    }
    if permit.key().is_some() {
        let account = permit.api().identity.account.as_ref().unwrap();
        assert_eq!(values(headers, account).collect::<Vec<_>>(), [b"default"], "the account is not the key's");
    }
    assert_eq!(values(headers, &HeaderName::from_static("x-request-id")).collect::<Vec<_>>(), [ID.as_bytes()]);
}

fn it_is_one_request(before: &Parts, head: &Parts, authority: &str, has_body: bool) {
    let headers = &head.headers;
    assert_eq!(values(headers, &header::HOST).collect::<Vec<_>>(), [authority.as_bytes()], "not one host");
    // Of a whole address without a path it is `/`, as it is written too.
    let path = |head: &Parts| head.uri.path_and_query().unwrap().path().to_owned();
    assert_eq!((path(head), &head.method), (path(before), &before.method));
    assert!(head.uri.authority().is_none() && head.version == Version::HTTP_11);
    for name in ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade", "expect"] {
        assert!(!headers.contains_key(name), "{name} is left");
    }
    let (lengths, codings) = (values(headers, &header::CONTENT_LENGTH).count(), values(headers, &header::TRANSFER_ENCODING).count());
    assert!(lengths + codings <= 1, "two framings");
    assert!(!has_body || lengths + codings == 1, "no framing for a body");
}

fn only_those_who_may_say_for_whom(headers: &HeaderMap, told: Forwards, trusts: bool) {
    let (list, standard) = (HeaderName::from_static("x-forwarded-for"), header::FORWARDED);
    let common = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
    for name in headers.keys().filter(|name| begins_like(name, "x-forwarded-") || is_spelled_like(name, "x-real-ip")) {
        assert!(trusts || (told.in_x_forwarded() && common.contains(&name.as_str())), "{name} was forged");
        assert!(name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{name} came through a proxy");
    }
    assert_eq!(headers.contains_key(&list), told.in_x_forwarded());
    assert_eq!(headers.contains_key(&standard), told.in_forwarded());
    if told.in_x_forwarded() {
        let lines: Vec<_> = values(headers, &list).map(String::from_utf8_lossy).collect();
        let [line] = &lines[..] else { panic!("not one list: {lines:?}") };
        assert_eq!(line.rsplit(", ").next(), Some("10.0.0.7"));
        assert!(trusts || line == "10.0.0.7", "{line}");
        for name in &common[1..] {
            assert_eq!(values(headers, &HeaderName::from_static(name)).count(), 1, "not one {name}");
        }
    }
    if told.in_forwarded() {
        let last = String::from_utf8_lossy(values(headers, &standard).last().unwrap()).into_owned();
        assert!(last.rsplit(", ").next().unwrap().starts_with("for=10.0.0.7"), "{last}");
        assert!(trusts || (last.starts_with("for=10.0.0.7;host=") && values(headers, &standard).count() == 1), "{last}");
    }
}

/// A head as hyper hands it over: of lengths it leaves one that is a number, and none beside a coding.
fn head(text: &[u8], version: Version) -> Option<Parts> {
    let mut lines = text.split(|&b| b == b'\n');
    let line = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = line.split_once(' ')?;
    let (mut head, ()) = Request::builder().method(method).uri(target).version(version).body(()).ok()?.into_parts();
    for line in lines {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii())) {
            head.headers.append(name, value);
        }
    }
    let is_number = |length: &[u8]| !length.is_empty() && length.iter().all(u8::is_ascii_digit);
    let lengths: Vec<bool> = values(&head.headers, &header::CONTENT_LENGTH).map(is_number).collect();
    let is_coded = head.headers.contains_key(header::TRANSFER_ENCODING);
    (lengths.is_empty() || (lengths == [true] && !is_coded)).then_some(head)
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

fn holds(value: &[u8], text: &str) -> bool {
    value.windows(text.len()).any(|window| window == text.as_bytes())
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
