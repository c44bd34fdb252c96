//! `bitting demo`: what a newcomer sees first.

use std::io::Read as _;
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

#[test]
fn every_line_of_the_demo_does_what_it_says() {
    let traces = Traces::new();
    // Thirty ports that nobody uses: a free one and its neighbours, far from where the system picks.
    let port = 20_000 + u16::try_from(std::process::id() % 400).unwrap() * 30;
    let mut demo = Killed(
        Command::new(env!("CARGO_BIN_EXE_bitting"))
            .args(["demo", "--json", "--port", &port.to_string(), "--keep", "kept"])
            .current_dir(traces.folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
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
    assert!(traces.path("kept/bitting.db").exists() && traces.path("kept/serve.sh").exists());
}
