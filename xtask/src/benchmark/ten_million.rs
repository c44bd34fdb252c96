//! `cargo xtask bench import`: ten million keys of somebody else's taken in by a running server, which goes on verifying.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Served, config, failed, target, work};
use crate::command::{Failed, Program};

const FILES: u64 = 10;
const ROWS: u64 = 1_000_000;
const ACCOUNTS: u64 = 100_000;
const SERVICE: &str = "127.0.0.1:18085";

/// How often a key is verified: what a modest API asks, and little enough to leave the two cores to the import.
const PACE: Duration = Duration::from_millis(5);

pub(super) fn run() -> Result<(), Failed> {
    Program::cargo().args(["build", "--release", "--package", "bitting"]).run()?;
    let folder = work()?.join("ten-million");
    // A store of an earlier run would have all keys already.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
    let store = folder.join("bitting.db");
    let operator = bitting(&store, &["keys", "create", "--api", "bitting", "--name", "bench", "--permission", "*:*"])?;
    let key = bitting(&store, &["keys", "create", "--api", "shop", "--name", "bench", "--role", "boss"])?;
    let settings = [format!("listen.0.address=\"{SERVICE}\""), "listen.0.serve=[\"management\",\"verify\"]".to_owned()];
    let served = Served::start_anywhere(&store, &settings)?;
    let verify = Asking::verify(&operator, &key);
    let quiet = probe(&verify, || pause(Duration::from_secs(30)))?;
    println!("verification, quiet: {quiet}");
    let started = Instant::now();
    for file in 0..FILES {
        let path = folder.join("keys.jsonl");
        write_rows(&path, file).map_err(|error| failed(&error))?;
        let began = Instant::now();
        let mut outcome = None;
        let import = ["keys", "import", "--api", "shop", "--json", &path.display().to_string()];
        let busy = probe(&verify, || outcome = Some(bitting(&store, &import)))?;
        outcome.unwrap_or_else(|| Err(Failed("nothing was imported".to_owned())))?;
        let took = began.elapsed();
        let per_second = ROWS * 1_000 / u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        println!("file {}: {ROWS} keys in {took:.1?}, {per_second} a second; verification meanwhile: {busy}", file + 1);
    }
    println!("{} keys in {:.1?}, the writing of the files included", FILES * ROWS, started.elapsed());
    println!("memory of the server: {} MB", served.resident_kb()? / 1_024);
    let again = probe(&verify, || pause(Duration::from_secs(30)))?;
    println!("verification, quiet, with ten million keys: {again}");
    lists(&operator)?;
    drop(served);
    let served = Served::start_anywhere(&store, &settings)?;
    println!("ready again after {:.1?}, with {} MB", served.ready_after, served.resident_kb()? / 1_024);
    Ok(())
}

/// Each list, first page and tenth.
fn lists(operator: &str) -> Result<(), Failed> {
    let filters = [
        "",
        "account=account-77777",
        "environment=test",
        "status=active",
        "status=revoked",
        "status=expired",
        "status=disabled",
        "created_by=nobody",
        "permission=things:write",
        "name=Key 77777",
        "name=key",
        "prefix=shop_live_7a",
        "account=account-77777&environment=test&status=active",
        "environment=test&permission=things:write&name=key 5",
    ];
    println!("list latency, median and slowest of 20, first page of 100 and what its cursor leads to:");
    for filter in filters {
        let filter = filter.replace(' ', "%20");
        let first = format!("/v1/apis/shop/api-keys?limit=100&{filter}");
        let (first_page, median, slowest) = timed(operator, &first)?;
        let cursor = first_page.split("\"next_cursor\":\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        let mut line = format!("  {filter:<70} {median:>8.2?} {slowest:>8.2?}");
        if let Some(cursor) = cursor {
            let (_, median, slowest) = timed(operator, &format!("{first}&cursor={cursor}"))?;
            // Writing to a string does not fail.
            let _ = write!(line, "   next: {median:>8.2?} {slowest:>8.2?}");
        }
        println!("{line}");
    }
    Ok(())
}

fn timed(operator: &str, path: &str) -> Result<(String, Duration, Duration), Failed> {
    let asking = Asking(format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {operator}\r\n\r\n"));
    let mut connection = Connection::open()?;
    let (mut times, mut body) = (Vec::new(), String::new());
    for _ in 0..20 {
        let started = Instant::now();
        body = connection.ask(&asking)?;
        times.push(started.elapsed());
    }
    times.sort();
    Ok((body, times[times.len() / 2], times[times.len() - 1]))
}

/// Verifies a key again and again until some work is done.
fn probe(verify: &Asking, work: impl FnOnce()) -> Result<Latency, Failed> {
    let done = AtomicBool::new(false);
    let times = std::thread::scope(|scope| {
        let prober = scope.spawn(|| {
            let mut connection = Connection::open()?;
            let mut times = Vec::new();
            while !done.load(Ordering::Acquire) {
                let started = Instant::now();
                let answer = connection.ask(verify)?;
                if !answer.contains("\"allowed\":true") {
                    return Err(Failed(answer));
                }
                times.push(started.elapsed());
                pause(PACE);
            }
            Ok(times)
        });
        work();
        done.store(true, Ordering::Release);
        prober.join().unwrap_or_else(|_| Err(Failed("the prober failed".to_owned())))
    })?;
    Ok(Latency::of(times))
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

struct Latency {
    median: Duration,
    p99: Duration,
    slowest: Duration,
    count: usize,
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: usize| times.get((times.len() * share / 1_000).min(times.len().saturating_sub(1)));
        let at = |share| at(share).copied().unwrap_or_default();
        Self { median: at(500), p99: at(990), slowest: at(1_000), count: times.len() }
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, p99, slowest, count } = self;
        write!(f, "median {median:.0?}, p99 {p99:.0?}, slowest {slowest:.1?} of {count}")
    }
}

/// A request, head and body.
struct Asking(String);

impl Asking {
    fn verify(operator: &str, key: &str) -> Self {
        let body = format!("{{\"api\":\"shop\",\"method\":\"GET\",\"path\":\"/v1/tasks\",\"key\":\"{key}\"}}");
        let length = body.len();
        Self(format!(
            "POST /v1/verify HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {operator}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open() -> Result<Self, Failed> {
        let stream = TcpStream::connect(SERVICE).map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, asking: &Asking) -> Result<String, Failed> {
        self.exchange(asking).map_err(|error| failed(&error))
    }

    fn exchange(&mut self, Asking(request): &Asking) -> std::io::Result<String> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut length, mut line) = (0, String::new());
        while self.0.read_line(&mut line)? > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

/// A million keys as another program might have kept them. Their hashes are of nothing.
fn write_rows(path: &Path, file: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let mut state = file + 1;
    let mut random = move || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    for row in 0..ROWS {
        let number = file * ROWS + row;
        let hash = format!("{:016x}{:016x}{:016x}{:016x}", random(), random(), random(), random());
        let shown = random() & 0xffff;
        let environment = if number.is_multiple_of(10) { "test" } else { "live" };
        let permission = if number.is_multiple_of(3) { "things:write" } else { "things:read" };
        let more = match number % 100 {
            1 => ",\"revoked_at\":\"2026-01-01T00:00:00Z\"",
            2 => ",\"expires_at\":\"2026-01-01T00:00:00Z\"",
            3 => ",\"enabled\":false",
            _ => "",
        };
        writeln!(
            out,
            "{{\"hash\":\"{hash}\",\"account\":\"account-{}\",\"name\":\"Key {number}\",\"prefix\":\"shop_{environment}_{shown:04x}\",\
             \"environment\":\"{environment}\",\"permissions\":[\"{permission}\"]{more}}}",
            number % ACCOUNTS
        )?;
    }
    out.flush()
}

fn bitting(store: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let program = Program::new(target().join("release/bitting")).args(arguments).args(["--config"]).args([config()?]);
    let set = ["--set".to_owned(), format!("store.path={}", store.display())];
    program.args(set).output().ok_or_else(|| Failed(format!("bitting {} failed", arguments.join(" "))))
}
