//! `bitting scan-pattern`: how keys are written, for programs that look for secrets.

use bitting_core::key::KeyPattern;
use bitting_engine::ServedApi;
use serde_json::json;

use super::context::{choose, load};
use super::options::{PatternFormat, Shared};
use super::output::{note, say, say_json};
use crate::failure::Failure;

/// Prints the patterns of one API, or of all, Bitting's own among them.
pub(super) fn print(api: Option<&str>, format: PatternFormat, shared: &Shared) -> Result<(), Failure> {
    let apis = load(shared)?.apis;
    let chosen = match api {
        Some(_) => vec![choose(&apis, api)?],
        None => apis.protected().iter().chain([apis.own()]).cloned().collect(),
    };
    let mut patterns = Vec::new();
    for api in &chosen {
        patterns.extend(api.format.patterns().into_iter().map(|pattern| (api.as_ref(), pattern)));
        if api.format.accepts_any_prefix() {
            note(&format!("warning: some keys of {} have no prefix, and there is no pattern for them", api.name));
        }
    }
    if shared.json {
        let one = |(api, pattern): &(&ServedApi, KeyPattern)| {
            json!({"api": *api.name, "environments": pattern.environments, "prefix": pattern.prefix,
                   "expression": pattern.expression, "before": pattern.before, "after": pattern.after})
        };
        return say_json(&patterns.iter().map(one).collect::<Vec<_>>());
    }
    let texts: Vec<String> = match format {
        PatternFormat::Regex => patterns.iter().map(|(_, pattern)| pattern.expression.clone()).collect(),
        PatternFormat::Gitleaks => [GITLEAKS.to_owned()].into_iter().chain(gitleaks(&patterns)).collect(),
        PatternFormat::Github => patterns.iter().map(|(api, pattern)| github(api, pattern)).collect(),
    };
    texts.iter().try_for_each(|text| say(text))
}

/// The head of a file that gitleaks reads with `--config`.
const GITLEAKS: &str = "# Made by `bitting scan-pattern --for gitleaks` from the configuration. It finds what is written as a key;\n\
                        # `bitting scan` asks for the check digits too, and says which keys work.\n\
                        [extend]\n\
                        useDefault = true";

/// A rule for each pattern. Its keyword lets gitleaks pass over what has no such prefix.
fn gitleaks(patterns: &[(&ServedApi, KeyPattern)]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let rule = |(api, pattern): &(&ServedApi, KeyPattern)| {
        let name = format!("{}-{}", api.name, pattern.environments.join("-"));
        let same = ids.iter().filter(|id| **id == name).count();
        ids.push(name.clone());
        let id = if same == 0 { name } else { format!("{name}-{}", same + 1) };
        format!(
            "\n[[rules]]\nid = \"{id}\"\ndescription = \"A key of {} ({})\"\nregex = '''{}'''\nsecretGroup = 1\nkeywords = [\"{}\"]",
            api.name,
            pattern.environments.join(", "),
            pattern.in_text(),
            pattern.prefix.to_lowercase()
        )
    };
    patterns.iter().map(rule).collect()
}

/// What is filled in for a custom pattern of GitHub's secret scanning, field by field.
fn github(api: &ServedApi, pattern: &KeyPattern) -> String {
    format!(
        "Pattern name:   {} key ({})\nSecret format:  {}\nBefore secret:  {}\nAfter secret:   {}\n",
        api.name,
        pattern.environments.join(", "),
        pattern.expression,
        pattern.before,
        pattern.after
    )
}
