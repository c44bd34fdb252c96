//! The patterns for programs that look for secrets.

use std::path::Path;

use regex_lite::Regex;
use serde_json::Value;

use crate::harness::{Traces, run};

/// The examples with keys of every kind.
const EXAMPLES: [&str; 6] = ["backboard", "backbone", "csboard", "harbour", "launchboard", "product-api"];

fn example(traces: &Traces, name: &str, words: &[&str]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{name}.toml"));
    let store = format!("store.path={}", traces.path(&format!("{name}.db")).display());
    let config = ["--config", file.to_str().unwrap(), "--set", &store];
    let output = run(words.iter().chain(&config).map(|&word| word.to_owned()), traces);
    assert_eq!(output.code, 0, "{words:?}: {}", output.stderr);
    output.stdout
}

/// A rule as gitleaks reads it.
struct Rule {
    id: String,
    regex: String,
    /// The group that is the secret.
    group: usize,
    /// What a text must have for the rule to be tried.
    keyword: String,
}

fn rules(text: &str) -> Vec<Rule> {
    let table = toml::de::DeTable::parse(text).unwrap().into_inner();
    assert_eq!(table["extend"].get_ref()["useDefault"].get_ref().as_bool(), Some(true));
    let read = |rule: &toml::Spanned<toml::de::DeValue<'_>>| {
        let text = |name: &str| rule.get_ref()[name].get_ref().as_str().unwrap().to_owned();
        Rule {
            id: text("id"),
            regex: text("regex"),
            group: rule.get_ref()["secretGroup"].get_ref().as_integer().unwrap().as_str().parse().unwrap(),
            keyword: rule.get_ref()["keywords"].get_ref()[0].get_ref().as_str().unwrap().to_owned(),
        }
    };
    table["rules"].get_ref().as_array().unwrap().iter().map(read).collect()
}

#[test]
fn each_pattern_matches_the_keys_that_are_issued_and_no_near_misses() {
    let traces = Traces::new();
    for name in EXAMPLES {
        let patterns: Vec<Value> = serde_json::from_str(&example(&traces, name, &["scan-pattern", "--json"])).unwrap();
        let rules = rules(&example(&traces, name, &["scan-pattern", "--for", "gitleaks"]));
        let github = example(&traces, name, &["scan-pattern", "--for", "github"]);
        let plain = example(&traces, name, &["scan-pattern"]);
        let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| &*rule.id).collect();
        assert_eq!((patterns.len(), ids.len(), plain.lines().count()), (rules.len(), rules.len(), rules.len()), "{name}");
        for (pattern, rule) in patterns.iter().zip(&rules) {
            let text = |field: &str| pattern[field].as_str().unwrap();
            let alone = Regex::new(&format!("^(?:{})$", text("expression"))).unwrap();
            let found = Regex::new(&rule.regex).unwrap();
            assert!(plain.lines().any(|line| line == text("expression")));
            for (field, value) in
                [("Secret format:  ", "expression"), ("Before secret:  ", "before"), ("After secret:   ", "after")]
            {
                assert!(github.contains(&format!("{field}{}\n", text(value))), "{name}: {github}");
            }
            assert_eq!(text("prefix").to_lowercase(), rule.keyword);
            let environment = pattern["environments"][0].as_str().unwrap();
            let words = ["keys", "create", "--name", "x", "--json", "--api", text("api"), "--environment", environment];
            let made: Value = serde_json::from_str(&example(&traces, name, &words)).unwrap();
            let key = made["key"].as_str().unwrap();
            traces.issued(key);
            let begins = |other: &&Value| other["api"] == pattern["api"] && key.starts_with(other["prefix"].as_str().unwrap());
            if patterns.iter().find(begins) != Some(pattern) {
                // The prefix is accepted and no longer issued; the longest come first.
                continue;
            }
            assert!(alone.is_match(key), "{name}: {}", text("expression"));
            for around in [format!("KEY={key}\n"), format!("\"{key}\","), format!("'{key}'"), format!("?api_key={key}&x=1")] {
                let secret = found.captures(&around).and_then(|captures| captures.get(rule.group));
                assert_eq!(secret.map(|secret| secret.as_str()), Some(key), "{name}");
            }
            for near in [&key[..key.len() - 1], &format!("{key}0"), &format!("x{key}"), &key.replacen(text("prefix"), "!", 1)] {
                assert!(!found.is_match(near), "{name}: {near} looks like {}", text("expression"));
            }
        }
    }
}
