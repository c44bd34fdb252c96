//! What all sections need to know of the API.

use bitting_core::api::{Api, Environment, SamplePath};
use bitting_core::dialect::Carrier;
use bitting_core::route::{Access, RequestPath, Target};
use http::Method;
use zeroize::Zeroizing;

use super::snippet::{Call, Place};
use super::text::Text;
use super::writing;

/// Where an API is that says nothing of it.
const SOMEWHERE: &str = "https://api.example.com";

/// How many names a sentence takes; more stand in the table of calls.
const FEW: usize = 4;

/// An API, and what follows from it for its page.
pub(super) struct Subject<'a> {
    pub(super) api: &'a Api,
    pub(super) title: &'a str,
    /// What stands before paths.
    pub(super) base: String,
    /// The environment variable that holds the key.
    pub(super) variable: String,
    /// Where keys go if nothing speaks for another place.
    pub(super) place: Place,
    /// The path of a call that needs a key.
    pub(super) sample: String,
    /// Its address.
    pub(super) sample_url: String,
}

impl<'a> Subject<'a> {
    pub(super) fn new(api: &'a Api) -> Self {
        let base = base_url(api);
        let sample = sample(api);
        let sample_url = format!("{base}{sample}");
        let title = &*api.labels.title;
        let variable = writing::variable(title);
        Self { api, title, variable, place: first_place(api), sample_url, sample, base }
    }

    /// The call that is shown.
    pub(super) fn call(&self) -> Call<'_> {
        Call { url: &self.sample_url, variable: &self.variable, place: &self.place }
    }

    /// What the page begins with.
    pub(super) fn lead(&self) -> Text {
        let intro = self.api.docs.intro.as_deref().map(Text::say);
        let made = Text::say("This page is made from the settings that the API enforces.");
        Text::paragraph(intro.into_iter().chain([self.who_needs_a_key(), made]))
    }

    /// How a key of an environment begins, never more of it.
    pub(super) fn beginning(&self, environment: &str) -> String {
        let of = self.api.format.environments().iter().find(|of| *of.environment == *environment);
        format!("{}…", of.and_then(|of| of.prefixes.first()).map_or("", |prefix| prefix))
    }

    /// The same of the environment whose keys are made if nothing is said.
    pub(super) fn any_beginning(&self) -> String {
        self.environments().first().map_or_else(|| "…".to_owned(), |first| self.beginning(&first.name))
    }

    pub(super) fn environments(&self) -> &[Environment] {
        &self.api.environments
    }

    fn who_needs_a_key(&self) -> Text {
        let needs_none = |access: &Access| matches!(access, Access::Public | Access::Optional(_));
        let named = |wanted: fn(&Access) -> bool| -> Vec<Text> {
            let rules = self.api.routes.rules().filter(|(_, _, route)| wanted(&route.access));
            rules.map(|(methods, pattern, _)| Text::of_code(writing::call(methods, pattern))).collect()
        };
        if needs_none(&self.api.routes.default().access) {
            let mut keyed = named(|access| matches!(access, Access::Key(_)));
            keyed.dedup();
            let what = if keyed.len() > FEW { Text::say("some paths") } else { Text::listed(self.keyed_paths(), "and") };
            let text = Text::say(&format!("Every call to {} at ", self.title)).then(what);
            return text.and(" needs an API key. Everything else can be called without one.");
        }
        let open = named(|access| matches!(access, Access::Public | Access::Optional(_)));
        let text = Text::say(&format!("Every call to {} needs an API key", self.title));
        match open.len() {
            0 => text.and("."),
            1..=FEW => text.and(", except ").then(Text::listed(open, "and")).and("."),
            _ => text.and(", except where the table of calls says otherwise."),
        }
    }

    /// The paths for which some method needs a key, each once.
    fn keyed_paths(&self) -> Vec<Text> {
        let mut paths: Vec<&str> = Vec::new();
        for (_, pattern, route) in self.api.routes.rules() {
            if matches!(route.access, Access::Key(_)) && !paths.contains(&pattern.as_str()) {
                paths.push(pattern.as_str());
            }
        }
        paths.into_iter().map(Text::of_code).collect()
    }
}

/// What stands before the paths of an API.
pub(crate) fn base_url(api: &Api) -> String {
    if let Some(said) = &api.docs.base_url {
        return said.to_string();
    }
    api.hosts.first().map_or_else(
        || SOMEWHERE.to_owned(),
        |host| if host.as_str().contains(':') { format!("https://[{host}]") } else { format!("https://{host}") },
    )
}

/// A call of a path with curl, with this text where the key goes.
pub(crate) fn call_with(api: &Api, path: &str, key: &str) -> Zeroizing<String> {
    let (url, place, variable) = (format!("{}{path}", base_url(api)), first_place(api), variable(api));
    let snippet = super::snippet::for_shell(Call { url: &url, variable: &variable, place: &place });
    Zeroizing::new(snippet.code.replace(&format!("${variable}"), key))
}

/// The environment variable that code reads the key from.
pub(crate) fn variable(api: &Api) -> String {
    writing::variable(&api.labels.title)
}

/// A header before a query: addresses are written down in more places.
fn first_place(api: &Api) -> Place {
    let carriers = &api.credentials.carriers;
    let header = carriers.iter().find(|carrier| !matches!(carrier, Carrier::Query(_) | Carrier::Subprotocol(_)));
    header.or(carriers.first()).map_or_else(Place::bearer, Place::of)
}

/// The path that the configuration names, or the first one that can be had with GET and needs a key.
fn sample(api: &Api) -> String {
    if let Some(path) = &api.docs.sample {
        return path.as_str().to_owned();
    }
    let needs_a_key = |path: &String| {
        let route = RequestPath::parse(path).ok().and_then(|path| api.routes.find(&Method::GET, &path).ok());
        route.is_some_and(|route| matches!(route.access, Access::Key(_)))
    };
    let of_rules = api.routes.rules().filter(|(methods, _, route)| {
        methods.cover(&Method::GET) && route.target == Target::Upstream && matches!(route.access, Access::Key(_))
    });
    let mut paths = of_rules.filter_map(|(_, pattern, _)| {
        let path = pattern.as_str().strip_suffix("/*").unwrap_or(pattern.as_str());
        let path = if path.is_empty() { "/" } else { path };
        path.parse::<SamplePath>().ok().map(|path| path.as_str().to_owned()).filter(needs_a_key)
    });
    let below = || api.path_prefix.as_ref().map_or("/", |prefix| prefix.as_str()).to_owned();
    paths.next().unwrap_or_else(below)
}
