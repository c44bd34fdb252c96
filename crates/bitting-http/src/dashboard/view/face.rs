//! The face of a key: what it is recognised by wherever it stands.

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::api::Api;
use bitting_store::KeyRow;

use super::Cuts;

/// A key's cuts, its prefix with the common part quiet and the telling part in ink, and its environment.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/face.html")]
pub(crate) struct KeyFace {
    cuts: Cuts,
    /// What all keys of the environment begin with.
    common: String,
    /// What this key goes on with.
    telling: String,
    environment: Environment,
}

impl HtmlSafe for KeyFace {}

/// An environment's badge.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "dashboard/part/environment.html")]
pub(crate) struct Environment {
    name: String,
    is_live: bool,
}

impl HtmlSafe for Environment {}

impl KeyFace {
    /// That of a key of an API.
    pub(crate) fn of(row: &KeyRow, api: &Api) -> Self {
        let known = api.format.environments().iter().flat_map(|environment| &environment.prefixes);
        let common = known.filter(|prefix| row.prefix.starts_with(&***prefix)).map(|prefix| prefix.len()).max().unwrap_or(0);
        let (common, telling) = row.prefix.split_at(common);
        Self {
            cuts: Cuts::of(row.id),
            common: common.to_owned(),
            telling: telling.to_owned(),
            environment: Environment::of(&row.environment, api),
        }
    }

    /// Its environment alone.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Its cuts and prefix, where the environment stands elsewhere.
    pub(crate) fn key(&self) -> BareFace<'_> {
        BareFace { face: self }
    }
}

/// A key's face without its environment.
#[derive(Debug, Template)]
#[template(path = "dashboard/part/bare_face.html")]
pub(crate) struct BareFace<'f> {
    face: &'f KeyFace,
}

impl HtmlSafe for BareFace<'_> {}

impl Environment {
    /// That of an API. One is live, with real data behind it: the one that is called so, or the first where none is.
    pub(crate) fn of(name: &str, api: &Api) -> Self {
        let is_called_live = |name: &str| ["live", "prod", "production"].contains(&name);
        let is_live = match api.environments.iter().find(|environment| is_called_live(&environment.name)) {
            Some(_) => is_called_live(name),
            None => api.environments.first().is_some_and(|first| *first.name == *name),
        };
        Self { name: name.to_owned(), is_live }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether real data stands behind it.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }
}
