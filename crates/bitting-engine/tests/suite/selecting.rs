//! Which API a request is for.

use std::sync::Arc;

use bitting_core::api::Api;
use bitting_core::name::Names;
use bitting_engine::{Decision, Inquiry, Presented, Scope};
use http::{HeaderMap, Method};

use super::fixture::{Fixture, api, apis, outcome};

fn at(name: &str, hosts: &[&str], path: Option<&str>, names: &Names) -> Api {
    let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Api { hosts, path_prefix: path.map(|path| path.parse().unwrap()), ..api(name, names, &[]) }
}

/// The API's name and the outcome: every path but `/public` needs a key, and there is none.
async fn asked(list: fn(&Names) -> Vec<Api>, requests: &[(&str, &str, &str)]) {
    let fixture = Fixture::new().await;
    fixture.engine.install(apis(&fixture.names, list(&fixture.names)).unwrap()).unwrap();
    let headers = HeaderMap::new();
    for &(authority, path, expected) in requests {
        let presented = Presented::Request { headers: &headers, query: None };
        let scope = Scope::Authority(authority);
        let inquiry = Inquiry { scope, method: &Method::GET, path, presented, client: None };
        let decision = fixture.engine.decide_now(&inquiry).unwrap();
        let Decision::Denial(denial) = decision else { panic!("{authority}{path} was admitted") };
        assert_eq!(format!("{} {}", denial.api().name, denial.reason()), expected, "{authority}{path}");
    }
}

#[tokio::test]
async fn one_api_without_hosts_takes_every_authority() {
    asked(
        |names| vec![at("only", &[], None, names)],
        &[("x.example", "/", "only missing_key"), ("", "/", "only missing_key"), ("127.0.0.1:8080", "/", "only missing_key")],
    )
    .await;
}

#[tokio::test]
async fn the_authority_picks_the_api_whatever_its_case_port_and_dot() {
    asked(
        |names| vec![at("one", &["one.example"], None, names), at("two", &["two.example", "deux.example"], None, names)],
        &[
            ("one.example", "/", "one missing_key"),
            ("ONE.Example.:8443", "/", "one missing_key"),
            ("deux.example", "/", "two missing_key"),
            ("three.example", "/", "bitting unknown_host"),
            ("xone.example", "/", "bitting unknown_host"),
            ("", "/", "bitting unknown_host"),
            ("one.example", "/a/../b", "one invalid_path"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_longest_path_prefix_picks_the_api_and_cannot_be_tricked() {
    asked(
        |names| {
            vec![
                at("general", &["x.example"], None, names),
                at("admin", &["x.example"], Some("/admin"), names),
                at("audit", &["x.example"], Some("/admin/audit"), names),
            ]
        },
        &[
            ("x.example", "/", "general missing_key"),
            ("x.example", "/administrator", "general missing_key"),
            ("x.example", "/admin", "admin missing_key"),
            ("x.example", "/admin/users", "admin missing_key"),
            ("x.example", "/admin/audit/log", "audit missing_key"),
            ("x.example", "/%61dmin/users", "general invalid_path"),
            ("x.example", "/Admin/users", "general invalid_path"),
            ("x.example", "/admin;x/users", "general invalid_path"),
            ("x.example", "/x/..;/admin", "general invalid_path"),
            ("x.example", "/admin/Audit/log", "general invalid_path"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_authority_with_a_user_a_strange_port_or_strange_brackets_is_no_host() {
    let good = ["x.example", "x.example:80", "[::1]:80", "", "x.example:"].map(|host| (host, "/", "general missing_key"));
    let bad = ["x.example:80@evil.example", "u@x.example", "x.example:abc", "x.example:99999", "[x.example]", "a:80:b", "[::1"]
        .map(|host| (host, "/", "bitting unknown_host"));
    asked(|names| vec![at("general", &[], None, names)], &[&good[..], &bad].concat()).await;
}

#[tokio::test]
async fn an_api_that_is_named_keeps_to_its_own_paths() {
    let fixture = Fixture::new().await;
    let prefixed = |name, path| at(name, &["x.example"], Some(path), &fixture.names);
    let list = vec![prefixed("admin", "/admin"), prefixed("audit", "/admin/audit")];
    fixture.engine.install(apis(&fixture.names, list).unwrap()).unwrap();
    for (api, path, expected) in [
        ("admin", "/admin/users", "missing_key"),
        ("admin", "/outside", "unknown_host"),
        ("admin", "/admin/audit/log", "unknown_host"),
        ("audit", "/admin/audit/log", "missing_key"),
        ("audit", "/admin/users", "unknown_host"),
        ("admin", "/Admin/users", "invalid_path"),
        ("admin", "/admin;x/users", "invalid_path"),
    ] {
        let inquiry =
            Inquiry { scope: Scope::Api(api), method: &Method::GET, path, presented: Presented::Key(b""), client: None };
        assert_eq!(outcome(&fixture.engine.decide_now(&inquiry).unwrap()), expected, "{api} {path}");
    }
}

#[tokio::test]
async fn a_path_of_no_api_is_an_unknown_host() {
    asked(
        |names| vec![at("billing", &[], Some("/billing"), names)],
        &[("x.example", "/billing/x", "billing missing_key"), ("x.example", "/other", "bitting unknown_host")],
    )
    .await;
}

#[test]
fn apis_that_answer_to_the_same_requests_or_names_are_refused() {
    let names = Arc::new(Names::default());
    let refused = |list| apis(&names, list).unwrap_err().len();
    assert_eq!(refused(vec![at("a", &[], None, &names), at("b", &[], None, &names)]), 1);
    assert_eq!(refused(vec![at("a", &["x", "y"], None, &names), at("b", &["y"], None, &names)]), 1);
    assert_eq!(refused(vec![at("a", &["x"], None, &names), at("a", &["y"], None, &names)]), 1);
    assert_eq!(refused(vec![at("bitting", &["x"], None, &names)]), 1);
    assert!(apis(&names, vec![at("a", &["x"], None, &names), at("b", &["x"], Some("/b"), &names)]).is_ok());
    assert!(apis(&names, vec![at("a", &["x"], None, &names), at("b", &[], None, &names)]).is_ok());
}
