//! `bitting check`: all errors at once, where they stand, with what to write instead.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Output, Traces, run};

fn check(arguments: &[&str], traces: &Traces) -> Output {
    run(std::iter::once("check").chain(arguments.iter().copied()).map(str::to_owned), traces)
}

#[test]
fn the_examples_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files: Vec<String> = folder.read_dir().unwrap().map(|file| file.unwrap().path().display().to_string()).collect();
    let output = check(&files.iter().map(String::as_str).collect::<Vec<_>>(), &Traces::new());
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(output.stdout.matches("no errors").count(), 6, "{}", output.stdout);
    // One of them leaves most paths public on purpose, and is told so.
    assert!(
        output.stderr.contains("paths that no route names are public, while some route asks for more"),
        "{}",
        output.stderr
    );
}

const WRONG: &str = "[[api]]\nname = \"shop\"\nupstream = \"127.0.0.1:3000\"\n\n[api.key]\nprefix = \"shop_\"\nlenght = 40\n\
                     \n[[api.route]]\nmatch = \"FETCH! /x\"\n";

#[test]
fn a_wrong_file_is_shown_with_its_lines_and_the_exit_code_is_three() {
    let traces = Traces::new();
    std::fs::write(traces.path("wrong.toml"), WRONG).unwrap();
    let output = check(&["wrong.toml"], &traces);
    assert_eq!((output.code, output.stdout.as_str()), (3, ""));
    for expected in [
        "wrong.toml:3:12",
        "upstream = \"127.0.0.1:3000\"",
        "write http or https, host and port",
        "wrong.toml:7:1",
        "did you mean `length`?",
        "wrong.toml:10:9",
        "\"FETCH!\" names no methods",
        "wrong.toml: 3 errors, no warnings",
    ] {
        assert!(output.stderr.contains(expected), "{expected} is missing in\n{}", output.stderr);
    }
    assert!(!output.stderr.contains('\u{1b}'), "colour is for terminals");
}

#[test]
fn for_programs_each_error_is_an_object() {
    let traces = Traces::new();
    std::fs::write(traces.path("wrong.toml"), WRONG).unwrap();
    let output = check(&["wrong.toml", "--json"], &traces);
    assert_eq!(output.code, 3);
    let problems: Value = serde_json::from_str(&output.stdout).unwrap();
    let places: Vec<(i64, i64)> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["line"].as_i64().unwrap(), problem["column"].as_i64().unwrap()))
        .collect();
    assert_eq!(places, [(3, 12), (7, 1), (10, 9)]);
    assert!(problems[0]["help"].as_str().unwrap().contains("http://127.0.0.1:3000"));
    assert_eq!(problems[0]["severity"], "error");
}

#[test]
fn without_a_name_the_file_is_checked_that_serve_would_read() {
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), WRONG).unwrap();
    let output = check(&[], &traces);
    assert!(output.code == 3 && output.stderr.contains("bitting.toml: 3 errors, no warnings"), "{}", output.stderr);
    std::fs::write(traces.path("api.toml"), "[[api]]\nname = \"a\"\nupstream = \"http://127.0.0.1:1\"\n").unwrap();
    std::fs::write(traces.path("more.toml"), "[log]\nlevel = \"shout\"\n").unwrap();
    let output = check(&["--config", "api.toml", "--config", "more.toml"], &traces);
    assert!(output.code == 3 && output.stderr.contains("api.toml and more.toml: 2 errors"), "{}", output.stderr);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = check(&["nowhere.toml"], &Traces::new());
    assert!(output.code == 3 && output.stderr.contains("nowhere.toml cannot be read"), "{}", output.stderr);
}

#[test]
fn a_server_does_not_start_on_a_wrong_file_and_shows_the_same() {
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), WRONG).unwrap();
    let output = run(["serve".to_owned()], &traces);
    assert!(output.code == 3 && output.stderr.contains("bitting.toml:7:1"), "{}", output.stderr);
    assert!(!traces.path("bitting.db").exists());
}
