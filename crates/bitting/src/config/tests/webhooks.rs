//! Where webhooks may go.

use super::*;

#[test]
fn webhooks_go_to_public_addresses_over_tls_unless_somebody_says_otherwise() {
    let check = |config: &Config, url: &str| config.apis.destinations().check(&url.parse().unwrap()).is_ok();
    let usual = config(LEAST);
    assert!(check(&usual, "https://example.com/") && !check(&usual, "http://example.com/"));
    assert!(!check(&usual, "https://10.1.2.3/") && !check(&usual, "https://hooks.internal/"));
    assert_eq!((usual.webhooks.timeout, usual.webhooks.keep), (Duration::from_secs(15), Duration::from_hours(24 * 30)));
    let wider = config(&format!(
        "{LEAST}[webhooks]\nallow_http = true\nallow = [\"10.1.0.0/16\", \"hooks.internal\"]\ntimeout = \"5s\"\nkeep = \"7d\"\n"
    ));
    assert!(
        check(&wider, "http://example.com/") && check(&wider, "https://10.1.2.3/") && check(&wider, "https://hooks.internal/")
    );
    assert!(!check(&wider, "https://10.2.2.3/"));
    assert_eq!((wider.webhooks.timeout, wider.webhooks.keep), (Duration::from_secs(5), Duration::from_hours(24 * 7)));
    assert_eq!(wider.webhooks.destinations, *wider.apis.destinations());
}

#[test]
fn what_is_wrong_about_webhooks_is_told_with_its_place() {
    for (line, told) in [
        ("allow = [\"10.1.0.0/33\"]", "\"10.1.0.0/33\" is neither a network such as"),
        ("allow = [\"https://hooks.internal/\"]", "is neither a network such as"),
        ("allow_http = \"yes\"", "true or false"),
        ("timeout = \"5m\"", "write a duration from \"1s\" to \"60s\""),
        ("keep = \"1h\"", "write a duration from \"1d\" to \"400d\""),
        ("certificates = \"missing.pem\"", "\"missing.pem\" cannot be read"),
        ("allowed = []", "did you mean `allow`?"),
    ] {
        let found = problems(&format!("{LEAST}[webhooks]\n{line}\n"));
        assert!(found.len() == 1 && found[0].starts_with("7:") && found[0].contains(told), "{line}: {found:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.pem"), "hello").unwrap();
    let text = format!("{LEAST}[webhooks]\ncertificates = \"empty.pem\"\n");
    let loaded = load(vec![Source { name: "test.toml".to_owned(), text }], &[], folder.path(), &Arc::default());
    assert!(loaded.problems.render(false).contains("there is no certificate in it"));
}
