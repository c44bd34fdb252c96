//! `cargo xtask bench`: what is promised about speed, measured.
//!
//! Ratios are taken within one run against a baseline of the same libraries: machines differ, and so does one machine from
//! hour to hour. The proxy under test has one core and the load and the upstream have the other.

mod front_door;
mod ten_million;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Failed, Program, Running, root, target};
use crate::tools;

const UPSTREAM: u16 = 18_081;
const BARE: u16 = 18_082;
const GATEWAY: u16 = 18_083;
const SILENT: u16 = 18_084;
const LIMITED: u16 = 18_086;
const ROUNDS: usize = 5;
const SECONDS: u32 = 5;

/// `cargo xtask bench door`
pub(crate) fn door() -> Result<(), Failed> {
    front_door::run()
}

/// `cargo xtask bench import`
pub(crate) fn import() -> Result<(), Failed> {
    ten_million::run()
}

pub(crate) fn run() -> Result<(), Failed> {
    tools::debian("wrk")?;
    Program::cargo().args(["bench", "--package", "bitting-engine", "--bench", "decide"]).run()?;
    Program::cargo().args(["bench", "--package", "bitting-store", "--bench", "commit"]).run()?;
    Program::cargo().args(["build", "--release", "--package", "bitting"]).run()?;
    Program::cargo().args(["build", "--release", "--package", "bitting-gateway", "--example", "bare_proxy"]).run()?;
    million()?;
    gateway()
}

/// Start-up and memory with the million keys that the benchmark of decisions has made.
fn million() -> Result<(), Failed> {
    let folder = target().join("tmp/million");
    let empty_kb = Served::start(&work()?.join("empty.db"), 1)?.resident_kb()?;
    let full = Served::start(&folder.join("bitting.db"), 1)?;
    let per_key = (full.resident_kb()? - empty_kb) * 1_024 / 1_000_000;
    println!("\nwith a million keys: ready after {:.2?}, {per_key} bytes of memory for each", full.ready_after);
    println!("aims: 2 s, 300 bytes");
    Ok(())
}

/// Requests a second through the bare proxy and through the gateway, with its access log, without, and without but with limits
/// on the key, its account and the API, in turn.
fn gateway() -> Result<(), Failed> {
    let proxy = target().join("release/examples/bare_proxy");
    let on = |core: &str, program: &Path| Program::new("taskset").args(["-c", core]).args([program]);
    let _upstream: Running = on("1", &proxy).args([UPSTREAM.to_string()]).start()?;
    let _bare: Running = on("0", &proxy).args([BARE.to_string(), format!("127.0.0.1:{UPSTREAM}")]).start()?;
    let store = work()?.join("gateway.db");
    let key = make_key(&store)?;
    let silent_store = work()?.join("gateway-silent.db");
    let silent_key = make_key(&silent_store)?;
    let _gateway = Served::start(&store, 0)?;
    let silent = ["log.access=false".to_owned(), format!("listen.0.address=\"127.0.0.1:{SILENT}\"")];
    let _silent = Served::start_with(&silent_store, 0, &silent)?;
    let limited_store = work()?.join("gateway-limited.db");
    let limited_key = make_key(&limited_store)?;
    let limit = |name: &str, scope: &str| {
        format!("api.shop.limits.{name}={{ requests = 9007199254740992, per = \"day\", scope = \"{scope}\" }}")
    };
    let limited = [
        "log.access=false".to_owned(),
        format!("listen.0.address=\"127.0.0.1:{LIMITED}\""),
        limit("own", "key"),
        limit("shared", "account"),
        limit("all", "api"),
    ];
    let _limited = Served::start_with(&limited_store, 0, &limited)?;
    let programs = [(BARE, &key), (GATEWAY, &key), (SILENT, &silent_key), (LIMITED, &limited_key)];
    for (port, key) in programs {
        load(port, key, 2)?;
    }
    let mut ratios = [Vec::new(), Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        let [bare, logging, silent, limited] = programs.map(|(port, key)| load(port, key, SECONDS));
        let (bare, logging, silent, limited) = (bare?, logging?, silent?, limited?);
        println!(
            "round {round}: requests a second: bare proxy {bare:.0}, gateway {logging:.0}, without access log {silent:.0}, \
             the same with three limits {limited:.0}"
        );
        ratios[0].push(logging / bare);
        ratios[1].push(silent / bare);
        ratios[2].push(limited / silent);
    }
    let [logging, silent, limited] = ratios.map(median);
    println!("median of the ratios to the bare proxy: gateway {logging:.3}, without access log {silent:.3}; aim 0.85");
    println!("median of the ratios of three limits to none: {limited:.3}; aim 0.95");
    Ok(())
}

/// A running `bitting serve`.
struct Served {
    child: Child,
    ready_after: Duration,
}

impl Served {
    fn start(store: &Path, core: u8) -> Result<Self, Failed> {
        Self::start_with(store, core, &[])
    }

    fn start_with(store: &Path, core: u8, settings: &[String]) -> Result<Self, Failed> {
        Self::start_on(&core.to_string(), store, settings)
    }

    /// On whichever core is free.
    fn start_anywhere(store: &Path, settings: &[String]) -> Result<Self, Failed> {
        Self::start_on("0-1", store, settings)
    }

    fn start_on(cores: &str, store: &Path, settings: &[String]) -> Result<Self, Failed> {
        let store = ["--set".to_owned(), format!("store.path={}", store.display())];
        let settings = settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]);
        Self::start_of(cores, &config()?, &store.into_iter().chain(settings).collect::<Vec<_>>())
    }

    /// By another configuration.
    fn start_of(cores: &str, config: &Path, options: &[String]) -> Result<Self, Failed> {
        let started = Instant::now();
        let mut child = Command::new("taskset")
            .args(["-c", cores])
            .arg(target().join("release/bitting"))
            .args(["serve", "--config"])
            .arg(config)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        let lines = child.stderr.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
        let ready = lines.map_while(Result::ok).any(|line| line.contains("\"message\":\"ready\""));
        let served = Self { child, ready_after: started.elapsed() };
        if ready { Ok(served) } else { Err(Failed("the server did not become ready".to_owned())) }
    }

    fn resident_kb(&self) -> Result<i64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).map_err(|error| failed(&error))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
        number.ok_or_else(|| Failed("the server's memory cannot be read".to_owned()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests a second.
fn load(port: u16, key: &str, seconds: u32) -> Result<f64, Failed> {
    let url = format!("http://127.0.0.1:{port}/v1/tasks");
    let header = format!("Authorization: Bearer {key}");
    let output = Program::new("taskset")
        .args(["-c", "1", "wrk", "-t1", "-c64", &format!("-d{seconds}s"), "-H", &header, &url])
        .output()
        .ok_or_else(|| Failed("wrk failed".to_owned()))?;
    if output.contains("Non-2xx") || output.contains("Socket errors") {
        return Err(Failed(output));
    }
    let rate = output.lines().find_map(|line| line.strip_prefix("Requests/sec:")).and_then(|rate| rate.trim().parse().ok());
    rate.ok_or(Failed(output))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The API whose keys the benchmark of decisions has made.
fn config() -> Result<PathBuf, Failed> {
    let path = work()?.join("bench.toml");
    let text = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:{UPSTREAM}\"\nroles = [\"clerk\", \"boss\"]\n\
         permissions = [\"things:read\", \"things:write\"]\n\
         [api.key]\nprefix = {{ live = \"shop_live_\", test = \"shop_test_\" }}\n\
         [[api.route]]\nmatch = \"GET /v1/tasks/*\"\nneeds = \"clerk\"\n\
         [api.default]\nneeds = \"boss\"\n\
         [[listen]]\naddress = \"127.0.0.1:{GATEWAY}\"\nserve = [\"gateway\"]\n"
    );
    std::fs::write(&path, text).map_err(|error| failed(&error))?;
    Ok(path)
}

fn make_key(store: &Path) -> Result<String, Failed> {
    Program::new(target().join("release/bitting"))
        .args(["keys", "create", "--name", "bench", "--role", "boss", "--config"])
        .args([config()?])
        .args(["--set", &format!("store.path={}", store.display())])
        .output()
        .ok_or_else(|| Failed("no key could be made".to_owned()))
}

fn work() -> Result<PathBuf, Failed> {
    let folder = target().join("tmp/bench");
    std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
    Ok(folder)
}

fn failed(error: &std::io::Error) -> Failed {
    Failed(format!("{}: {error}", root().display()))
}
