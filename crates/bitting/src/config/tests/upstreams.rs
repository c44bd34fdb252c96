//! `upstream`, in all its forms.

use std::time::Duration;

use bitting_core::api::{Api, UpstreamHost, UpstreamTimeouts};

use super::{LEAST, config, load_text, problems};

/// A configuration with an upstream, and the upstream that was read.
fn with(upstream: &str) -> String {
    LEAST.replace("upstream = \"http://127.0.0.1:3000\"", upstream)
}

fn api_of(text: &str, look: impl Fn(&Api)) {
    look(config(text).apis.find("shop").unwrap());
}

#[test]
fn one_server_several_and_a_table_are_upstreams() {
    for (written, servers) in [
        ("upstream = \"http://a:1\"", "http://a:1"),
        ("upstream = [\"http://a:1\", \"https://b\"]", "http://a:1, https://b"),
        ("upstream = { servers = \"http://a:1\" }", "http://a:1"),
        ("upstream = { servers = [\"http://a:1\", \"http://b:2\"], connections = 7 }", "http://a:1, http://b:2"),
        ("upstream = { default = [\"http://a:1\", \"http://b:2\"] }", "http://a:1, http://b:2"),
        ("upstream = { default = { servers = \"http://a:1\", host = \"upstream\" } }", "http://a:1"),
    ] {
        api_of(&with(written), |api| assert_eq!(api.upstream.as_ref().unwrap().to_string(), servers, "{written}"));
    }
}

#[test]
fn each_environment_may_have_an_upstream_with_settings_of_its_own() {
    let text = "[[api]]\nname = \"shop\"\n[api.key]\nprefix = { live = \"l_\", test = \"t_\" }\n\
                [api.upstream.live]\nservers = [\"http://a:1\", \"http://b:1\"]\nhost = \"shop.internal\"\nconnections = 10\n\
                waiting = 0\nwait = \"1s\"\nidle = \"0s\"\nfailures = 1\npause = \"2s\"\nlongest_pause = \"3s\"\nresolver = [\"10.0.0.2\", \"[::1]:5353\"]\n\
                [api.upstream.test]\nservers = \"http://t:1\"\n";
    api_of(text, |api| {
        let upstream = |name: &str| api.environments.iter().find(|e| &*e.name == name).unwrap().upstream.clone().unwrap();
        let (live, other) = (upstream("live"), upstream("test"));
        assert_eq!(live.host, UpstreamHost::Fixed("shop.internal".parse().unwrap()));
        assert_eq!((live.connections.most, live.connections.waiting, live.failover.failures), (10, 0, 1));
        assert_eq!((live.connections.wait, live.connections.idle), (Duration::from_secs(1), Duration::ZERO));
        assert_eq!((live.failover.pause, live.failover.longest_pause), (Duration::from_secs(2), Duration::from_secs(3)));
        assert_eq!(*live.resolver, ["10.0.0.2:53".parse().unwrap(), "[::1]:5353".parse().unwrap()]);
        assert_eq!((other.to_string(), &other.host), ("http://t:1".to_owned(), &UpstreamHost::Preserve));
    });
}

#[test]
fn a_route_has_the_timeouts_of_its_api_but_for_those_that_it_sets() {
    let text = format!(
        "{LEAST}[api.timeouts]\nconnect = \"1s\"\nresponse_idle = \"9s\"\n\
         [[api.route]]\nmatch = \"POST /reports\"\ntimeouts = {{ response_head = \"10m\", response_idle = \"1h\" }}\n\
         [[api.route]]\nmatch = \"GET /x\"\n"
    );
    api_of(&text, |api| {
        let of_api =
            UpstreamTimeouts { connect: Duration::from_secs(1), response_idle: Duration::from_secs(9), ..Default::default() };
        let of_route =
            UpstreamTimeouts { response_head: Duration::from_mins(10), response_idle: Duration::from_hours(1), ..of_api };
        let of_routes: Vec<_> = api.routes.rules().map(|(_, _, route)| route.timeouts.as_deref().copied()).collect();
        assert_eq!((api.timeouts, of_routes), (of_api, vec![Some(of_route), None]));
    });
}

#[test]
fn what_is_wrong_with_an_upstream_is_told_where_it_stands() {
    let table = |settings: &str| with(&format!("upstream = {{ servers = \"http://a:1\", {settings} }}"));
    let tls = |settings: &str| with(&format!("upstream = {{ servers = \"https://a\", {settings} }}"));
    for (text, told) in [
        (with("upstream = 7"), "3:12 `upstream` is a whole number | write \"http://127.0.0.1:3000\", several in a list"),
        (with("upstream = []"), "3:12 `upstream` names nobody"),
        (with("upstream = [\"http://a\", \"ftp://b\"]"), "3:25 \"ftp://b\" is not an origin | write http or https"),
        (with("upstream = [\"http://a\", \"http://a\"]"), "3:25 http://a is named twice | name each server once"),
        (with("upstream = \"http://127.0.0.256\""), "3:12 \"http://127.0.0.256\" is not an origin"),
        (with("upstream = { servers = 1 }"), "3:24 `servers` is a whole number"),
        (with("upstream = { live = { host = \"x\" } }"), "3:21 this upstream has no `servers`"),
        (table("hots = \"x\""), "3:38 `hots` means nothing in [api.upstream] | did you mean `host`?"),
        (table("host = \"a b\""), "3:45 \"a b\" is no host | write \"preserve\", \"upstream\", or a host"),
        (table("connections = 0"), "3:52 `connections` is 0 | write a number from 1 to"),
        (table("pause = \"0s\""), "3:38 `pause` is out of range"),
        (table("longest_pause = \"500ms\""), "3:38 `longest_pause` is shorter than `pause`"),
        (table("resolver = \"dns.example\""), "3:49 \"dns.example\" is not an address | write the address of a name server"),
        (table("server_name = \"x\""), "3:52 `server_name` is for servers that are spoken to by TLS, and none is"),
        (tls("certificate = \"x.pem\""), "3:51 there is no `key` beside it | write key = "),
        (tls("key = \"x.pem\""), "3:43 there is no `certificate` beside it"),
        (tls("roots = \"nowhere.pem\""), "3:45 \"nowhere.pem\" cannot be read: No such file or directory"),
        (tls("server_name = \"a b\""), "3:51 \"a b\" cannot be used"),
    ] {
        let found = problems(&text);
        assert!(found.iter().any(|problem| problem.starts_with(told)), "{text}\n{found:#?}");
        assert_eq!(found.len(), 1, "{found:#?}");
    }
    let misspelt = with("upstream = { server = \"http://a:1\", failures = 1 }");
    let found = problems(&misspelt);
    assert!(found[0].contains("this upstream has no `servers`"), "{found:#?}");
    assert!(found[1].contains("`server` means nothing in [api.upstream] | did you mean `servers`?"), "{found:#?}");
    assert_eq!(found.len(), 2, "{found:#?}");
    let route = format!("{LEAST}[[api.route]]\nmatch = \"/x\"\ntimeouts = {{ conect = \"1s\" }}\n");
    assert_eq!(problems(&route), ["8:14 `conect` means nothing in [api.route.timeouts] | did you mean `connect`?"]);
}

#[test]
fn an_option_replaces_an_upstream_however_it_was_written() {
    for upstream in ["upstream = [\"http://a\"]", "upstream = { servers = \"http://a\", connections = 3 }"] {
        let loaded = load_text(&with(upstream), &["api.shop.upstream=http://127.0.0.1:4000"]);
        let config = loaded.config.unwrap();
        assert_eq!(config.apis.find("shop").unwrap().upstream.as_ref().unwrap().to_string(), "http://127.0.0.1:4000");
    }
}
