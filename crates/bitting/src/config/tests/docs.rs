//! What the documentation needs beside the rest.

use bitting_core::api::CodeExample;

use super::*;

#[test]
fn everything_that_documentation_needs_is_read() {
    let text = r#"[[api]]
name = "shop"
upstream = "http://127.0.0.1:3000"
key = { prefix = { live = "l_", test = "t_" } }
[api.plans.big]
hour = "5/hour"
[api.docs]
public = true
base_url = "https://api.shop.example"
sample = "/v1/things"
practice = "Be kind."
support = "mailto:help@shop.example"
custom_plans = ["big"]
environments = { test = "Nothing is delivered." }
links = { Webhooks = "https://shop.example/webhooks" }
[[api.docs.example]]
title = "Client"
language = "python"
code = """
print("{variable}")
"""
"#;
    let config = config(text);
    let docs = &config.apis.find("shop").unwrap().docs;
    assert!(docs.public && docs.intro.is_none());
    assert_eq!(docs.base_url.as_ref().unwrap().as_str(), "https://api.shop.example");
    assert_eq!((&*docs.practice, &*docs.custom_plans), (&["Be kind.".into()][..], &["big".into()][..]));
    assert_eq!(docs.environments, [("test".into(), "Nothing is delivered.".into())]);
    assert_eq!(docs.links[0].1.href(), "https://shop.example/webhooks");
    let example = CodeExample { title: "Client".into(), language: "python".into(), code: "print(\"{variable}\")".into() };
    assert_eq!(docs.examples, [example]);
    assert!(!load_text(LEAST, &[]).config.unwrap().apis.find("shop").unwrap().docs.public, "nothing is public by itself");
}

#[test]
fn what_is_wrong_with_documentation_is_told_with_its_place() {
    let with =
        |line: &str| problems(&format!("{LEAST}[[api.route]]\nmatch = \"/open\"\naccess = \"public\"\n[api.docs]\n{line}\n"));
    for (line, told) in [
        ("publik = true", "10:1 `publik` means nothing in [api.docs] | did you mean `public`?"),
        ("public = 1", "10:10 `public` in [api.docs] is a whole number | write true or false"),
        ("base_url = \"api.shop.example\"", "10:12 \"api.shop.example\" is not where an API is | write it as in \"https://"),
        ("base_url = \"https://x/\"", "10:12 \"https://x/\" is not where an API is"),
        ("sample = \"things\"", "10:10 \"things\" cannot stand in every language as a path | write one of letters"),
        ("sample = \"/$(id)\"", "10:10 \"/$(id)\" cannot stand in every language"),
        ("sample = \"/open\"", "10:10 nobody needs a key for GET /open | write the path of a GET request that needs a key"),
        ("support = \"help@shop.example\"", "10:11 \"help@shop.example\" leads nowhere | write \"mailto:help@example.com\""),
        ("support = \"javascript:alert(1)\"", "10:11 \"javascript:alert(1)\" leads nowhere"),
        ("practice = [1]", "10:12 `practice` in [api.docs] is a list"),
        ("custom_plans = [\"defualt\"]", "10:17 there is no plan \"defualt\" | did you mean \"default\"?"),
        ("environments = { liev = \"x\" }", "10:18 \"liev\" is not an environment of this API | did you mean \"live\"?"),
        ("environments = { live = 1 }", "10:25 `live` is a whole number | write what the environment is for in quotes"),
        ("links = { X = \"x\" }", "10:15 \"x\" leads nowhere"),
        (
            "[[api.docs.example]]\ntitle = \"x\"\nlanguage = \"c\"",
            "10:1 [api.docs.example] has no `code` | write code = '''…'''",
        ),
        (
            "[[api.docs.example]]\ntitle = \"x\"\nlanguage = \"a b\"\ncode = \"x\"",
            "12:12 \"a b\" is not the name of a language | write one word such as \"python\"",
        ),
    ] {
        let found = with(line);
        assert!(found.iter().any(|problem| problem.starts_with(told)), "{line}: {found:#?}");
    }
    let prefixed = LEAST.replace("[api.key]", "path = \"/shop\"\n[api.key]") + "[api.docs]\nsample = \"/elsewhere\"\n";
    assert_eq!(
        problems(&prefixed),
        ["8:10 /elsewhere is no path of this API | write it as it is sent, as in \"/shop/things\""]
    );
}
