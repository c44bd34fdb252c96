//! What cannot be put in force changes nothing, and says why.

use serde_json::Value;

use super::{PUBLIC, config, write};
use crate::harness::{Bitting, Output, Upstream, get, run};

/// What a command prints about a wrong configuration, without the sentence that it ends with.
fn report(output: &Output) -> &str {
    output.stderr.split("shop.toml: ").next().unwrap().split("error: ").next().unwrap().trim()
}

#[tokio::test]
async fn a_wrong_file_leaves_the_old_configuration_in_force_and_is_shown_as_check_shows_it() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, 100, PUBLIC));
    for broken in ["[[api]]\nname = \"shop\"\nlenght = 3\n", "this is no TOML", "[[api]\n"] {
        write(&bitting, broken);
        let output = bitting.command(&["reload"]);
        assert_eq!((output.code, output.stdout.as_str()), (3, ""), "{}", output.stderr);
        assert!(output.stderr.contains("the old one stays in force"), "{}", output.stderr);
        let file = bitting.traces.path("bitting.toml").display().to_string();
        let listeners = bitting.traces.path("listeners.toml").display().to_string();
        let words = ["check", "--config", &file, "--config", &listeners];
        let checked = run(words.map(str::to_owned), &bitting.traces);
        let shown = checked.stderr.split(&format!("{file} and ")).next().unwrap().trim();
        assert!(!shown.is_empty() && report(&output) == shown, "{}\n{shown}", report(&output));
        assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 200);
    }
    let output = bitting.command(&["reload", "--json"]);
    let problems: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((output.code, problems[0]["line"].as_i64()), (3, Some(1)));
}

#[tokio::test]
async fn a_hang_up_reloads_and_a_wrong_file_stands_in_the_log() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, 100, ""));
    write(&bitting, "[[api]]\nname = \"shop\"\nlenght = 3\n");
    bitting.signal("HUP");
    let line = bitting.wait_for(|line| line.contains("lenght"));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["line"], &line["column"]), (&"ERROR".into(), &3.into(), &1.into()), "{line}");
    bitting.wait_for(|line| line.contains("the old one stays in force"));
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 401);
    write(&bitting, &config(&upstream, 100, PUBLIC));
    bitting.signal("HUP");
    bitting.wait_for(|line| line.contains("the configuration was reloaded"));
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 200);
}

#[tokio::test]
async fn an_address_that_cannot_be_had_leaves_everything_as_it_was() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, 100, ""));
    let taken =
        format!("[[listen]]\naddress = \"{}\"\nserve = [\"gateway\"]\n", upstream.origin().trim_start_matches("http://"));
    write(&bitting, &config(&upstream, 100, &format!("{PUBLIC}{taken}")));
    let output = bitting.command(&["reload"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("another program has it"), "{}", output.stderr);
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 401);
}

#[tokio::test]
async fn an_address_that_stands_for_all_cannot_be_had_beside_one_of_them_and_it_is_said_whose_that_is() {
    let upstream = Upstream::start().await;
    let bitting = Bitting::with_config(&config(&upstream, 100, ""));
    let all = format!("0.0.0.0:{}", bitting.gateway.port());
    let listener = format!("[[listen]]\naddress = \"{all}\"\nserve = [\"gateway\"]\n");
    write(&bitting, &config(&upstream, 100, &format!("{PUBLIC}{listener}")));
    let output = bitting.command(&["reload"]);
    let said = format!("cannot listen on {all} beside {}, where this server listens already", bitting.gateway);
    assert!(output.code == 1 && output.stderr.contains(&said), "{}", output.stderr);
    assert!(output.stderr.contains("restart the server"), "{}", output.stderr);
    assert_eq!(get(bitting.gateway, "/open", &[]).await.status, 401);
}

#[test]
fn where_no_server_runs_there_is_nothing_to_reload_or_to_ask_and_no_store_is_made() {
    let traces = crate::harness::Traces::new();
    std::fs::write(traces.path("bitting.toml"), "[[api]]\nname = \"a\"\nupstream = \"http://127.0.0.1:1\"\n").unwrap();
    for command in ["reload", "health"] {
        let output = run([command.to_owned()], &traces);
        assert_eq!(output.code, 6, "{}", output.stderr);
        assert!(output.stderr.contains("no server answers for the store bitting.db"), "{}", output.stderr);
    }
    assert!(!traces.path("bitting.db").exists());
}
