//! Matching paths: no path panics, and none that falls to the open rule can be read as the guarded one.
#![no_main]

use std::sync::LazyLock;

use bitting_core::name::Names;
use bitting_core::rights::{Catalogue, CatalogueSpec};
use bitting_core::route::{Access, Leniencies, RequestPath, Route, RouteTable, Rule, Target};
use http::Method;
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<RouteTable> = LazyLock::new(|| {
    let need = || Catalogue::new(CatalogueSpec::default()).unwrap().need([], &Names::default()).unwrap();
    let route = |access| Route::new(access, Target::Upstream);
    let rule = |methods: &str, pattern: &str, access| Rule {
        methods: methods.parse().unwrap(),
        pattern: pattern.parse().unwrap(),
        route: route(access),
    };
    let rules = vec![rule("*", "/admin/*", Access::Closed), rule("GET", "/v1/{id}/open", Access::Key(need()))];
    RouteTable::new(rules, route(Access::Public), Leniencies::NONE)
});

fuzz_target!(|input: &str| {
    let Ok(path) = RequestPath::parse(input) else { return };
    let Ok(route) = TABLE.find(&Method::GET, &path) else { return };
    if route.access == Access::Public {
        // However a server decodes, folds and cuts it, the first segment is not the guarded one.
        let mut read = input.to_owned();
        for _ in 0..3 {
            let segments: Vec<&str> = read.trim_start_matches('/').split(['/', ';', '\\', '?', '#']).collect();
            let first = segments[0].trim_end_matches(['.', ' ']).to_lowercase();
            assert_ne!(first, "admin", "{input:?}");
            let stem = first.rsplit_once('.').map_or("", |(stem, _)| stem);
            assert!(segments.len() > 1 || stem != "admin", "{input:?}");
            read = decoded(&read);
        }
        assert!(!read.split('/').any(|segment| segment == ".."), "{input:?}");
    }
});

fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.as_bytes());
    while let [first, rest @ ..] = bytes {
        let hex = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).filter(|_| *first == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (out.push(byte), bytes = &rest[2..]).1,
            None => (out.push(*first), bytes = rest).1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
