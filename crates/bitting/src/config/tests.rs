//! Reading configuration, right and wrong.

mod alerts;
mod bans;
mod dashboard;
mod docs;
mod heads;
mod lifecycle;
mod upstreams;
mod webhooks;

use bitting_core::dialect::AnswerContext;
use bitting_core::reason::Reason;
use bitting_core::route::UpgradeProtocol;

use super::*;

fn load_text(text: &str, overrides: &[&str]) -> Loaded {
    let source = Source { name: "test.toml".to_owned(), text: text.to_owned() };
    let overrides: Vec<String> = overrides.iter().map(|&argument| argument.to_owned()).collect();
    load(vec![source], &overrides, Path::new("/etc/bitting"), &Arc::default())
}

fn config(text: &str) -> Config {
    let loaded = load_text(text, &[]);
    loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.render(false)))
}

/// Each problem as `line:column message | help`.
fn problems(text: &str) -> Vec<String> {
    let told = |problem: &Problem| {
        let (line, column) = problem.at.line_and_column();
        format!("{line}:{column} {} | {}", problem.message, problem.help.as_deref().unwrap_or("-"))
    };
    load_text(text, &[]).problems.0.iter().map(told).collect()
}

const LEAST: &str = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:3000\"\n[api.key]\nprefix = \"shop_\"\n";

#[test]
fn three_lines_and_a_prefix_are_a_configuration() {
    let config = config(LEAST);
    assert_eq!(config.store, Path::new("/etc/bitting/bitting.db"));
    assert_eq!(config.listeners.len(), 2);
    let api = config.apis.find("shop").unwrap();
    assert_eq!(api.format.body_length(), 32);
    assert_eq!(api.credentials.carriers[0].to_string(), "bearer");
    assert_eq!(api.answer(Reason::UnknownKey).response(AnswerContext::default()).status(), 401);
}

#[test]
fn a_configuration_that_is_read_again_with_the_same_names_gives_an_api_the_same_number() {
    let names = Arc::new(Names::default());
    let read = |text: &str| {
        let source = Source { name: "test.toml".to_owned(), text: text.to_owned() };
        let apis = load(vec![source], &[], Path::new("."), &names).config.unwrap().apis;
        assert!(Arc::ptr_eq(apis.names(), &names));
        apis.find("shop").unwrap().id
    };
    let other = LEAST.replace("shop", "other").replace("upstream", "path = \"/other\"\nupstream");
    assert_eq!(read(LEAST), read(&(other + LEAST)));
}

#[test]
fn bittings_own_api_can_be_read() {
    let config = config(LEAST);
    assert_eq!(&*config.apis.own().name, "bitting");
    assert!(config.apis.own().format.environments()[0].prefixes[0].starts_with("bitting_"));
}

#[test]
fn every_example_can_be_read_without_an_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for file in folder.read_dir().unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let loaded = load(vec![Source { name: path.display().to_string(), text }], &[], &folder, &Arc::default());
        assert!(loaded.config.is_some(), "{}", loaded.problems.render(false));
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn all_errors_of_a_file_are_told_at_once_each_with_its_place_and_its_cure() {
    let text = r#"[[api]]
name = "Shop"
upstreem = "http://127.0.0.1:3000"
permissions = ["tasks:read", "tasks read"]

[api.key]
prefix = { live = "sk live_" }
length = 20

[api.credential]
from = ["bearer", "heder:X-Key"]

[[api.route]]
match = "get /v1/tasks"
needs = "tasks:raed"

[[api.route]]
match = "GET v1/tasks"
access = "pubic"

[api.errors]
body = { code = "{cod}" }
unknown_kee = { code = "x" }
missing_key = { status = 200 }

[[listen]]
address = "8080"
serve = ["gateway", "metrics"]

[log]
level = "loud"
"#;
    let found = problems(text);
    for expected in [
        "1:1 this API has no `upstream` | write upstream = \"http://127.0.0.1:3000\", where your API listens",
        "2:8 \"Shop\" cannot name an API | write small letters",
        "3:1 `upstreem` means nothing in [api] | did you mean `upstream`?",
        "4:30 \"tasks read\" is not a permission | write one to four words",
        "7:19 the prefix \"sk live_\" holds ' '",
        "8:10 20 characters leave 83 random bits, and a key needs at least 128 | write length = 28 or more",
        "11:19 \"heder:X-Key\" is no place for a credential",
        "14:9 \"get\" names no methods | write GET",
        "15:9 \"tasks:raed\" is not a declared permission, role or capability | did you mean \"tasks:read\"?",
        "18:9 a path pattern begins with \"/\"",
        "19:10 \"pubic\" is not a choice here | did you mean \"public\"?",
        "22:8 nothing fills in {cod} for any reason | did you mean {code}?",
        "23:1 `unknown_kee` means nothing in [api.errors] | did you mean `unknown_key`?",
        "24:26 200 is not a status for a refusal | write a number from 400 to 599",
        "27:11 \"8080\" is not an address to listen on | write an IP address and a port",
        "28:10 a gateway listener serves nothing else",
        "31:9 \"loud\" is not a log level",
    ] {
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}\nis missing among\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn errors_of_syntax_are_told_with_the_others() {
    let found = problems("[[api]]\nname = \"shop\nupstream = \"http://127.0.0.1:3000\"\n[api.key]\nprefix = \"sk \"\n");
    assert!(found.iter().any(|problem| problem.starts_with("2:")), "{found:?}");
    assert!(found.iter().any(|problem| problem.starts_with("5:10 the prefix \"sk \"")), "{found:?}");
}

#[test]
fn an_empty_file_is_told_what_to_write() {
    assert!(problems("")[0].contains("there is no API to protect | write [[api]]"), "{:?}", problems(""));
}

#[test]
fn options_override_the_file_by_path_name_and_position() {
    let overrides = [
        "api.shop.upstream=http://127.0.0.1:4000",
        "api.0.hosts=[\"shop.example\"]",
        "log.access=false",
        "store.path=/var/lib/bitting/keys.db",
        "api.shop.timeouts.connect=2s",
    ];
    let config = load_text(LEAST, &overrides).config.unwrap();
    let api = config.apis.find("shop").unwrap();
    assert_eq!(api.upstream.as_ref().unwrap().to_string(), "http://127.0.0.1:4000");
    assert_eq!(api.hosts[0].as_str(), "shop.example");
    assert_eq!((config.log.access, api.timeouts.connect), (false, Duration::from_secs(2)));
    assert_eq!(config.store, Path::new("/var/lib/bitting/keys.db"));
}

#[test]
fn options_override_the_two_listeners_that_no_file_names() {
    let overrides = ["listen.0.address=0.0.0.0:80", "listen.1.serve=[\"health\"]"];
    let listeners = load_text(LEAST, &overrides).config.unwrap().listeners;
    assert_eq!(listeners.len(), 2);
    assert_eq!((listeners[0].address, listeners[1].address.port()), (([0, 0, 0, 0], 80).into(), 8081));
    let health = vec![bitting_http::Part::Health];
    assert_eq!((&listeners[0].serves, &listeners[1].serves), (&Serves::Gateway { api: None }, &Serves::Service(health)));
    for none in ["listen=[]", "log.access=true"] {
        let listeners = load_text(&("listen = []\n".to_owned() + LEAST), &[none]).config.unwrap().listeners;
        assert_eq!(listeners[0].address, ([127, 0, 0, 1], 8080).into(), "{none}");
    }
    let told = load_text(LEAST, &["listen.2.address=0.0.0.0:80"]).problems.render(false);
    assert!(told.contains("\"listen\" has no \"2\""), "{told}");
}

#[test]
fn places_are_called_as_they_are_written() {
    let text = format!("{LEAST}[store]\npath = 1\n[log]\nformat = true\n[[listen]]\nserve = [\"gateway\"]\n");
    let found = problems(&("x = 1\nserver = 2\n".to_owned() + &text)).join("\n");
    for expected in [
        "`x` means nothing in the top level",
        "`server` in the top level is a whole number | write a table, as in [server]",
        "`path` in [store] is a whole number",
        "`format` in [log] is true or false",
        "[listen] has no `address`",
    ] {
        assert!(found.contains(expected), "{expected}\nis missing among\n{found}");
    }
}

#[test]
fn an_alphabet_that_is_almost_a_name_is_told_which() {
    for (alphabet, meant) in [("base99", "base62"), ("base64", "base62"), ("bas58", "base58"), ("hexa", "hex")] {
        let found = problems(&format!("{LEAST}alphabet = \"{alphabet}\"\n"));
        assert_eq!(found, [format!("6:12 \"{alphabet}\" is not a known alphabet | did you mean \"{meant}\"?")]);
    }
    assert!(problems(&format!("{LEAST}alphabet = \"0123456789abcdefgh\"\nlength = 60\n")).is_empty());
}

#[test]
fn a_role_that_stands_there_twice_is_one_error() {
    for roles in ["[\"a\", \"a\"]", "[\"a\", \"b\", \"a\"]"] {
        let found = problems(&LEAST.replace("[api.key]", &format!("roles = {roles}\n[api.key]")));
        assert!(found.len() == 1 && found[0].contains("\"a\" is declared twice"), "{found:?}");
    }
}

#[test]
fn a_method_that_nobody_registered_is_warned_of() {
    let with = |methods: &str| LEAST.replace("[api.key]", &format!("[[api.route]]\nmatch = \"{methods} /x\"\n[api.key]"));
    assert_eq!(
        problems(&with("GET|DELTE")),
        ["5:9 DELTE is not a registered method | did you mean DELETE? If it is your API's own, all is well"]
    );
    assert!(problems(&with("PROCRASTINATE"))[0].ends_with("| if it is your API's own, all is well"));
    assert_eq!(load_text(&with("DELTE"), &[]).problems.counts(), (0, 1));
    assert!(problems(&with("GET|POST|PROPFIND")).is_empty());
}

#[test]
fn an_option_that_cannot_be_applied_is_told_like_an_error_of_the_file() {
    for (argument, expected) in [
        ("log.access", "there is no \"=\" in it"),
        ("api.shup.upstream=x", "\"api\" has no \"shup\""),
        ("api.shop.name.x=1", "\"name\" is not a table"),
        ("api.shop.upstream=nowhere", "\"nowhere\" is not an origin"),
        ("log.acess=true", "`acess` means nothing in [log]"),
    ] {
        let problems = load_text(LEAST, &[argument]).problems;
        assert!(problems.has_errors(), "{argument}");
        let text = problems.render(false);
        assert!(text.contains("--set") && text.contains(expected), "{text}");
    }
}

#[test]
fn two_files_make_one_configuration_and_may_not_contradict() {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let second = LEAST.replace("shop", "club") + "hosts = []\n[log]\naccess = false\n";
    let second = second.replace("hosts = []\n", "").replace("name = \"club\"", "name = \"club\"\nhosts = [\"club.example\"]");
    let both = load(vec![source("a.toml", LEAST), source("b.toml", &second)], &[], Path::new("."), &Arc::default());
    assert_eq!(both.config.unwrap().apis.protected().len(), 2);
    let log = "[log]\naccess = true\n";
    let clash = load(
        vec![source("a.toml", &(LEAST.to_owned() + log)), source("b.toml", &second)],
        &[],
        Path::new("."),
        &Arc::default(),
    );
    assert!(clash.problems.render(false).contains("\"access\" is set in two files"));
}

#[test]
fn entries_that_share_an_answer_give_it_to_the_byte() {
    let text = LEAST.to_owned()
        + r#"[api.errors]
body = '{"why": "{detail}", "code": "{code}"}'
unauthenticated = { detail = "No.", code = "no" }
ambiguous_credential = "unauthenticated"
not_found = "ambiguous_credential"
rate_limited = { detail = "Slow down.", headers = { "X-Slow" = "down" } }
"#;
    let config = config(&text);
    let api = config.apis.find("shop").unwrap();
    let answer = |reason| api.answer(reason).response(AnswerContext::default());
    let first = answer(Reason::MissingKey);
    assert_eq!(first.body(), r#"{"why": "No.", "code": "no"}"#);
    assert_eq!(first.headers()["content-type"], "application/json");
    assert_eq!(first.headers()["www-authenticate"], "Bearer realm=\"shop\"");
    for reason in [Reason::UnknownKey, Reason::ExpiredKey, Reason::AmbiguousCredential, Reason::NotFound] {
        let other = answer(reason);
        assert_eq!(
            (other.status(), other.headers(), other.body()),
            (first.status(), first.headers(), first.body()),
            "{reason}"
        );
    }
    assert_eq!(answer(Reason::RateLimited).headers()["x-slow"], "down");
    let told = r#"{"why": "The path could be read in more than one way, or is not well-formed.", "code": "invalid_path"}"#;
    assert_eq!(answer(Reason::InvalidPath).body(), told);
}

#[test]
fn what_a_key_lacks_is_named_unless_another_reason_has_the_same_answer() {
    let detail = |errors: &str, reason, needed| {
        let config = config(&format!("{LEAST}[api.errors]\nbody = \"No. {{detail}}\"\n{errors}"));
        let response =
            config.apis.find("shop").unwrap().answer(reason).response(AnswerContext { needed, ..AnswerContext::default() });
        String::from_utf8(response.into_body().to_vec()).unwrap()
    };
    let lacks = Some("things:write");
    assert_eq!(detail("", Reason::InsufficientPermission, lacks), "No. The API key lacks things:write.");
    for shared in ["not_found = \"insufficient_permission\"\n", "unauthenticated = \"forbidden\"\n"] {
        let lacking = detail(shared, Reason::InsufficientPermission, lacks);
        assert_eq!(lacking, "No. The API key may not do this.", "{shared}");
        let other = if shared.starts_with("not") { Reason::NotFound } else { Reason::MissingKey };
        assert_eq!(detail(shared, other, None), lacking, "{shared}");
    }
}

#[test]
fn a_group_that_is_text_shares_another_answer_like_any_entry() {
    let errors =
        "[api.errors]\nunauthenticated = \"missing_key\"\nexpired_key = { detail = \"Too late.\" }\nlimited = \"forbidden\"\n";
    let config = config(&(LEAST.to_owned() + errors));
    let answer = |reason| config.apis.find("shop").unwrap().answer(reason).response(AnswerContext::default());
    let missing = answer(Reason::MissingKey);
    assert_eq!((answer(Reason::UnknownKey).status(), answer(Reason::UnknownKey).body()), (missing.status(), missing.body()));
    assert!(String::from_utf8_lossy(answer(Reason::ExpiredKey).body()).contains("Too late."));
    let forbidden = answer(Reason::InsufficientPermission);
    assert_eq!(
        (answer(Reason::RateLimited).status(), answer(Reason::RateLimited).body()),
        (forbidden.status(), forbidden.body())
    );
}

#[test]
fn entries_that_lead_in_a_circle_are_an_error() {
    let text = LEAST.to_owned() + "[api.errors]\nnot_found = \"conflict\"\nconflict = \"not_found\"\n";
    assert!(problems(&text).iter().any(|problem| problem.contains("leads in a circle")));
}

#[test]
fn a_default_that_is_weaker_than_a_route_and_a_route_that_cannot_match_are_warned_of() {
    let text = LEAST.replace("[api.key]", "permissions = [\"a:b\"]\n[[api.route]]\nmatch = \"/x/*\"\nneeds = \"a:b\"\n[[api.route]]\nmatch = \"GET /x/y\"\n[api.key]");
    let loaded = load_text(&text, &[]);
    assert!(loaded.config.is_some());
    let told = loaded.problems.render(false);
    assert!(told.contains("any key can use paths that no route names, while some route asks for more"), "{told}");
    assert!(told.contains("this route can never match"), "{told}");
    assert_eq!(loaded.problems.counts(), (0, 2));
}

#[test]
fn a_misspelt_prefix_is_told_of_beside_the_one_that_is_missing() {
    let found = problems(&LEAST.replace("prefix =", "prefx ="));
    assert!(found[0].starts_with("4:1 [api.key] has no `prefix`"), "{found:?}");
    assert_eq!(found[1..], ["5:1 `prefx` means nothing in [api.key] | did you mean `prefix`?"]);
}

#[test]
fn foreign_credentials_need_a_prefix_to_be_told_by() {
    let text = LEAST.replace("\"shop_\"", "\"\"") + "[api.credential]\nforeign = \"pass\"\n";
    assert!(problems(&text).iter().any(|problem| problem.contains("only be told from a key of this API by a prefix")));
}

#[test]
fn headers_that_frame_messages_cannot_be_set() {
    for (table, key) in
        [("identity", "account = \"Content-Length\""), ("errors", "headers = { \"Transfer-Encoding\" = \"x\" }")]
    {
        let text =
            format!("[[api]]\nname = \"a\"\nupstream = \"http://x\"\nkey = {{ prefix = \"a_\" }}\n[api.{table}]\n{key}\n");
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].contains("says how a message is framed"), "{found:?}");
    }
}

#[test]
fn deeply_nested_and_strange_files_are_errors_and_no_panic() {
    for text in [
        "[".repeat(10_000),
        "a = ".to_owned() + &"[".repeat(10_000),
        "\u{feff}".to_owned(),
        "api = 1".to_owned(),
        "api = [1]".to_owned(),
        "[[api]]\n[api.api]".to_owned(),
        "\0".to_owned(),
    ] {
        assert!(load_text(&text, &[]).config.is_none());
    }
}

#[test]
fn plans_have_the_limits_of_all_and_their_own() {
    let text = format!(
        "{}{}",
        LEAST.replace("[api.key]", "default_plan = \"big\"\nkey_limits = \"replace\"\n[api.key]"),
        "[api.limits]\nminute = \"5/minute\"\nall = { requests = 9, per = \"day\", scope = \"api\", quota = true }\n\
         [api.plans.small]\n[api.plans.big]\nminute = \"50 / minute\"\nburst = { requests = 2, per = \"1s\", burst = 4 }\n"
    );
    let config = config(&text);
    let plans = &config.apis.find("shop").unwrap().plans;
    let told = |name: &str| -> Vec<String> {
        let limit = |limit: &bitting_core::limit::Limit| format!("{} {}/{}", limit.name, limit.allowed, limit.pace);
        plans.named(name).unwrap().limits().iter().map(limit).collect()
    };
    assert_eq!(told("small"), ["minute 5/minute", "all 9/day"]);
    assert_eq!(told("big"), ["minute 50/minute", "burst 2/1000ms, at most 4 at once", "all 9/day"]);
    assert_eq!((&*plans.fallback().name, plans.keys_may_exceed()), ("big", true));
}

#[test]
fn what_is_wrong_with_limits_is_told_with_its_place() {
    let limits = |text: &str| problems(&format!("{LEAST}{text}"));
    for (text, told) in [
        ("[api.limits]\nhour = 5\n", "7:8 `hour` in [api.limits] is a whole number | write \"1000/hour\""),
        ("[api.limits]\nhour = \"0/hour\"\n", "7:8 a limit of 0 cannot be kept | write a number from 1 to 9007199254740992"),
        ("[api.limits]\nhour = \"-5/hour\"\n", "7:8 \"-5/hour\" is no limit"),
        ("[api.limits]\nhour = \"1.5/hour\"\n", "7:8 \"1.5/hour\" is no limit"),
        ("[api.limits]\nhour = \"9007199254740993/hour\"\n", "7:8 a limit of 9007199254740993 cannot be kept"),
        ("[api.limits]\nweek = \"5/week\"\n", "7:8 \"5/week\" is no limit | write a number and \"minute\""),
        ("[api.limits]\nhour = \"5/hour\"\nhour = \"6/hour\"\n", "8:1 "),
        ("[api.limits]\nx = { requests = 5, per = \"90s\" }\n", "7:27 \"90s\" is no window | write \"minute\""),
        ("[api.limits]\nx = { requests = 5, per = \"0s\", burst = 2 }\n", "7:27 \"0s\" is no window"),
        ("[api.limits]\nx = { requests = 0, per = \"hour\" }\n", "7:18 `requests` is 0 | write a number from 1"),
        ("[api.limits]\nx = { per = \"hour\" }\n", "7:5 this limit does not say how much"),
        (
            "[api.limits]\nx = { requests = 5, per = \"hour\", burst = 5 }\n",
            "7:5 a limit with `burst` begins anew after a crash",
        ),
        ("[api.limits]\n\"X Y\" = \"5/hour\"\n", "7:1 \"X Y\" cannot name a limit"),
        (
            "[api.limits]\nx = { requests = 5, per = \"hour\", scope = \"keys\" }\n",
            "7:43 \"keys\" is not a choice here | did you mean \"key\"?",
        ),
        ("[api.plans]\nfree = 5\n", "7:8 `free` in [api.plans] is a whole number | write a table, as in [api.plans.free]"),
        ("[api.limit_headers]\nshows = \"hour\"\n", "7:9 there is no limit \"hour\""),
        ("[api.limit_headers]\nreset = \"Content-Length\"\n", "7:9 \"Content-Length\" says how a message is framed"),
        ("[[api.route]]\nmatch = \"/x\"\ncost = -1\n", "8:8 `cost` is -1"),
        (
            "[[api.route]]\nmatch = \"/x\"\ncost = 6\n[api.limits]\nhour = \"5/hour\"\n",
            "1:1 * /x costs 6, more than the limit \"hour\"",
        ),
    ] {
        let found = limits(text);
        assert!(found.iter().any(|problem| problem.starts_with(told)), "{text}: {found:#?}");
    }
    let plan = LEAST.replace("[api.key]", "default_plan = \"fre\"\n[api.key]") + "[api.plans.free]\n";
    assert_eq!(problems(&plan), ["4:16 there is no plan \"fre\" | did you mean \"free\"?"]);
    let short = LEAST.replace("[api.key]", "usage_retention = \"1d\"\n[api.key]");
    assert!(problems(&short)[0].contains("usage would be forgotten before its month is over"));
    let short = LEAST.replace("[api.key]", "event_retention = \"30d\"\n[api.key]");
    assert!(problems(&short)[0].starts_with("4:1 events would be forgotten before they are over"), "{:?}", problems(&short));
}

#[test]
fn a_route_allows_the_upgrades_of_its_api_unless_it_names_its_own() {
    let websocket = UpgradeProtocol::websocket();
    let more = "[[api.route]]\nmatch = \"/a\"\n[[api.route]]\nmatch = \"/b\"\nupgrades = []\n";
    let allowed = |text: &str| -> Vec<bool> {
        let config = config(text);
        let routes = &config.apis.find("shop").unwrap().routes;
        let all = routes.rules().map(|(_, _, route)| route).chain([routes.default()]);
        all.map(|route| route.upgrades.find(websocket.as_str()).is_some()).collect()
    };
    assert_eq!(allowed(&format!("{LEAST}{more}")), [true, false, true]);
    let none = LEAST.replace("upstream", "upgrades = []\nupstream");
    assert_eq!(allowed(&format!("{none}{more}")), [false, false, false]);
    let wrong = LEAST.replace("upstream", "upgrades = [\"h2c\"]\non_revoke = \"cutt\"\nevent_streams = \"events\"\nupstream");
    let told = problems(&wrong);
    assert!(told[0].starts_with("3:13 \"h2c\" is HTTP again"), "{told:?}");
    assert!(told[1].contains("did you mean \"cut\"?") && told[2].contains("\"events\" is no media type"), "{told:?}");
}
