//! How the dashboard looks, and where it is.

use std::path::Path;

use super::*;

#[test]
fn an_apis_house_has_its_colour_its_picture_and_its_path() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("logo.svg"), "<svg/>").unwrap();
    let text = format!(
        "{LEAST}[api.dashboard]\naccent = \"#FFD400\"\nlogo = \"logo.svg\"\nsite = \"shop.example\"\npath = \"/settings/keys\"\n\
         [dashboard]\npublic_url = \"https://keys.shop.example\"\nidle = \"1h\"\nsession = \"1d\"\n"
    );
    let source = Source { name: "bitting.toml".to_owned(), text };
    let config = load(vec![source], &[], folder.path(), &Arc::default()).config.unwrap();
    let brand = &config.apis.find("shop").unwrap().brand;
    assert_eq!((brand.accent.to_string().as_str(), brand.path.as_deref()), ("#ffd400", Some("/settings/keys")));
    assert_eq!((brand.site.as_deref(), brand.logo.as_ref().unwrap().media_type), (Some("shop.example"), "image/svg+xml"));
    assert_eq!(config.dashboard.public_url.unwrap().to_string(), "https://keys.shop.example");
    assert_eq!((config.dashboard.idle, config.dashboard.lifetime), (Duration::from_hours(1), Duration::from_hours(24)));
}

#[test]
fn what_is_wrong_with_a_house_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("large.png"), vec![0; 70_000]).unwrap();
    let with = |line: &str, folder: &Path| {
        let text = format!("{LEAST}[api.dashboard]\n{line}\n");
        load(vec![Source { name: "bitting.toml".to_owned(), text }], &[], folder, &Arc::default()).problems.render(false)
    };
    for (line, told) in [
        ("accent = \"green\"", "\"green\" is not a colour such as \"#0b6b63\""),
        ("logo = \"logo.gif\"", "is no picture that every browser shows"),
        ("logo = \"missing.svg\"", "\"missing.svg\" cannot be read"),
        ("logo = \"large.png\"", "\"large.png\" has more than 64 kB"),
        ("path = \"/apis/keys\"", "cannot lead to the page of keys"),
        ("path = \"/*\"", "cannot lead to the page of keys"),
        ("path = \"/\"", "cannot lead to the page of keys"),
        ("paht = \"/keys\"", "did you mean `path`?"),
    ] {
        let said = with(line, folder.path());
        assert!(said.contains(told), "{line}: {said}");
    }
    let wrong = problems(&format!("{LEAST}[dashboard]\npublic_url = \"https://keys.example/x\"\n"));
    assert!(wrong.iter().any(|problem| problem.contains("is not the address of a server")), "{wrong:?}");
}
