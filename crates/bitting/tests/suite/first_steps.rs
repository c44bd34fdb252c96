//! What somebody meets who uses the command line for the first time.

use serde_json::json;

use crate::cli::{bitting, json, offline};
use crate::gateway::{config, start};
use crate::harness::Traces;

const SHOP: &str = "[[api]]\nname = \"shop\"\nhosts = [\"shop.example\"]\nupstream = \"http://127.0.0.1:9\"\n\
                    key = { prefix = \"shop_\" }\n";
const CLUB: &str = "[[api]]\nname = \"club\"\nhosts = [\"club.example\"]\nupstream = \"http://127.0.0.1:9\"\n\
                    roles = [\"member\"]\nkey = { prefix = \"club_\" }\ndefault = { needs = \"member\" }\n";

fn with(text: &str) -> Traces {
    let traces = Traces::new();
    std::fs::write(traces.path("bitting.toml"), text).unwrap();
    traces
}

#[test]
fn an_account_that_is_missing_is_told_with_the_command_that_makes_it() {
    let traces = with(&(SHOP.to_owned() + CLUB));
    let create = |api: &str| bitting(&traces, &["keys", "create", "--api", api, "--name", "x", "--account", "acme"]);
    let told = create("club");
    let command = "bitting accounts create --api club acme";
    assert!(told.code == 4 && told.stderr.ends_with(&format!("make it first: {command}\n")), "{}", told.stderr);
    assert_eq!(bitting(&traces, &command.split(' ').skip(1).collect::<Vec<_>>()).code, 0);
    assert_eq!(json(&traces, &["keys", "create", "--api", "club", "--name", "x", "--account", "acme"])["account"], "acme");
    let only = with(SHOP);
    let told = bitting(&only, &["keys", "create", "--name", "x", "--account", "acme"]).stderr;
    assert!(told.ends_with("make it first: bitting accounts create acme\n"), "{told}");
    let told = bitting(&only, &["keys", "create", "--api", "bitting", "--name", "x", "--account", "acme"]).stderr;
    assert!(told.ends_with("make it first: bitting accounts create --api bitting acme\n"), "{told}");
}

#[test]
fn a_key_in_the_place_of_its_id_is_not_repeated() {
    let traces = offline();
    let key = json(&traces, &["keys", "create", "--name", "x"])["key"].as_str().unwrap().to_owned();
    let commands: [&[&str]; 5] = [
        &["keys", "show", &key],
        &["keys", "update", &key, "--disable"],
        &["keys", "rotate", &key],
        &["keys", "revoke", &key],
        &["keys", "list", "--after", &key],
    ];
    for words in commands {
        let output = bitting(&traces, words);
        assert!(output.code == 2 && !output.stderr.contains(&key[..16]), "{}", output.stderr);
        assert!(output.stderr.contains("that is not a key id (key_ and 26 characters); `bitting keys list` shows ids"));
    }
    let like_an_id = bitting(&traces, &["keys", "show", "key_live_whose_prefix_is_like_that"]).stderr;
    assert!(!like_an_id.contains("key_live_whose"), "{like_an_id}");
}

#[test]
fn of_several_apis_the_one_is_meant_that_has_the_key() {
    let traces = with(&(SHOP.to_owned() + CLUB));
    let create = |api: &str| json(&traces, &["keys", "create", "--api", api, "--name", "x"])["id"].as_str().unwrap().to_owned();
    for api in ["shop", "club", "bitting"] {
        let id = create(api);
        assert_eq!(json(&traces, &["keys", "show", &id])["api"], api);
        assert_eq!(json(&traces, &["keys", "update", &id, "--name", "y"])["name"], "y");
        let new = json(&traces, &["keys", "rotate", &id]);
        assert_eq!((&new["api"], &new["replaces"]), (&json!(api), &json!(id)));
        assert_eq!(json(&traces, &["keys", "revoke", new["id"].as_str().unwrap()])["status"], "revoked");
    }
    let id = create("shop");
    let elsewhere = bitting(&traces, &["keys", "revoke", &id, "--api", "club"]);
    assert!(elsewhere.code == 4 && elsewhere.stderr.contains("of club"), "{}", elsewhere.stderr);
    assert_eq!(json(&traces, &["keys", "show", &id])["status"], "active");
}

#[test]
fn a_key_that_opens_nothing_is_warned_of_when_it_is_made() {
    let warning = "warning: it has no role and no permission, so it opens only routes that need none\n";
    let traces = with(&(SHOP.to_owned() + CLUB));
    let said = |words: &[&str]| {
        let output = bitting(&traces, &[&["keys", "create", "--name", "x", "--api"], words].concat());
        assert_eq!(output.code, 0, "{}", output.stderr);
        traces.issued(output.stdout.trim());
        output.stderr
    };
    assert!(said(&["club"]).starts_with(warning));
    assert!(said(&["bitting"]).starts_with(warning), "operator tokens too");
    assert!(!said(&["club", "--role", "member"]).contains("warning"));
    assert!(!said(&["bitting", "--permission", "verify"]).contains("warning"));
    assert!(!said(&["shop"]).contains("warning"), "any key opens its routes");
}

#[test]
fn people_see_notes_and_roles_and_times_to_the_second_and_no_column_that_says_nothing() {
    let traces = with(CLUB);
    let made =
        bitting(&traces, &["keys", "create", "--name", "x", "--role", "member", "--metadata", "team=blue", "--expires", "9d"]);
    let list = bitting(&traces, &["keys", "list"]).stdout;
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    let shown = bitting(&traces, &["keys", "show", id]).stdout;
    for text in [&made.stderr, &shown] {
        assert!(text.contains("metadata     team=blue"), "{text}");
    }
    assert!(list.contains("ROLE") && list.contains("member") && !list.contains("ENVIRONMENT"), "{list}");
    for text in [&made.stderr, &shown, &list] {
        let times: Vec<&str> = text.split_whitespace().filter(|word| word.ends_with('Z') && word.contains('T')).collect();
        assert!(times.len() == 2 && times.iter().all(|time| time.len() == "2026-01-01T00:00:00Z".len()), "{times:?}");
    }
    let both = bitting(&offline(), &["keys", "list"]);
    assert_eq!(both.stderr, "no keys\n");
    let traces = offline();
    json(&traces, &["keys", "create", "--name", "x"]);
    assert!(bitting(&traces, &["keys", "list"]).stdout.contains("ENVIRONMENT"));
}

#[tokio::test]
async fn a_name_that_the_running_server_has_not_read_is_told_as_such() {
    let (bitting, upstream, _bearer) = start("").await;
    let text = config(&upstream, "").replacen("[api.key]", "roles = [\"clerk\"]\n[api.key]", 1);
    std::fs::write(bitting.traces.path("bitting.toml"), text).unwrap();
    let refused = bitting.command(&["keys", "create", "--name", "x", "--role", "clerk"]);
    assert!(refused.code == 5 && refused.stderr.contains("\"clerk\" is not a declared role"), "{}", refused.stderr);
    let whose = "these are the names of the running server, which reads its files again at `bitting reload`";
    assert!(refused.stderr.contains(whose), "{}", refused.stderr);
}
