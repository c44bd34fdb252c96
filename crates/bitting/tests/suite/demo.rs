//! `bitting demo`: what a newcomer sees first.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::Traces;

/// Ends with the test, however that ends, and gives its thirty ports back.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Thirty ports that nobody uses: a free one and its neighbours, far from where the system picks.
fn thirty_ports() -> u16 {
    20_000 + u16::try_from(std::process::id() % 400).unwrap() * 30
}

fn start(traces: &Traces, options: &[&str]) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitting"));
    command.arg("demo").args(options).current_dir(traces.folder());
    Killed(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn every_line_of_the_demo_does_what_it_says() {
    let traces = Traces::new();
    let port = thirty_ports();
    let mut demo = start(&traces, &["--json", "--port", &port.to_string(), "--keep", "kept"]);
    let mut tour = serde_json::Deserializer::from_reader(demo.0.stdout.as_mut().unwrap()).into_iter::<Value>();
    let tour: Value = tour.next().unwrap().unwrap();
    let apis = tour["apis"].as_array().unwrap();
    assert_eq!(apis.len(), 5);
    for api in apis {
        let outcomes: Vec<&str> = api["requests"].as_array().unwrap().iter().map(|r| r["outcome"].as_str().unwrap()).collect();
        for outcome in ["admitted", "refused", "forbidden"] {
            assert!(outcomes.contains(&outcome), "{} shows nothing {outcome}", api["api"]);
        }
        for request in api["requests"].as_array().unwrap() {
            let line = request["line"].as_str().unwrap();
            for origin in [api["gateway"].as_str().unwrap(), api["address"].as_str().unwrap()] {
                let line = line.replace(api["gateway"].as_str().unwrap(), origin);
                let printed = Command::new("sh").args(["-c", &format!("{line} -s")]).output().unwrap();
                let answer = String::from_utf8(printed.stdout).unwrap();
                let status = answer.split_whitespace().nth(1).unwrap_or_default();
                let expected: &[&str] = match request["outcome"].as_str().unwrap() {
                    "admitted" => &["200", "201"],
                    "refused" => &["401"],
                    _ => &["403"],
                };
                assert!(expected.contains(&status), "{line}\n{answer}");
                assert!(expected[0] != "200" || answer.contains("received") || answer.contains("[DONE]"), "{line}\n{answer}");
            }
        }
    }
    assert!(Command::new("kill").args(["-TERM", &demo.0.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    demo.0.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(demo.0.wait().unwrap().success());
    // What it keeps can be checked and served again.
    for name in ["backboard", "backbone", "launchboard", "product-api", "csboard", "demo"] {
        assert!(traces.path(&format!("kept/{name}.toml")).exists(), "{name}");
    }
    assert!(traces.path("kept/bitting.db").exists());
    // The script needs no PATH for it, and says where its upstreams are to be.
    let script = std::fs::read_to_string(traces.path("kept/serve.sh")).unwrap();
    assert!(script.contains(&format!("127.0.0.1:{}, and on 127.0.0.1:{}", port + 21, port + 22)), "{script}");
    let mut served = Command::new("kept/serve.sh");
    served.current_dir(traces.folder()).env_clear().env("PATH", "/usr/bin:/bin").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut served = Killed(served.spawn().unwrap());
    let mut lines = BufReader::new(served.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"ready\"")), "it ended before it was ready");
}

#[test]
fn the_demo_shows_nothing_but_its_lines_and_says_what_they_do_not_show() {
    let traces = Traces::new();
    let port = thirty_ports().to_string();
    let mut demo = start(&traces, &["--port", &port]);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let shown: Vec<String> = lines.by_ref().take_while(|line| !line.contains("metrics")).collect();
    let admitted = shown.iter().find_map(|line| line.trim().strip_prefix("admitted")).unwrap().trim().to_owned();
    assert!(Command::new("sh").args(["-c", &format!("{admitted} -s -o /dev/null")]).status().unwrap().success());
    let forbidden = shown.iter().position(|line| line.trim().starts_with("forbidden")).unwrap();
    assert_eq!(shown[forbidden + 1].trim(), "(a key that may only be used from another address)");
    assert!(Command::new("kill").args(["-TERM", &demo.0.id().to_string()]).status().unwrap().success());
    assert_eq!(lines.collect::<Vec<_>>(), Vec::<String>::new(), "requests are not shown among the lines");
}

#[test]
fn a_port_of_the_demo_that_is_taken_is_told_with_the_option_for_another() {
    let traces = Traces::new();
    for offset in [0, 1, 11, 21] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let gateway = (port - offset).to_string();
        let output = crate::harness::run(["demo", "--port", &gateway].map(str::to_owned), &traces);
        assert_eq!(output.code, 1);
        assert!(output.stderr.contains("write --port with another number"), "{}", output.stderr);
    }
}
