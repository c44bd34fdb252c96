//! Keys that somebody else issued, from their files to the gateway.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use crate::documentation::blocks;
use crate::gateway::config;
use crate::harness::{Bitting, Output, Traces, Upstream, get, run};

/// How many keys are imported in one change.
const PART: usize = 100;

/// A key of an old Django, and the PBKDF2 that it keeps.
const SLOW: &str = "Qx91Lm0c.9aF3kT7vW2pZ6yB4nD8mR1sJ5hG0cXe";
const SLOW_HASH: &str = "pbkdf2_sha256$150000$pW3nT8sKd0aL$8JR8VoIXsmYItAi0GOT0iW9HSv27qMMJU26HXQrmLOk=";

/// A key that another program has made, and that no file, log or answer may hold.
fn old_key(traces: &Traces, number: usize) -> String {
    let digits = hex(&Sha256::digest(format!("seed {number}")));
    let key = format!("legacy_{}", &digits[..40]);
    traces.issued(&key);
    key
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn sha256(key: &str) -> String {
    hex(&Sha256::digest(key))
}

fn sha512(key: &str) -> String {
    hex(&Sha512::digest(key))
}

/// A folder with a configuration, and an upstream to which it leads.
async fn folder() -> (Traces, Upstream) {
    let upstream = Upstream::start().await;
    let traces = Traces::new();
    let more = "permissions = [\"read\", \"write\"]\nroles = [\"clerk\"]";
    let text = config(&upstream, "").replacen("[api.key]", &format!("{more}\n[api.key]"), 1);
    std::fs::write(traces.path("bitting.toml"), text).unwrap();
    (traces, upstream)
}

fn serve(traces: &Traces) -> Bitting {
    Bitting::serve(&traces.path("bitting.toml"), &[], traces.clone())
}

fn bitting(traces: &Traces, words: &[&str]) -> Output {
    run(words.iter().map(|&word| word.to_owned()), traces)
}

fn report(traces: &Traces, words: &[&str]) -> Value {
    let output = bitting(traces, &[words, &["--json"]].concat());
    assert_eq!(output.code, 0, "{words:?}: {}", output.stderr);
    serde_json::from_str(&output.stdout).unwrap()
}

fn write(traces: &Traces, name: &str, text: &str) -> PathBuf {
    let path = traces.path(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// JSON lines.
fn joined(rows: &[Value]) -> String {
    rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

async fn status(bitting: &Bitting, key: &str) -> u16 {
    get(bitting.gateway, "/x", &[("authorization", &format!("Bearer {key}"))]).await.status.as_u16()
}

#[tokio::test]
async fn keys_are_admitted_as_they_are_in_every_form_in_which_their_hashes_are_kept() {
    let (traces, _upstream) = folder().await;
    let mut keys: Vec<String> = (0..7).map(|number| old_key(&traces, number)).collect();
    traces.issued(SLOW);
    keys.push(SLOW.to_owned());
    let digest = |number: usize| Sha256::digest(&keys[number]);
    let lines = [
        json!({"hash": sha256(&keys[0]), "account": "acme", "name": "as hex", "prefix": "legacy_", "metadata": {"plan": 7}}),
        // Unkey.
        json!({"hash": BASE64_STANDARD.encode(digest(1)), "created_at": 1_700_000_000_000i64, "permissions": ["read"]}),
        // Better Auth.
        json!({"hash": BASE64_URL_SAFE_NO_PAD.encode(digest(2)), "enabled": false, "expires_at": null}),
        // djangorestframework-api-key.
        json!({"hash": format!("sha512$${}", sha512(&keys[3])), "name": "from Django", "role": "clerk"}),
        json!({"hash": format!("sha512:{}", sha512(&keys[4])), "revoked_at": "2024-01-01T00:00:00Z"}),
        json!({"hash": format!("sha256:{}", sha256(&keys[5])), "expires_at": "2024-01-01T00:00:00Z"}),
        // The prefixed-api-key libraries, of which Unkey takes hashes over.
        json!({"hash": format!("prefixed-api-key:{}", sha256(keys[6].rsplit('_').next().unwrap())), "prefix": "legacy_"}),
        // djangorestframework-api-key before version 3.
        json!({"hash": SLOW_HASH, "prefix": "Qx91Lm0c", "name": "from an old Django"}),
    ];
    write(&traces, "keys.jsonl", &joined(&lines));
    let server = serve(&traces);
    assert_eq!(status(&server, &keys[0]).await, 401);
    let dry = report(&traces, &["keys", "import", "keys.jsonl", "--dry-run"]);
    assert_eq!((&dry["imported"], &dry["import"]), (&json!(8), &Value::Null));
    assert_eq!(status(&server, &keys[0]).await, 401, "a dry run writes nothing");
    let done = report(&traces, &["keys", "import", "keys.jsonl"]);
    assert_eq!((&done["imported"], &done["there_already"]), (&json!(8), &json!(0)));
    let mut answers = Vec::new();
    for key in &keys {
        answers.push(status(&server, key).await);
    }
    assert_eq!(answers, [200, 200, 401, 200, 401, 401, 200, 200]);
    let listed = server.json(&["keys", "list"]);
    let named = |name: &str| listed.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    let first = named("as hex");
    assert_eq!(
        (&first["account"], &first["metadata"], &first["prefix"]),
        (&json!("acme"), &json!({"plan": 7}), &json!("legacy_..."))
    );
    let second = listed.as_array().unwrap().iter().find(|row| row["permissions"] == json!(["read"])).unwrap();
    assert_eq!(second["created_at"], "2023-11-14T22:13:20Z");
    server.json(&["keys", "revoke", named("from Django")["id"].as_str().unwrap()]);
    assert_eq!(status(&server, &keys[3]).await, 401);
    // The same file once more changes nothing, although some are known by their SHA-256 now.
    let again = report(&traces, &["keys", "import", "keys.jsonl"]);
    assert_eq!((&again["imported"], &again["there_already"]), (&json!(0), &json!(8)));
    server.stop();
    let server = serve(&traces);
    assert_eq!((status(&server, &keys[3]).await, status(&server, &keys[1]).await), (401, 200));
    assert_eq!((status(&server, &keys[6]).await, status(&server, &keys[7]).await), (200, 200));
    assert_eq!(status(&server, &SLOW.replace("9aF3", "9aF4")).await, 401);
}

#[tokio::test]
async fn the_examples_of_the_documentation_can_be_imported() {
    let (traces, _upstream) = folder().await;
    let page = include_str!("../../../../docs/import-and-backup.md");
    for (language, name, count) in [("json", "keys.jsonl", 2), ("csv", "keys.csv", 1)] {
        let [example] = blocks(page, language)[..] else { panic!("one example in {language}") };
        write(&traces, name, example);
        assert_eq!(report(&traces, &["keys", "import", name, "--dry-run"])["imported"], count);
    }
}

#[tokio::test]
async fn csv_says_the_same_as_json_lines_and_can_come_from_standard_input() {
    let (traces, _upstream) = folder().await;
    let key = old_key(&traces, 1);
    let row = format!("{},\"Acme, Inc.\",acme,read write,192.0.2.0/24;2001:db8::/32,true,blue", sha256(&key));
    let head = "hash,name,account,permissions,allowed_addresses,enabled,metadata.team";
    let path = write(&traces, "keys.csv", &format!("\u{feff}{head}\r\n{row}\r\n"));
    let mut import = std::process::Command::new(env!("CARGO_BIN_EXE_bitting"))
        .args(["keys", "import", "-", "--format", "csv", "--json"])
        .current_dir(traces.folder())
        .stdin(std::fs::File::open(path).unwrap())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    assert!(import.wait().unwrap().success());
    let listed = report(&traces, &["keys", "list"]);
    let expected = json!({"name": "Acme, Inc.", "account": "acme", "permissions": ["read", "write"],
        "allowed_addresses": ["192.0.2.0/24", "2001:db8::/32"], "enabled": true, "metadata": {"team": "blue"}});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&listed[0][field], value, "{field}");
    }
    assert_eq!(report(&traces, &["keys", "import", "keys.csv"])["there_already"], 1);
}

#[tokio::test]
async fn numbers_for_limits_that_there_are_not_are_named_by_line_and_field() {
    let (traces, _upstream) = folder().await;
    let hash = sha256(&old_key(&traces, 1));
    let lines = [
        json!({"hash": hash, "limits": {"hour": 5}}),
        json!({"hash": hash, "limits": {"hour": 0.5}}),
        json!({"hash": hash, "limits": {"hour": -5}}),
        json!({"hash": hash, "limits": {"hour": "much"}}),
        json!({"hash": hash, "limits": 5}),
    ];
    let mut files = vec![("keys.csv".to_owned(), format!("hash,limits.hour,limits.day\n{hash},5,\n"))];
    files.extend((0..).zip(&lines).map(|(number, line)| (format!("{number}.jsonl"), line.to_string())));
    for (name, text) in &files {
        write(&traces, name, text);
        let output = bitting(&traces, &["keys", "import", name]);
        assert_eq!(output.code, 5, "{text}: {}", output.stderr);
        assert!(output.stderr.contains(": limits: "), "{text}: {}", output.stderr);
        assert!(!output.stderr.contains("hour"), "what stands in a row is not repeated: {}", output.stderr);
    }
    // An export of an API without limits says that there are none.
    write(&traces, "none.jsonl", &joined(&[json!({"hash": hash, "limits": {}})]));
    assert_eq!(report(&traces, &["keys", "import", "none.jsonl"])["imported"], 1);
    assert_eq!(report(&traces, &["keys", "list"])[0]["limits"], json!({}));
}

#[tokio::test]
async fn every_bad_row_is_named_with_its_line_and_field_and_nothing_is_imported() {
    let (traces, _upstream) = folder().await;
    let [good, elsewhere, plain] = [1, 2, 3].map(|number| old_key(&traces, number));
    write(&traces, "other.jsonl", &json!({"hash": sha256(&elsewhere)}).to_string());
    report(&traces, &["keys", "import", "other.jsonl", "--api", "bitting"]);
    let text = [
        json!({"hash": sha256(&good)}).to_string(),
        json!({"hash": plain, "prefix": plain}).to_string(),
        json!({"hash": "bcrypt$$2b$12$salt", "prefix": "x"}).to_string(),
        json!({"name": "no hash", "created_at": "soon", "enabled": "maybe", "permissions": 5, "hsah": "x"}).to_string(),
        json!({"hash": sha256("a"), "environment": "staging", "role": "emperor", "permissions": ["fly"]}).to_string(),
        json!({"hash": sha256(&good)}).to_string(),
        "no json".to_owned(),
        json!({"hash": sha256(&elsewhere)}).to_string(),
        json!({"hash": sha256("b"), "key": "b", "account": "two words"}).to_string(),
        json!({"hash": sha256("c"), "prefix": "c"}).to_string(),
    ];
    write(&traces, "keys.jsonl", &text.join("\n"));
    for words in [&["keys", "import", "keys.jsonl"][..], &["keys", "import", "keys.jsonl", "--dry-run"]] {
        let output = bitting(&traces, words);
        assert_eq!((output.code, output.stdout.as_str()), (5, ""), "{}", output.stderr);
        for expected in [
            "nothing was imported",
            "line 2: hash: it is no hash of a key; write the SHA-256",
            "line 3: hash: this is a bcrypt hash, which cannot be imported",
            "line 4: hash: it is missing",
            "line 4: created_at: write a time such as",
            "line 4: enabled: write true or false",
            "line 4: permissions: write a list",
            "line 4: hsah: there is no such field",
            "line 5: environment: this is not an environment of shop",
            "line 5: role: this is not a declared role",
            "line 5: permissions: ",
            "line 6: hash: the row in line 1 has the same",
            "line 7: it is no JSON: ",
            "line 8: hash: another API has this key",
            "line 9: key: a key in the clear is never read from a file",
            "line 9: account: ",
            "line 10: prefix: this is the whole key",
        ] {
            assert!(output.stderr.contains(expected), "{expected} is missing in\n{}", output.stderr);
        }
        assert!(!output.stderr.contains(&plain) && !output.stderr.contains("line 1:"), "{}", output.stderr);
    }
    let problems = bitting(&traces, &["keys", "import", "keys.jsonl", "--json"]).stdout;
    let problems: Value = serde_json::from_str(&problems).unwrap();
    assert_eq!(problems["problems"][0]["line"], 2);
    assert_eq!(report(&traces, &["keys", "list"]), json!([]));
    assert_eq!(report(&traces, &["accounts", "list"]), json!([]));
    // The test's own files are no traces of Bitting's.
    std::fs::remove_file(traces.path("keys.jsonl")).unwrap();
}

#[tokio::test]
async fn of_very_many_bad_rows_the_first_hundred_are_shown() {
    let (traces, _upstream) = folder().await;
    write(&traces, "keys.jsonl", &"{\"hash\":\"x\"}\n".repeat(250));
    let output = bitting(&traces, &["keys", "import", "keys.jsonl"]);
    assert!(output.stderr.contains("line 100: ") && !output.stderr.contains("line 101: "), "{}", output.stderr);
    assert!(output.stderr.contains("and 150 more"));
    let unknown = bitting(&traces, &["keys", "import", "keys.txt"]);
    assert!(unknown.code == 5 && unknown.stderr.contains("--format"), "{}", unknown.stderr);
}

#[tokio::test]
async fn an_export_holds_no_hash_unless_it_is_asked_for_and_can_be_imported_elsewhere() {
    let (traces, _upstream) = folder().await;
    let (first, second) = (old_key(&traces, 1), old_key(&traces, 2));
    let lines = [json!({"hash": sha256(&first), "name": "one"}), json!({"hash": format!("sha512:{}", sha512(&second))})];
    write(&traces, "keys.jsonl", &joined(&lines));
    report(&traces, &["keys", "import", "keys.jsonl"]);
    let issued = report(&traces, &["keys", "create", "--name", "issued here", "--role", "clerk"]);
    traces.issued(issued["key"].as_str().unwrap());
    let export = bitting(&traces, &["keys", "export"]).stdout;
    assert_eq!(export.lines().count(), 3);
    assert!(!export.contains("hash") && !export.contains(&sha256(&first)[..16]) && !export.contains("digest"));
    let whole = bitting(&traces, &["keys", "export", "--hashes"]).stdout;
    assert!(whole.contains(&sha256(&first)) && whole.contains(&sha512(&second)));
    let (elsewhere, _upstream) = folder().await;
    write(&elsewhere, "export.jsonl", &whole);
    assert_eq!(report(&elsewhere, &["keys", "import", "export.jsonl"])["imported"], 3);
    let server = serve(&elsewhere);
    for key in [&*first, &second, issued["key"].as_str().unwrap()] {
        elsewhere.issued(key);
        assert_eq!(status(&server, key).await, 200);
    }
    let shown = server.json(&["keys", "show", issued["id"].as_str().unwrap()]);
    assert_eq!((&shown["name"], &shown["role"]), (&json!("issued here"), &json!("clerk")));
}

/// Writes a file of keys, of which every third comes with a SHA-512.
fn many(traces: &Traces, count: usize) -> Vec<String> {
    let keys: Vec<String> = (0..count).map(|number| old_key(traces, number)).collect();
    let line = |(number, key): (usize, &String)| {
        let hash = if number % 3 == 0 { format!("sha512:{}", sha512(key)) } else { sha256(key) };
        json!({"hash": hash, "account": format!("account-{}", number % 50)})
    };
    write(traces, "keys.jsonl", &joined(&keys.iter().enumerate().map(line).collect::<Vec<_>>()));
    keys
}

/// Imports the rest, and looks for anything that is missing or there twice.
async fn complete(traces: &Traces, keys: &[String]) {
    let server = serve(traces);
    let there = ring_keys(&server).await;
    let report = server.json(&["keys", "import", "keys.jsonl"]);
    assert_eq!((&report["imported"], &report["there_already"]), (&json!(keys.len() - there), &json!(there)));
    assert_eq!(ring_keys(&server).await, keys.len());
    let export = bitting(traces, &["keys", "export", "--hashes"]).stdout;
    let rows = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let hashes: BTreeSet<String> = rows.map(|row| row["hash"].as_str().unwrap().to_owned()).collect();
    assert_eq!((export.lines().count(), hashes.len()), (keys.len(), keys.len()));
    let audit = bitting(traces, &["audit", "export"]).stdout;
    let rows = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let counts = rows.filter(|row| row["action"] == "keys.imported").map(|row| row["after"]["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), keys.len() as u64, "what was committed is in the audit log once");
    for key in keys.iter().step_by(611) {
        assert_eq!(status(&server, key).await, 200);
    }
}

#[tokio::test]
async fn a_kill_of_the_server_in_the_middle_of_an_import_loses_and_doubles_nothing() {
    let (traces, _upstream) = folder().await;
    let keys = many(&traces, 9_000);
    let (mut chance, mut cut_short) = (0x9E37_79B9_7F4A_7C15u64, 0);
    for round in 0..4 {
        let mut server = serve(&traces);
        let before = ring_keys(&server).await;
        assert_eq!(before % PART, 0, "a part is there whole or not at all");
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        // The kill falls somewhere after one of the next parts, while another is on its way.
        let awaited = before + (1 + usize::try_from(chance % 3).unwrap()) * PART;
        let import = {
            let traces = traces.clone();
            std::thread::spawn(move || bitting(&traces, &["keys", "import", "keys.jsonl"]))
        };
        while ring_keys(&server).await < awaited.min(keys.len()) {
            tokio::task::yield_now().await;
        }
        server.signal("KILL");
        assert_eq!(server.wait(), 137);
        let output = import.join().unwrap();
        assert!(output.code == 6 || output.code == 0, "round {round}: {}", output.stderr);
        cut_short += u32::from(output.stderr.contains("run the same import again"));
    }
    assert!(cut_short > 0, "no kill fell into an import");
    complete(&traces, &keys).await;
}

#[tokio::test]
async fn a_kill_of_the_import_itself_loses_and_doubles_nothing() {
    let (traces, _upstream) = folder().await;
    let keys = many(&traces, 6_000);
    let (log, mut killed) = (traces.path("bitting.db-wal"), 0);
    for kilobytes in [50, 700, 1_900] {
        // No server: the command itself writes to the store.
        let _ = bitting(&traces, &["keys", "list"]);
        let size = || log.metadata().map_or(0, |metadata| metadata.len());
        let before = size();
        let mut import = std::process::Command::new(env!("CARGO_BIN_EXE_bitting"))
            .args(["keys", "import", "keys.jsonl"])
            .current_dir(traces.folder())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while size() < before + kilobytes * 1_000 && import.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        import.kill().unwrap();
        killed += u32::from(!import.wait().unwrap().success());
        let there = bitting(&traces, &["keys", "export"]).stdout.lines().count();
        assert_eq!(there % PART, 0, "a part is there whole or not at all");
    }
    assert!(killed > 0, "no kill fell into an import");
    complete(&traces, &keys).await;
}

/// How many keys the server knows.
async fn ring_keys(server: &Bitting) -> usize {
    let metrics = get(server.service, "/metrics", &[]).await.body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("bitting_ring_keys ")).unwrap();
    line.parse().unwrap()
}
