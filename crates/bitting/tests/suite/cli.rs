//! The command line as a person and as a script use it.

use serde_json::{Value, json};

use crate::gateway::{config, start};
use crate::harness::{Output, Traces, Upstream, get, run, run_into};

const OFFLINE: &str = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\nroles = [\"clerk\", \"boss\"]\n\
                       [api.key]\nprefix = { live = \"shop_live_\", test = \"shop_test_\" }\n";

/// A folder with a `bitting.toml` and nobody serving it.
pub(crate) fn offline() -> Traces {
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), OFFLINE).unwrap();
    traces
}

pub(crate) fn bitting(traces: &Traces, words: &[&str]) -> Output {
    let output = run(words.iter().map(|&word| word.to_owned()), traces);
    // Keys are printed on standard output, alone or as JSON.
    for line in output.stdout.lines().filter(|line| line.starts_with("shop_") && !line.contains(' ')) {
        traces.issued(line);
    }
    output
}

pub(crate) fn json(traces: &Traces, words: &[&str]) -> Value {
    let output = bitting(traces, &[words, &["--json"]].concat());
    assert_eq!(output.code, 0, "{}", output.stderr);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    if let Some(key) = value["key"].as_str() {
        traces.issued(key);
    }
    value
}

#[test]
fn a_key_is_alone_on_standard_output_so_that_it_can_be_caught_in_a_variable() {
    let traces = offline();
    let output = bitting(&traces, &["keys", "create", "--name", "price tracker", "--role", "boss"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let key = output.stdout.strip_suffix('\n').unwrap();
    assert!(key.starts_with("shop_live_") && key.len() == 42 && !key.contains(char::is_whitespace));
    for expected in ["price tracker", "boss", "default", "live", "shown only now"] {
        assert!(output.stderr.contains(expected), "{expected} is missing in\n{}", output.stderr);
    }
    assert!(!output.stderr.contains(key));
}

#[test]
fn a_key_that_cannot_be_printed_is_reported_with_its_id_and_the_command_fails() {
    let traces = offline();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let words = ["keys", "create", "--name", "lost"];
    let output = run_into(words.iter().map(|&word| word.to_owned()), &traces, full.into());
    assert_eq!(output.code, 1);
    let listed = json(&traces, &["keys", "list"]);
    let id = listed[0]["id"].as_str().unwrap();
    assert!(output.stderr.contains("No space left") && output.stderr.contains(id), "{}", output.stderr);
    assert!(output.stderr.contains("revoke it and make another"), "{}", output.stderr);
}

#[test]
fn without_a_server_the_command_line_works_on_the_store_itself() {
    let traces = offline();
    let made = json(
        &traces,
        &["keys", "create", "--name", "one", "--environment", "test", "--expires", "90d", "--metadata", "team=blue"],
    );
    let id = made["id"].as_str().unwrap();
    assert!(made["key"].as_str().unwrap().starts_with("shop_test_"));
    let shown = json(&traces, &["keys", "show", id]);
    assert_eq!(
        (&shown["name"], &shown["status"], &shown["metadata"]),
        (&json!("one"), &json!("active"), &json!({"team": "blue"}))
    );
    assert!(shown.get("key").is_none() && !shown.to_string().contains(made["key"].as_str().unwrap()));
    let changed = json(
        &traces,
        &["keys", "update", id, "--name", "two", "--role", "clerk", "--expires", "never", "--allow-address", "192.0.2.0/24"],
    );
    assert_eq!((&changed["name"], &changed["role"], &changed["expires_at"]), (&json!("two"), &json!("clerk"), &Value::Null));
    assert_eq!(changed["allowed_addresses"], json!(["192.0.2.0/24"]));
    assert_eq!(json(&traces, &["keys", "update", id, "--disable"])["status"], "disabled");
    assert_eq!(json(&traces, &["keys", "update", id, "--enable", "--any-address"])["status"], "active");
    let revoked = json(&traces, &["keys", "revoke", id]);
    assert_eq!(revoked["status"], "revoked");
    // Revoking again is no error and changes nothing.
    assert_eq!(json(&traces, &["keys", "revoke", id]), revoked);
}

#[test]
fn a_rotation_prints_the_new_key_and_says_until_when_the_old_one_works() {
    let traces = offline();
    let old = json(&traces, &["keys", "create", "--name", "one", "--role", "boss"]);
    let id = old["id"].as_str().unwrap();
    let output = bitting(&traces, &["keys", "rotate", id, "--overlap", "7d"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stdout.starts_with("shop_live_") && output.stdout.lines().count() == 1);
    assert!(output.stderr.contains(&format!("the old key {id} works until ")), "{}", output.stderr);
    let old = json(&traces, &["keys", "show", id]);
    let new = json(&traces, &["keys", "show", old["replaced_by"].as_str().unwrap()]);
    assert_eq!((&new["replaces"], &new["role"], &new["name"]), (&json!(id), &json!("boss"), &json!("one")));
    let again = bitting(&traces, &["keys", "rotate", id]);
    assert!(again.code == 5 && again.stderr.contains("was rotated already"), "{}", again.stderr);
    let at_once = bitting(&traces, &["keys", "rotate", new["id"].as_str().unwrap()]);
    assert!(at_once.stderr.contains("is revoked"), "{}", at_once.stderr);
}

#[test]
fn lists_are_tables_for_people_and_arrays_for_programs() {
    let traces = offline();
    assert_eq!(bitting(&traces, &["keys", "list"]).stderr, "no keys\n");
    for name in ["first", "second", "third"] {
        json(&traces, &["keys", "create", "--name", name]);
    }
    let table = bitting(&traces, &["keys", "list"]).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("KEY ") && lines[0].contains("STATUS") && lines.len() == 4, "{table}");
    assert!(
        lines[1].contains("third") && lines[3].contains("first") && lines[1].contains("shop_live_") && lines[1].contains("...")
    );
    assert!(!table.contains('\u{1b}'), "colour is for terminals");
    let page = bitting(&traces, &["keys", "list", "--limit", "2"]);
    assert!(page.stderr.contains("there may be more: --after key_"), "{}", page.stderr);
    let array = json(&traces, &["keys", "list"]);
    let second = array[1]["id"].as_str().unwrap();
    assert_eq!(json(&traces, &["keys", "list", "--after", second]).as_array().unwrap().len(), 1);
    json(&traces, &["keys", "revoke", second]);
    for (status, count) in [("active", 2), ("revoked", 1), ("expired", 0), ("disabled", 0)] {
        assert_eq!(json(&traces, &["keys", "list", "--status", status]).as_array().unwrap().len(), count, "{status}");
    }
    assert_eq!(json(&traces, &["keys", "list", "--environment", "test"]), json!([]));
    assert_eq!(json(&traces, &["keys", "list", "--account", "default"]).as_array().unwrap().len(), 3);
}

#[test]
fn accounts_are_made_listed_suspended_and_resumed() {
    let traces = offline();
    let made = json(&traces, &["accounts", "create", "acme", "--name", "Acme Inc."]);
    assert_eq!((&made["id"], &made["name"], &made["enabled"]), (&json!("acme"), &json!("Acme Inc."), &json!(true)));
    let twice = bitting(&traces, &["accounts", "create", "acme"]);
    assert!(twice.code == 5 && twice.stderr.contains("exists already"), "{}", twice.stderr);
    assert_eq!(json(&traces, &["accounts", "update", "acme", "--suspend"])["enabled"], false);
    assert!(bitting(&traces, &["accounts", "list"]).stdout.contains("suspended"));
    assert_eq!(json(&traces, &["accounts", "update", "acme", "--resume", "--name", "Acme"])["enabled"], true);
    assert_eq!(json(&traces, &["accounts", "show", "acme"])["name"], "Acme");
    assert_eq!(bitting(&traces, &["accounts", "show", "nobody"]).code, 4);
    assert_eq!(bitting(&traces, &["accounts", "create", "two words"]).code, 2);
}

#[test]
fn an_account_is_given_a_plan_keeps_it_and_loses_it() {
    let traces = offline();
    assert_eq!(json(&traces, &["accounts", "create", "plain"])["plan"], Value::Null);
    assert!(!bitting(&traces, &["accounts", "list"]).stdout.contains("PLAN"), "nobody has one");
    assert_eq!(json(&traces, &["accounts", "create", "acme", "--plan", "default"])["plan"], "default");
    assert_eq!(json(&traces, &["accounts", "update", "acme", "--suspend"])["plan"], "default");
    assert!(bitting(&traces, &["accounts", "show", "acme"]).stdout.contains("plan     default"));
    let table = bitting(&traces, &["accounts", "list"]).stdout;
    assert!(table.starts_with("ACCOUNT  NAME  PLAN     STATUS"), "{table}");
    assert_eq!(json(&traces, &["accounts", "update", "acme", "--plan", ""])["plan"], Value::Null);
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let traces = offline();
    let missing = "key_00000000000000000000000000";
    for (words, code, said) in [
        (&["keys", "show", missing][..], 4, "there is no key"),
        (&["keys", "revoke", missing], 4, "there is no key"),
        (&["keys", "rotate", missing, "--api", "shop"], 4, "there is no key key_00000000000000000000000000 of shop"),
        (&["keys", "show", "key_x"], 2, "is not a key id"),
        (&["keys", "create"], 2, "--name"),
        (
            &["keys", "create", "--name", "x", "--role", "emperor"],
            5,
            "role: \"emperor\" is not a declared role; declared are: clerk, boss",
        ),
        (&["keys", "create", "--name", "x", "--environment", "staging"], 5, "it has live, test"),
        (&["keys", "create", "--name", "x", "--expires", "soon"], 5, "write 90d, 2026-12-31"),
        (&["keys", "create", "--name", "x", "--allow-address", "here"], 5, "neither an address"),
        (&["keys", "create", "--name", "x", "--metadata", "a"], 5, "write NAME=TEXT"),
        (&["keys", "create", "--name", "x", "--limit", "hour"], 5, "write NAME=NUMBER, as in hour=50"),
        (&["keys", "create", "--name", "x", "--limit", "hour=-1"], 5, "has no whole number"),
        (&["keys", "create", "--name", "x", "--limit", "hour=5"], 5, "limits: \"hour\" is not a limit that keys of shop have"),
        (&["keys", "update", missing, "--limit", "hour=5", "--no-limits"], 2, "cannot be used with"),
        (&["keys", "update", missing, "--no-limits"], 4, "there is no key"),
        (&["accounts", "create", "x", "--plan", "gold"], 5, "plan: \"gold\" is not a plan of shop; there are: default"),
        (&["keys", "create", "--name", "x", "--account", "nobody"], 4, "make it first: bitting accounts create nobody\n"),
        (&["keys", "create", "--name", "x", "--api", "nobody"], 4, "there are: shop, and bitting for operator tokens"),
        (&["keys", "update", missing], 5, "there is nothing to change"),
        (&["keys", "rotate", missing, "--overlap", "long"], 5, "overlap"),
        (&["fly"], 2, "unrecognized subcommand"),
        (&["serve", "--set", "log.level=loud"], 3, "is not a log level"),
    ] {
        let output = bitting(&traces, words);
        assert!(output.code == code && output.stderr.contains(said), "{words:?}: {}\n{}", output.code, output.stderr);
        assert_eq!(output.stdout, "", "{words:?}");
    }
}

#[test]
fn without_a_configuration_it_says_how_to_get_one() {
    let traces = Traces::new();
    for words in [&["serve"][..], &["keys", "list"]] {
        let output = bitting(&traces, words);
        assert_eq!(output.code, 3);
        for expected in ["there is no bitting.toml here", "[[api]]", "prefix = ", "bitting demo"] {
            assert!(output.stderr.contains(expected), "{expected} is missing in\n{}", output.stderr);
        }
    }
}

#[test]
fn of_several_apis_one_must_be_named() {
    let traces = Traces::new();
    let second = OFFLINE.replace("\"shop\"", "\"club\"").replace("roles", "hosts = [\"club.example\"]\nroles");
    std::fs::write(traces.path("bitting.toml"), OFFLINE.to_owned() + &second).unwrap();
    let output = bitting(&traces, &["keys", "list"]);
    assert!(output.code == 2 && output.stderr.contains("write --api with one of: shop, club"), "{}", output.stderr);
    assert_eq!(bitting(&traces, &["keys", "list", "--api", "club"]).code, 0);
}

#[test]
fn the_first_operator_token_is_made_on_the_machine_that_holds_the_store() {
    let traces = offline();
    assert_eq!(json(&traces, &["keys", "list", "--api", "bitting"]), json!([]), "none exists by default");
    let made = json(&traces, &["keys", "create", "--api", "bitting", "--name", "ops", "--permission", "verify"]);
    assert!(made["key"].as_str().unwrap().starts_with("bitting_"));
}

#[tokio::test]
async fn while_a_server_runs_changes_go_through_it_and_hold_at_once() {
    let (bitting, _upstream, bearer) = start("").await;
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 200);
    let id = bitting.json(&["keys", "list"])[0]["id"].as_str().unwrap().to_owned();
    bitting.json(&["keys", "revoke", &id]);
    assert_eq!(get(bitting.gateway, "/x", &[("authorization", &bearer)]).await.status, 401);
    let shown = bitting.json(&["keys", "show", &id]);
    assert!(shown["created_by"].as_str().unwrap().starts_with("cli:"));
    let wrong = bitting.command(&["keys", "create", "--name", "x", "--role", "emperor"]);
    assert!(wrong.code == 5 && wrong.stderr.contains("is not a declared role"), "{}", wrong.stderr);
    assert_eq!(bitting.command(&["keys", "revoke", "key_00000000000000000000000000"]).code, 4);
}

#[tokio::test]
async fn a_lock_that_is_held_by_somebody_who_does_not_answer_is_an_error_and_never_a_direct_write() {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), config(&upstream, "")).unwrap();
    let lock = std::fs::File::create(traces.path("bitting.db.lock")).unwrap();
    lock.lock().unwrap();
    let output = bitting(&traces, &["keys", "create", "--name", "x"]);
    assert_eq!((output.code, output.stdout.as_str()), (6, ""));
    assert!(output.stderr.contains("does not answer; nothing was changed"), "{}", output.stderr);
    assert!(!traces.path("bitting.db").exists());
}

#[tokio::test]
async fn the_socket_is_in_a_folder_for_its_owner_alone_and_is_gone_afterwards() {
    use std::os::unix::fs::PermissionsExt as _;
    let (bitting, _upstream, _bearer) = start("").await;
    let folder = bitting.traces.path("bitting.db.control");
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(folder.join("socket").exists());
    bitting.stop();
    assert!(!folder.join("socket").exists());
}

#[test]
fn a_store_deep_down_in_the_file_system_still_has_its_socket() {
    // Longer than a socket's address can be.
    let traces = offline();
    let deep = format!("store.path={}/bitting.db", "a-rather-long-name-of-a-folder/".repeat(6).trim_end_matches('/'));
    let output = bitting(&traces, &["keys", "create", "--name", "x", "--set", &deep]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let store = traces.path(deep.trim_start_matches("store.path="));
    let lock = std::fs::File::open(store.with_file_name("bitting.db.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(bitting(&traces, &["keys", "list", "--set", &deep]).code, 6);
}

#[test]
fn completions_and_help_are_there_for_every_shell_and_command() {
    let traces = Traces::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(bitting(&traces, &["completions", shell]).stdout.contains("bitting"), "{shell}");
    }
    let help = bitting(&traces, &["--help"]).stdout;
    for expected in ["demo", "serve", "check", "keys", "accounts", "completions", "--config", "--set", "--json", "Exit codes"] {
        assert!(help.contains(expected), "{expected} is missing in\n{help}");
    }
    assert!(bitting(&traces, &["keys", "create", "--help"]).stdout.contains("--expires"));
    assert!(bitting(&traces, &["--version"]).stdout.starts_with("bitting "));
}
