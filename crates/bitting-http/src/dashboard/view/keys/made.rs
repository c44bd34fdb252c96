//! The page that shows a key, once.

use askama::Template;
use bitting_core::api::Api;
use bitting_core::key::PlaintextKey;
use bitting_core::limit::{Limit, Plan};
use bitting_core::time::Timestamp;
use bitting_store::KeyRow;
use zeroize::Zeroizing;

use crate::dashboard::view::cuts::WholeKey;
use crate::dashboard::view::sample::Sample;
use crate::dashboard::view::{ApiLinks, Cuts, Environment, Frame, Moment, Place, RightsSummary, ahead, limit_of};
use crate::docs;

/// The page. It holds a key, so it does not print itself, and what it holds is wiped when it is dropped.
#[derive(Template)]
#[template(path = "dashboard/keys/made.html", whitespace = "minimize")]
pub(crate) struct MadePage {
    frame: Frame,
    keys: String,
    key_page: String,
    /// Where the script asks whether the key was used.
    live: String,
    name: String,
    cuts: WholeKey,
    /// The prefix, and then four characters each: groups for the eye.
    groups: Vec<Zeroizing<String>>,
    variable: Zeroizing<String>,
    sample: Sample,
    environment: Environment,
    rights: Option<RightsSummary>,
    permissions: Vec<String>,
    limits: Vec<String>,
    end: Option<Moment>,
    end_note: String,
    /// What becomes of the key that this one replaces.
    old: Option<OldKey>,
}

/// The key that was rotated.
struct OldKey {
    href: String,
    name: String,
    /// When it ends; `None` if it has ended.
    ends: Option<Moment>,
}

impl MadePage {
    /// The page for a key that was made just now; `old` is the key that it replaces.
    pub(crate) fn new(
        frame: Frame,
        (api, plan): (&Api, &Plan),
        (key, row): (&PlaintextKey, &KeyRow),
        old: Option<&KeyRow>,
        now: Timestamp,
    ) -> Self {
        let links = ApiLinks::new(&api.name);
        let text = key.expose();
        let body = text.len().saturating_sub(api.format.body_length());
        let (prefix, rest) = text.split_at_checked(body).unwrap_or(("", text));
        let groups = rest.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned());
        let groups = std::iter::once(prefix.to_owned()).chain(groups).filter(|group| !group.is_empty());
        let own = |limit: &Limit| {
            let allowed = row.limits.get(&*limit.name).copied().unwrap_or(limit.allowed);
            limit_of(limit, allowed)
        };
        let limits = plan.by_scope().0.iter().map(own).collect();
        let old = old.map(|old| OldKey {
            href: links.key(old.id),
            name: old.name.clone(),
            ends: old.expires_at.filter(|_| old.revoked_at.is_none()).map(Moment::full),
        });
        Self {
            frame: frame.at(Place::Keys),
            keys: links.keys(),
            key_page: links.key(row.id),
            live: links.key_action(row.id, "live"),
            name: row.name.clone(),
            cuts: Cuts::of(row.id).whole(),
            groups: groups.map(Zeroizing::new).collect(),
            variable: Zeroizing::new(format!("{}={text}", docs::variable(api))),
            sample: Sample::new(api, text, Some(row)),
            environment: Environment::of(&row.environment, api),
            rights: RightsSummary::of(row, api),
            permissions: row.permissions.iter().map(|name| name.as_str().to_owned()).collect(),
            limits,
            end: row.expires_at.map(|end| Moment::end(end, now)),
            end_note: row.expires_at.map_or_else(String::new, |end| ahead(end, now)),
            old,
        }
    }
}
