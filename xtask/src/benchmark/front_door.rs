//! `cargo xtask bench door`: what callers cost who do nothing, and what others notice of an attack on one API.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Served, UPSTREAM, failed, median, target, work};
use crate::command::{Failed, Program, Running, root};
use crate::tools;

const PLAIN: u16 = 18_087;
const SECURED: u16 = 18_088;
const SILENT_UPSTREAM: u16 = 18_089;

/// Near ten thousand: as many as a process takes that may open 20,000 files, since each may need another file for its upstream.
const IDLE: i64 = 9_900;
const ROUNDS: usize = 3;

pub(super) fn run() -> Result<(), Failed> {
    tools::debian("wrk")?;
    tools::debian("openssl")?;
    Program::cargo().args(["build", "--release", "--package", "bitting"]).run()?;
    Program::cargo().args(["build", "--release", "--package", "bitting-gateway", "--example", "bare_proxy"]).run()?;
    let door = Door::prepare()?;
    let _upstream: Running = Program::new("taskset")
        .args(["-c", "1"])
        .args([target().join("release/examples/bare_proxy")])
        .args([UPSTREAM.to_string()])
        .start()?;
    door.idle()?;
    door.attacked()
}

/// A gateway in front of two APIs, one of which has an upstream that says nothing.
struct Door {
    config: PathBuf,
    shop_key: String,
    other_key: String,
}

impl Door {
    fn prepare() -> Result<Self, Failed> {
        let folder = work()?.join("door");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let config = folder.join("bitting.toml");
        let mut text = format!(
            "[log]\naccess = false\n[store]\npath = \"{}\"\n\
             [[listen]]\naddress = \"127.0.0.1:{PLAIN}\"\nserve = [\"gateway\"]\nlimits = {{ connections = 12000, idle_time = \"1h\" }}\n\
             [[listen]]\naddress = \"127.0.0.1:{SECURED}\"\nserve = [\"gateway\"]\nlimits = {{ connections = 12000, idle_time = \"1h\" }}\n\
             tls = {{ certificate = \"shop.pem\", key = \"shop.key\" }}\n",
            folder.join("bitting.db").display()
        );
        for (api, upstream) in [("shop", UPSTREAM), ("other", SILENT_UPSTREAM)] {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "[[api]]\nname = \"{api}\"\nhosts = [\"{api}.test\"]\nupstream = \"http://127.0.0.1:{upstream}\"\n\
                 [api.key]\nprefix = {{ live = \"{api}_live_\" }}\n"
            );
        }
        std::fs::write(&config, text).map_err(|error| failed(&error))?;
        let request =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=shop.test"];
        let files = ["-addext", "subjectAltName=DNS:shop.test", "-keyout", "shop.key", "-out", "shop.pem"];
        Program::new("openssl")
            .folder(&folder)
            .args(request)
            .args(files)
            .output()
            .ok_or_else(|| Failed("openssl failed".to_owned()))?;
        let [shop_key, other_key] = ["shop", "other"].map(|api| make_key(&config, api));
        Ok(Self { shop_key: shop_key?, other_key: other_key?, config })
    }

    fn open(&self) -> Result<Served, Failed> {
        Served::start_of("0-1", &self.config, &[])
    }

    /// Resident memory for each connection that was used once and does nothing since.
    fn idle(&self) -> Result<(), Failed> {
        for (protocol, port) in [("http1", PLAIN), ("tls", SECURED), ("http2", SECURED)] {
            let served = self.open()?;
            // What the first connections of all need is not theirs.
            drop(callers(Nice::Usual, &["idle", protocol, &port.to_string(), "200", &self.shop_key])?);
            let before = served.resident_kb()?;
            let _callers = callers(Nice::Usual, &["idle", protocol, &port.to_string(), &IDLE.to_string(), &self.shop_key])?;
            let each = (served.resident_kb()? - before) * 1_024 / IDLE;
            println!("{IDLE} idle connections, {protocol}: {each} bytes each; aim 20000");
        }
        Ok(())
    }

    /// The latency of one API while the other is attacked. The attackers get the time of the processor that nobody else wants: they
    /// would come from other machines.
    fn attacked(&self) -> Result<(), Failed> {
        let _silent = callers(Nice::Usual, &["silent", &SILENT_UPSTREAM.to_string()])?;
        let _served = self.open()?;
        let port = &PLAIN.to_string();
        let attacks: [(&str, &[&str]); 5] = [
            ("1,000 requests that the upstream does not answer", &["hung", port, "1000", &self.other_key]),
            ("5,000 heads that are never finished", &["heads", port, "5000"]),
            ("500 keys guessed a second", &["guesses", port, "500"]),
            ("2,000 keys guessed a second", &["guesses", port, "2000"]),
            ("8,000 keys guessed a second", &["guesses", port, "8000"]),
        ];
        for (name, attack) in attacks {
            let mut ratios = Vec::new();
            for _ in 0..ROUNDS {
                let quiet = self.latency()?;
                let attackers = callers(Nice::Last, attack)?;
                let attacked = self.latency()?;
                drop(attackers);
                println!("  p99 {quiet:.0?}, attacked {attacked:.0?}");
                ratios.push(attacked.as_secs_f64() / quiet.as_secs_f64());
            }
            println!("{name}: p99 of the other API {:.2} of what it was; aim 1.5", median(ratios));
        }
        Ok(())
    }

    /// The latency that one request of a hundred exceeds.
    fn latency(&self) -> Result<Duration, Failed> {
        let (key, url) = (format!("Authorization: Bearer {}", self.shop_key), format!("http://127.0.0.1:{PLAIN}/v1/tasks"));
        let wrk = Program::new("wrk").args(["-t1", "-c1", "-d5s", "--latency", "-H", "Host: shop.test", "-H", &key, &url]);
        let output = wrk.output().ok_or_else(|| Failed("wrk failed".to_owned()))?;
        if output.contains("Non-2xx") {
            return Err(Failed(output));
        }
        let p99 = output.lines().find_map(|line| line.trim().strip_prefix("99%"));
        p99.and_then(|p99| duration(p99.trim())).ok_or(Failed(output))
    }
}

/// A duration as wrk writes it.
fn duration(text: &str) -> Option<Duration> {
    let (number, factor) =
        [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)].iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(Duration::from_secs_f64(number.parse::<f64>().ok()? * factor))
}

/// Whose turn it is at the processor.
#[derive(Clone, Copy)]
enum Nice {
    Usual,
    Last,
}

/// Callers who are there until this is dropped.
fn callers(nice: Nice, arguments: &[&str]) -> Result<Running, Failed> {
    let script = root().join("xtask/src/benchmark/callers.py");
    let python = match nice {
        Nice::Usual => Program::new("python3"),
        Nice::Last => Program::new("chrt").args(["--idle", "0", "python3"]),
    };
    python.args([script]).args(arguments).start_until("ready")
}

fn make_key(config: &Path, api: &str) -> Result<String, Failed> {
    let bitting =
        Program::new(target().join("release/bitting")).args(["keys", "create", "--name", "bench", "--api", api, "--config"]);
    bitting.args([config]).output().ok_or_else(|| Failed("no key could be made".to_owned()))
}
