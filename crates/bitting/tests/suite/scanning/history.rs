//! Looking for keys in what a git repository has ever held.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{files, key, scan, told};
use crate::cli::{json, offline};

/// Runs git as somebody whose own settings do not matter.
fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Mara", "-c", "user.email=mara@example.com", "-c", "init.defaultBranch=main"])
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits everything, and says the commit.
fn commit(folder: &Path, message: &str) -> String {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", message]);
    git(folder, &["rev-parse", "HEAD"])
}

#[test]
fn a_key_is_found_in_whatever_was_ever_committed_and_told_with_the_commit_that_brought_it() {
    let traces = offline();
    let keys: Vec<(String, String)> = (0..6).map(|_| key(&traces, &[])).collect();
    let folder = files(&[("readme", b"hello"), ("conf/app .env", format!("\n  KEY={}\n", keys[0].0).as_bytes())]);
    let path = folder.path();
    git(path, &["init", "--quiet"]);
    let first = commit(path, "Begin");
    // Later versions of the file still have the key; the last ones do not.
    std::fs::write(path.join("conf/app .env"), format!("KEY={}\nmore\n", keys[0].0)).unwrap();
    let second = commit(path, &format!("Note that {} is the key", keys[1].0));
    std::fs::remove_file(path.join("conf/app .env")).unwrap();
    std::fs::write(path.join("readme"), format!("{} {}", keys[2].0, keys[2].0)).unwrap();
    let third = commit(path, "Remove what should never have been there");
    git(path, &["tag", "--annotate", "v1", "--message", &format!("with {}", keys[3].0)]);
    git(path, &["checkout", "--quiet", "-b", "aside"]);
    std::fs::write(path.join("aside"), &keys[4].0).unwrap();
    let dropped = commit(path, "Aside");
    git(path, &["checkout", "--quiet", "main"]);
    git(path, &["branch", "--quiet", "-D", "aside"]);
    std::fs::write(path.join("staged"), &keys[5].0).unwrap();
    git(path, &["add", "staged"]);
    git(path, &["pack-objects", "--all", "--quiet", ".git/objects/pack/pack"]);
    let output = scan(&traces, &["--git", path.to_str().unwrap(), "--json"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let lines = told(&output);
    let of = |number: usize| {
        let of_key = lines.iter().filter(|line| line["key"] == json!(keys[number].1));
        of_key.map(|line| (line["commit"].clone(), line["path"].clone(), line["line"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(of(0), [(json!(first), json!("conf/app .env"), json!(2))], "{lines:?}");
    assert_eq!(of(1).len(), 1);
    assert_eq!((&of(1)[0].0, &of(1)[0].1), (&json!(second), &json!(null)));
    assert_eq!(of(2), [(json!(third), json!("readme"), json!(1))]);
    assert_eq!((of(3).len(), lines.iter().any(|line| line["tag"].is_string())), (1, true));
    assert_eq!(of(4), [(json!(dropped), json!("aside"), json!(1))], "a log of a branch leads to it");
    assert_eq!((of(5).len(), &of(5)[0].0), (1, &json!(null)), "no commit leads to it");
    let words = scan(&traces, &["--git", path.join("conf/..").to_str().unwrap()]);
    let place = format!("{}:conf/app .env:2:7: live: ", &first[..12]);
    assert!(words.stdout.lines().any(|line| line.starts_with(&place)), "{place}\n{}", words.stdout);
    // Where git keeps things there is nothing else to find.
    let in_files = told(&scan(&traces, &[path.to_str().unwrap(), "--json"]));
    let found = in_files.iter().filter(|line| line["type"] == "key").map(|line| line["key"].clone()).collect::<Vec<_>>();
    assert!(found.contains(&json!(keys[5].1)) && !found.contains(&json!(keys[0].1)), "{found:?}");
}

#[test]
fn where_there_is_no_history_or_no_git_that_is_said() {
    let traces = offline();
    let folder = files(&[("x", b"")]);
    let path = folder.path().to_str().unwrap();
    let none = scan(&traces, &["--git", path]);
    assert!(none.code == 4 && none.stderr.contains("has no history to read: not a git repository"), "{}", none.stderr);
    let without_git = Command::new(env!("CARGO_BIN_EXE_bitting"))
        .args(["scan", "--git", path, "--config"])
        .arg(traces.path("bitting.toml"))
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8(without_git.stderr).unwrap();
    assert!(without_git.status.code() == Some(4) && said.contains("git, which is not installed here"), "{said}");
}

/// A repository with one commit of a file.
fn repository(text: &str) -> tempfile::TempDir {
    let folder = files(&[("x", text.as_bytes())]);
    git(folder.path(), &["init", "--quiet"]);
    commit(folder.path(), "Begin");
    folder
}

/// Where git keeps an object that is in no pack.
fn object(folder: &Path, name: &str) -> PathBuf {
    let id = git(folder, &["rev-parse", name]);
    folder.join(".git/objects").join(&id[..2]).join(&id[2..])
}

#[test]
fn what_was_found_is_told_though_git_fails_and_the_next_repository_is_read() {
    let traces = offline();
    let ((one, first), (two, second)) = (key(&traces, &[]), key(&traces, &[]));
    let (damaged, whole) = (repository(&one), repository(&two));
    std::fs::remove_file(object(damaged.path(), "HEAD^{tree}")).unwrap();
    let paths = [damaged.path().to_str().unwrap(), whole.path().to_str().unwrap()];
    let output = scan(&traces, &["--git", paths[0], paths[1], "--json"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let lines = told(&output);
    assert_eq!((&lines[0]["type"], &lines[0]["path"]), (&json!("unread"), &json!(paths[0])), "{lines:?}");
    assert_eq!((&lines[1]["key"], &lines[1]["commit"], lines[1]["blob"].is_string()), (&json!(first), &json!(null), true));
    assert_eq!((&lines[2]["key"], &lines[2]["path"]), (&json!(second), &json!("x")));
    assert_eq!((&lines[3]["unread"], &lines[3]["found"]["live"]), (&json!(1), &json!(2)));
    let words = scan(&traces, &["--git", paths[1], paths[0]]);
    assert!(words.code == 1 && words.stdout.matches(": live: ").count() == 2, "{}{}", words.stdout, words.stderr);
    assert!(words.stderr.contains("keys that work were found"), "{}", words.stderr);
    let folder = files(&[]);
    let misspelt = scan(&traces, &["--git", paths[1], folder.path().to_str().unwrap()]);
    assert!(misspelt.code == 4 && misspelt.stdout.is_empty(), "{}{}", misspelt.stdout, misspelt.stderr);
}

#[test]
fn objects_that_are_damaged_are_not_taken_for_clean() {
    let traces = offline();
    let ((over, id), (live, _)) = (key(&traces, &[]), key(&traces, &[]));
    json(&traces, &["keys", "revoke", &id]);
    let folder = repository(&over);
    let path = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("y"), &live).unwrap();
    commit(folder.path(), "Add what will be damaged");
    let blob = git(folder.path(), &["rev-parse", "HEAD:y"]);
    let file = object(folder.path(), "HEAD:y");
    let content = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, b"not what git wrote").unwrap();
    let output = scan(&traces, &["--git", path]);
    assert_eq!((output.code, output.stdout.matches(": revoked: ").count()), (7, 1), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains(&format!("{path}: not read: object {blob} is damaged")), "{}", output.stderr);
    assert!(output.stderr.contains("1 thing could not be read"), "{}", output.stderr);
    // Git learns of this only when it has said how long the object is.
    std::fs::write(&file, &content[..content.len() - 8]).unwrap();
    let output = scan(&traces, &["--git", path]);
    let why = format!("{path}: not read: the history was not read to its end: git ended with ");
    assert!(output.code != 0 && output.stderr.contains(&why), "{}{}", output.stdout, output.stderr);
}

#[test]
fn a_clone_that_lacks_commits_or_files_is_not_taken_for_clean() {
    let traces = offline();
    let (live, id) = key(&traces, &[]);
    let origin = repository(&live);
    git(origin.path(), &["config", "uploadpack.allowFilter", "true"]);
    std::fs::write(origin.path().join("x"), "nothing").unwrap();
    commit(origin.path(), "Remove the key");
    let clones = files(&[]);
    let url = format!("file://{}", origin.path().display());
    let says = |name: &str, option: &str, why: &str| {
        git(clones.path(), &["clone", "--quiet", option, &url, name]);
        let path = clones.path().join(name);
        let output = scan(&traces, &["--git", path.to_str().unwrap()]);
        let told = output.stderr.contains(&format!("{name}: not read: {why}"));
        assert!(output.code == 7 && told, "{}: {}", output.code, output.stderr);
    };
    says("shallow", "--depth=1", "older commits are not here");
    says("partial", "--filter=blob:none", "some files are not here");
    git(&clones.path().join("shallow"), &["fetch", "--quiet", "--unshallow"]);
    let lines = told(&scan(&traces, &["--git", clones.path().join("shallow").to_str().unwrap(), "--json"]));
    assert_eq!((&lines[0]["key"], &lines[1]["unread"]), (&json!(id), &json!(0)), "{lines:?}");
}
