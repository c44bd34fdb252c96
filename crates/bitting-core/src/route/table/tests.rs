//! Tricks against path and method matching. Each row says where a request must fall; `refused` is `invalid_path`.

use super::*;
use crate::name::Names;
use crate::rights::{Catalogue, CatalogueSpec};

fn route(target: Target, encoded_slash_is_data: bool) -> Route {
    let need = Catalogue::new(CatalogueSpec::default()).unwrap().need([], &Names::default()).unwrap();
    Route { encoded_slash_is_data, ..Route::new(Access::Key(need), target) }
}

/// Rules are told apart by position; the target only tells rules from the default.
fn table(rules: &[&str], told_apart: Leniencies) -> RouteTable {
    let rules = rules.iter().map(|text| {
        let (text, data) = text.strip_suffix(" data").map_or((*text, false), |text| (text, true));
        let (methods, pattern) = text.split_once(' ').unwrap();
        let (methods, pattern) = (methods.parse().unwrap(), pattern.parse().unwrap());
        Rule { methods, pattern, route: route(Target::Whoami, data) }
    });
    RouteTable::new(rules.collect(), route(Target::Upstream, false), told_apart)
}

/// "0", "1"… for a rule, "default", or "refused".
fn falls(table: &RouteTable, method: &str, raw: &str) -> String {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let found = RequestPath::parse(raw).and_then(|path| table.find(&method, &path));
    match found {
        Err(_) => "refused".to_owned(),
        Ok(found) => {
            let position = table.rules.iter().position(|(_, route)| Arc::ptr_eq(route, found));
            position.map_or("default".to_owned(), |position| position.to_string())
        }
    }
}

/// 0 is public, 1 needs much, 2 needs little; the default is in between.
const RULES: [&str; 6] = [
    "GET /v1/health",
    "* /admin/*",
    "GET /v1/tasks/{id}",
    "POST|PUT|PATCH /v1/tasks/*",
    "DELETE /v1/users/*",
    "GET /files/{name} data",
];

/// A method, a path, and the number of the rule that it falls to.
const REQUESTS: &[(&str, &str, &str)] = &[
    // What is meant to match.
    ("GET", "/v1/health", "0"),
    ("HEAD", "/v1/health", "0"),
    ("GET", "/admin", "1"),
    ("BREW", "/admin/anything/at/all", "1"),
    ("GET", "/v1/tasks/7", "2"),
    ("GET", "/v1/tasks/01ARZ3NDEKTSV4RRFFQ69G5FAV", "2"),
    ("GET", "/v1/tasks/a%20b", "2"),
    ("PATCH", "/v1/tasks/7/notes", "3"),
    ("DELETE", "/v1/users/7", "4"),
    ("GET", "/v1/users/7", "default"),
    ("GET", "/", "default"),
    // Another method is another request.
    ("POST", "/v1/health", "default"),
    ("OPTIONS", "/v1/health", "default"),
    ("DELETE", "/v1/tasks/7", "default"),
    ("HEAD", "/v1/tasks", "default"),
    // Escapes of ordinary letters are the letters to some servers, and not to others.
    ("GET", "/%61dmin", "refused"),
    ("GET", "/%61%64%6D%69%6e", "refused"),
    ("GET", "/admin%2Ephp", "refused"),
    ("GET", "/v1/%68ealth", "refused"),
    ("DELETE", "/v1/%75sers/7", "refused"),
    // Case.
    ("GET", "/Admin", "refused"),
    ("GET", "/ADMIN/x", "refused"),
    ("GET", "/%41dmin", "refused"),
    ("GET", "/v1/Health", "refused"),
    ("GET", "/V1/HEALTH", "refused"),
    ("DELETE", "/v1/Users/7", "refused"),
    ("GET", "/v1/Tasks/7", "refused"),
    ("GET", "/adm%C4%B0n", "default"),
    ("GET", "/v1/ta%C5%BFk%C5%BF/7", "refused"),
    ("GET", "/v1/tas%E2%84%AAs/7", "refused"),
    // Trailing slashes.
    ("GET", "/v1/health/", "refused"),
    ("GET", "/v1/tasks/7/", "refused"),
    ("GET", "/admin/", "1"),
    ("GET", "/v1/other/", "default"),
    ("DELETE", "/v1/users/7/", "4"),
    // Path parameters.
    ("GET", "/admin;x", "refused"),
    ("GET", "/admin;/x", "refused"),
    ("GET", "/admin;jsessionid=1/users", "refused"),
    ("GET", "/v1/health;.css", "refused"),
    ("GET", "/;/admin", "refused"),
    ("GET", "/;a=b/admin", "refused"),
    ("GET", "/x;/admin", "default"),
    ("GET", "/v1/tasks/7;v=1", "2"),
    ("GET", "/admin%3Bx", "refused"),
    ("GET", "/admin%253Bx", "refused"),
    ("GET", "/admin/;x", "1"),
    // Query and fragment, as a server sees them that decodes a path before it parses it.
    ("GET", "/admin%3Fx", "refused"),
    ("GET", "/admin%23x", "refused"),
    ("GET", "/admin.%3F", "refused"),
    ("GET", "/admin%253Fx", "refused"),
    ("GET", "/v1/health%3F/x", "refused"),
    ("DELETE", "/v1/users%3F/../x", "refused"),
    ("DELETE", "/v1%3F/users/7", "default"),
    ("GET", "/v1/tasks/why%3F", "2"),
    ("GET", "/v1/tasks/%3Fwhy", "refused"),
    // Servers that match before they decode.
    ("GET", "/v1/t%61sks/7", "refused"),
    ("GET", "/v1/tasks/%37", "2"),
    ("GET", "/v1/tasks/a%40b", "2"),
    ("GET", "/%78", "default"),
    ("GET", "/admin/%78", "1"),
    // A format behind the name.
    ("GET", "/admin.json", "refused"),
    ("GET", "/v1/health.xml", "refused"),
    ("GET", "/admin/x.json", "1"),
    ("GET", "/v1/tasks/7.json", "2"),
    ("GET", "/report.pdf", "default"),
    ("GET", "/.admin", "default"),
    ("GET", "/.well-known/admin", "default"),
    // Dots and spaces at the end.
    ("GET", "/admin.", "refused"),
    ("GET", "/admin..", "refused"),
    ("GET", "/admin%20", "refused"),
    ("GET", "/admin%20.", "refused"),
    ("GET", "/v1/tasks/7.", "2"),
    // Dot segments.
    ("GET", "/v1/health/../../admin", "refused"),
    ("GET", "/v1/health/..", "refused"),
    ("GET", "/./admin", "refused"),
    ("GET", "/admin/.", "refused"),
    ("GET", "/x/%2e%2e/admin", "refused"),
    ("GET", "/x/%2E./admin", "refused"),
    ("GET", "/x/..;/admin", "refused"),
    ("GET", "/x/%252e%252e/admin", "refused"),
    // Slashes of other kinds.
    ("GET", "//admin", "refused"),
    ("GET", "/v1//health", "refused"),
    ("GET", "/admin//", "refused"),
    ("GET", "/%2Fadmin", "refused"),
    ("GET", "/v1%2Fhealth", "refused"),
    ("GET", "/admin%2Fx", "refused"),
    ("GET", "/admin%5Cx", "refused"),
    ("GET", "\\admin", "refused"),
    ("GET", "/x\\..\\admin", "refused"),
    ("GET", "/x%2f%2e%2e%2fadmin", "refused"),
    // Double encoding.
    ("GET", "/%2561dmin", "refused"),
    ("GET", "/%25%36%31dmin", "refused"),
    ("GET", "/admin%252Fx", "refused"),
    ("GET", "/v1/tasks/100%25", "2"),
    ("GET", "/v1/tasks/%2541", "2"),
    // Two leniencies at once.
    ("GET", "/ADMIN/;x", "refused"),
    ("GET", "/%2541DMIN;y/", "refused"),
    ("GET", "/Admin.;x/", "refused"),
    // Control characters, NUL, line ends.
    ("GET", "/admin%00", "refused"),
    ("GET", "/v1/health%0a", "refused"),
    ("GET", "/v1/health%0d%0aX-Y: 1", "refused"),
    ("GET", "/v1/health%09", "refused"),
    // Broken escapes and bytes that are no UTF-8.
    ("GET", "/admin%", "refused"),
    ("GET", "/admin%zz", "refused"),
    ("GET", "/%u0061dmin", "refused"),
    ("GET", "/%C1%A1dmin", "refused"),
    ("GET", "/admin%ff", "refused"),
    // An encoded slash that the route takes as data, and one beside it that it does not.
    ("GET", "/files/a%2Fb", "5"),
    ("GET", "/files/a%2F..%2Fb", "refused"),
    ("GET", "/files/a%5Cb", "refused"),
    ("POST", "/files/a%2Fb", "refused"),
    ("GET", "/files/a/b", "default"),
    // Not a path.
    ("OPTIONS", "*", "refused"),
    ("GET", "", "refused"),
    ("GET", "admin", "refused"),
];

#[test]
fn requests_fall_to_the_rule_that_the_upstream_will_see_or_are_refused() {
    let table = table(&RULES, Leniencies::NONE);
    for (method, path, expected) in REQUESTS {
        assert_eq!(falls(&table, method, path), *expected, "{method} {path}");
    }
}

#[test]
fn a_name_with_a_suffix_in_the_configuration_is_matched_by_itself() {
    let table = table(&["GET /openapi.json", "GET /*"], Leniencies::NONE);
    assert_eq!(falls(&table, "GET", "/openapi.json"), "0");
    assert_eq!(falls(&table, "GET", "/robots.txt"), "1");
    assert_eq!(falls(&table, "GET", "/café"), "refused");
    assert_eq!(falls(&table, "GET", "/caf%C3%A9"), "1");
}

#[test]
fn names_that_can_only_be_written_with_escapes_match_them() {
    let table = table(&["GET /café/*", "GET /a b"], Leniencies::NONE);
    assert_eq!(falls(&table, "GET", "/caf%C3%A9/x"), "0");
    assert_eq!(falls(&table, "GET", "/a%20b"), "1");
    assert_eq!(falls(&table, "GET", "/caf%C3%A9%2e/x"), "refused");
    assert_eq!(falls(&table, "GET", "/c%61f%C3%A9/x"), "refused");
}

#[test]
fn a_path_that_would_take_long_to_read_in_every_way_is_refused_and_a_long_plain_one_is_not() {
    let table = table(&RULES, Leniencies::NONE);
    let below = |head: &str| format!("{head}{}", "/a".repeat(10_000));
    assert_eq!(falls(&table, "GET", &below("/admin/A;x./%2541%3Fx")), "refused");
    assert_eq!(falls(&table, "GET", &below("/admin/%2541;")), "refused");
    assert_eq!(falls(&table, "GET", &below("/admin/A")), "1");
    assert_eq!(falls(&table, "GET", &below("/admin")), "1");
    assert_eq!(falls(&table, "GET", "/admin/A;x./%2541%3Fx"), "1");
}

#[test]
fn a_path_that_falls_to_the_same_rule_however_it_is_read_is_not_refused() {
    let table = table(&["* /api/*"], Leniencies::NONE);
    for path in ["/api/Users/7", "/api/x;y=z", "/api/x/", "/api/a%2541", "/api/report.", "/api/Report.;v=1/"] {
        assert_eq!(falls(&table, "GET", path), "0", "{path}");
    }
    assert_eq!(falls(&table, "GET", "/Photos/IMG_1.JPG"), "default");
}

#[test]
fn what_the_upstream_is_declared_to_tell_apart_is_not_refused() {
    let all = Leniencies::NAMED.into_iter().fold(Leniencies::NONE, |all, (_, leniency)| all | leniency);
    let table = table(&RULES, all);
    for path in ["/Admin", "/admin;x", "/admin.", "/%2561dmin", "/admin.json"] {
        assert_eq!(falls(&table, "GET", path), "default", "{path}");
    }
    assert_eq!(falls(&table, "GET", "/v1/health/"), "default");
    // Declared or not, these are never let through.
    for path in ["/admin/..", "/admin%2Fx", "/admin//x", "/admin%00"] {
        assert_eq!(falls(&table, "GET", path), "refused", "{path}");
    }
}

#[test]
fn patterns_with_capitals_or_trailing_slashes_refuse_their_plain_spelling() {
    let table = table(&["GET /Reports", "GET /v2/"], Leniencies::NONE);
    assert_eq!(falls(&table, "GET", "/Reports"), "0");
    assert_eq!(falls(&table, "GET", "/reports"), "refused");
    assert_eq!(falls(&table, "GET", "/v2/"), "1");
    assert_eq!(falls(&table, "GET", "/v2"), "refused");
}

#[test]
fn a_slash_that_only_some_readings_ignore_cannot_choose_between_two_rules() {
    // To a server that ignores trailing slashes the second rule's path is "/x", which the first one covers.
    let table = table(&["GET /x", "GET /{any}/"], Leniencies::NONE);
    assert_eq!(falls(&table, "GET", "/x"), "0");
    assert_eq!(falls(&table, "GET", "/x/"), "refused");
    assert_eq!(falls(&table, "GET", "/y/"), "1");
}

#[test]
fn the_first_rule_that_matches_wins() {
    let table = table(&["GET /v1/tasks/mine", "GET /v1/tasks/{id}", "* /*"], Leniencies::NONE);
    assert_eq!(falls(&table, "GET", "/v1/tasks/mine"), "0");
    assert_eq!(falls(&table, "GET", "/v1/tasks/yours"), "1");
    assert_eq!(falls(&table, "PUT", "/v1/tasks/mine"), "2");
    assert_eq!(falls(&table, "GET", "/v1/tasks/MINE"), "refused");
}
