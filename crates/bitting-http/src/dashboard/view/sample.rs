//! A call that works, in the API's dialect.

use bitting_core::api::Api;
use bitting_core::rights::Permission;
use bitting_core::route::{Access, Methods, Target};
use bitting_store::KeyRow;
use http::Method;
use zeroize::Zeroizing;

use crate::docs;

/// A call with curl. It may hold a key, so it does not print itself.
pub(crate) struct Sample {
    /// The lines to paste.
    pub(crate) text: Zeroizing<String>,
    /// What the call needs, as the configuration writes it; empty where any key will do.
    pub(crate) needs: String,
    /// Whether the key has it, as far as that can be said.
    pub(crate) is_met: bool,
}

impl Sample {
    /// The first call of an API that a key may make, or, without a row, the first that any key may.
    pub(crate) fn new(api: &Api, key: &str, row: Option<&KeyRow>) -> Self {
        let reads = |methods: &Methods| methods.cover(&Method::GET);
        let candidates = api.routes.rules().filter(|(methods, _, route)| reads(methods) && route.target == Target::Upstream);
        let needs_key = candidates.filter_map(|(_, pattern, route)| match &route.access {
            Access::Key(need) | Access::Optional(need) => {
                Some((pattern.as_str(), need.asked().collect::<Vec<_>>().join(", "), need))
            }
            Access::Public | Access::Closed => None,
        });
        let all: Vec<(String, String)> = needs_key.map(|(pattern, asked, _)| (concrete(pattern), asked)).collect();
        let has = |asked: &String| row.is_none_or(|row| asked.split(", ").all(|one| holds(row, api, one)));
        // A path that can be called as it stands comes before one with a gap in it.
        let (met, other): (Vec<_>, Vec<_>) = all.iter().partition(|(_, asked)| has(asked));
        let best = met.iter().find(|(path, _)| !path.contains('{')).or(met.first());
        let chosen = best.copied().or(other.first().copied());
        let (path, needs) = chosen.map_or(("/".to_owned(), String::new()), Clone::clone);
        let is_met = best.is_some() || chosen.is_none();
        Self { text: docs::call_with(api, &path, key), needs, is_met }
    }
}

/// A path that a pattern covers: what is below is left out.
fn concrete(pattern: &str) -> String {
    let path = pattern.strip_suffix("/*").unwrap_or(pattern);
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

/// Whether a key holds what a route asks for by name, as far as the names say it.
fn holds(row: &KeyRow, api: &Api, asked: &str) -> bool {
    let declared = api.catalogue.permissions();
    let by_permission = asked.parse::<Permission>().is_ok_and(|asked| {
        row.permissions.iter().any(|own| {
            let means = declared.iter().find(|spec| spec.name == *own).map_or(&[][..], |spec| &spec.means);
            own.covers(&asked) || means.iter().any(|meaning| meaning.covers(&asked))
        })
    });
    let role = |own: &str| {
        let spec = api.catalogue.roles().iter().find(|role| *role.name == *own);
        own == asked || spec.is_some_and(|role| role.includes.iter().any(|name| **name == *asked))
    };
    let by_role = row.role.as_deref().is_some_and(|own| {
        let spec = api.catalogue.roles().iter().find(|known| *known.name == *own);
        role(own) || spec.is_some_and(|known| known.permissions.iter().any(|name| name.as_str() == asked))
    });
    asked.is_empty() || by_permission || by_role || row.capabilities.iter().any(|own| own == asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::fixture::{csboard, key, launchboard, product};

    fn sample(api: &Api, row: Option<&KeyRow>) -> (String, String, bool) {
        let sample = Sample::new(api, "KEY", row);
        (sample.text.to_string(), sample.needs, sample.is_met)
    }

    #[test]
    fn the_call_speaks_the_dialect_of_the_api() {
        let bearer = "curl https://api.example.com/v1/tasks \\\n  -H \"Authorization: Bearer KEY\"".to_owned();
        assert_eq!(sample(&product(), None), (bearer, "tasks:read".to_owned(), true));
        assert_eq!(sample(&csboard(), None).0, "curl https://api.example.com/ \\\n  -H \"Authorization: Bearer KEY\"");
        let header = "curl https://api.example.com/api/v1/boards/{id} \\\n  -H \"X-API-Key: KEY\"";
        assert_eq!(sample(&launchboard(), None).0, header);
        for (carrier, part) in [
            ("basic", "-u \"KEY:\""),
            ("cookie:session", "-b \"session=KEY\""),
            ("authorization:Token", "Authorization: Token KEY"),
            ("subprotocol:key.", "Sec-WebSocket-Protocol: key.KEY"),
        ] {
            let mut api = product();
            api.credentials.carriers = [carrier.parse().unwrap()].into();
            assert!(sample(&api, None).0.contains(part), "{carrier}");
        }
    }

    #[test]
    fn the_call_says_whether_the_key_may_make_it() {
        let of = |names: &[&str]| {
            let permissions = names.iter().map(|name| name.parse().unwrap()).collect();
            let row = KeyRow { permissions, ..key("x", "2025-01-01T00:00:00Z") };
            sample(&product(), Some(&row)).2
        };
        assert!(of(&["tasks:read"]) && of(&["tasks:*"]) && of(&["admin:*"]));
        assert!(!of(&["users:read"]) && !of(&[]));
    }
}
