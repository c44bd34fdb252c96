//! The page of one key.

use std::time::Duration;

use askama::Template;
use bitting_core::api::Api;
use bitting_core::key::KeyId;
use bitting_core::time::Timestamp;
use bitting_engine::NotRenewed;
use bitting_store::{Ages, KeyRow, KeyStatus, LastUse};

use super::action::{ActionForm, ActionOn, KeyAction};
use crate::dashboard::keys::{FieldErrors, lasting};
use crate::dashboard::view::gauge::Gauge;
use crate::dashboard::view::links::with_query;
use crate::dashboard::view::refusal::{Refusal, RefusalLine};
use crate::dashboard::view::rights::capitalised;
use crate::dashboard::view::standing::made_at;
use crate::dashboard::view::{
    Actors, ApiLinks, Chart, Frame, KeyFace, Moment, Place, RightsSummary, Standing, Status, ago, ahead, limit_of, thousands,
};

/// What is known of a key.
pub(crate) struct KeyPageParts<'a> {
    pub(crate) api: &'a Api,
    pub(crate) row: &'a KeyRow,
    pub(crate) last_use: Option<&'a LastUse>,
    pub(crate) is_account_enabled: bool,
    /// The account's name, for those who see several.
    pub(crate) account: Option<String>,
    pub(crate) actors: &'a Actors,
    /// Requests that were let through since midnight and since the first of the month, UTC.
    pub(crate) today: u64,
    pub(crate) month: u64,
    pub(crate) hours: Chart,
    pub(crate) days: Chart,
    pub(crate) refusals: Vec<Refusal>,
    /// What is left of its limits, in the plan's order.
    pub(crate) gauges: Vec<Gauge>,
    /// The plan's name.
    pub(crate) plan: String,
    /// Whether whoever asks may change it.
    pub(crate) may_change: bool,
    /// Whether whoever asks may see who changed it.
    pub(crate) may_see_history: bool,
    /// What makes a double rotation one.
    pub(crate) once: &'a str,
    /// What was done just now, to be said once: "Saved."
    pub(crate) done: Option<String>,
    /// When keys ask for a decision.
    pub(crate) ages: &'a Ages,
    /// The key that it was rotated into or from, and when that was used last.
    pub(crate) partner: Option<(&'a KeyRow, Option<&'a LastUse>)>,
    /// When it renews itself, or why not, where some plan lets keys do so.
    pub(crate) renewal: Option<Result<Timestamp, NotRenewed>>,
    pub(crate) now: Timestamp,
}

/// The page.
#[derive(Template)]
#[template(path = "dashboard/keys/key.html", whitespace = "minimize")]
pub(crate) struct KeyPage {
    frame: Frame,
    keys: String,
    id: String,
    name: String,
    description: String,
    face: KeyFace,
    standing: Standing,
    sentence: Option<String>,
    done: Option<String>,
    edit: String,
    csv: (String, String),
    /// What happened to it.
    events: String,
    history: Option<String>,
    account: Option<(String, String)>,
    used: Option<(Moment, String)>,
    today: String,
    month: String,
    month_since: String,
    end: Option<Moment>,
    end_note: String,
    hours: Chart,
    days: Chart,
    refusals: Vec<RefusalLine>,
    gauges: Vec<Gauge>,
    plan: String,
    rights: Option<RightsSummary>,
    permissions: Vec<String>,
    addresses: Vec<String>,
    own_limits: Vec<String>,
    switches: Vec<Switch>,
    switch_action: String,
    made: Moment,
    maker: String,
    changed: Option<Moment>,
    /// The key that it was rotated into, and when; the key that it was rotated from.
    successor: Option<(String, Moment)>,
    predecessor: Option<(String, Moment)>,
    /// What is said of the old key while it still works, and its page.
    old_key: Option<(String, String)>,
    /// Whether it renews itself, and what is to say of that.
    renewal: Option<(&'static str, String)>,
    docs_limits: Option<String>,
    actions: Vec<ActionForm>,
    may_change: bool,
}

struct Switch {
    name: String,
    label: String,
    is_on: bool,
}

impl KeyPage {
    pub(crate) fn new(frame: Frame, parts: KeyPageParts<'_>) -> Self {
        let old_key = old_key(&parts);
        let KeyPageParts { api, row, last_use, now, actors, .. } = parts;
        let links = ApiLinks::new(&api.name);
        let face = KeyFace::of(row, api);
        let used_at = last_use.map(|last| last.at);
        let standing = Standing::of(row, used_at, parts.is_account_enabled, parts.ages, now);
        let sentence = sentence(&parts, standing);
        let may_change = parts.may_change && standing.is_open();
        let on = ActionOn { api, row, last_use, csrf: &frame.csrf, now };
        let form = |action| ActionForm::new(action, on, "#", &FieldErrors::default());
        let mut actions = Vec::new();
        if may_change {
            // What was rotated is rotated once, and its successor can be.
            if row.replaced_by.is_none() {
                actions.push(form(KeyAction::Rotate { once: parts.once }));
            }
            actions.push(form(KeyAction::Extend));
            actions.push(form(KeyAction::Revoke));
        }
        let csv = |range| {
            let id = row.id.to_string();
            with_query(&links.usage_csv(), &[("key", Some(&*id)), ("range", Some(range))])
        };
        let subject = row.id.to_string();
        let history = with_query(&links.audit_log(), &[("subject", Some(&*subject))]);
        let end_note = match row.expires_at {
            Some(end) if end > now => ahead(end, now),
            Some(end) => ago(end, now),
            None => String::new(),
        };
        let address = |last: &LastUse| last.address.map_or_else(String::new, |address| address.to_string());
        let switch = |known: &bitting_core::rights::CapabilitySpec| Switch {
            name: known.name.to_string(),
            label: known.label.to_string(),
            is_on: row.capabilities.iter().any(|on| **on == *known.name),
        };
        let plan = api.plans.named(&parts.plan).unwrap_or_else(|| api.plans.fallback());
        let own_limit = |name: &str, number: u64| match plan.limits().iter().find(|limit| *limit.name == *name) {
            Some(limit) => limit_of(limit, number),
            // The plan that had it is gone.
            None => format!("{} in {name}", thousands(number)),
        };
        let refused = |refusal: &Refusal| {
            let line = RefusalLine::of_key(refusal, row.id, &links, now);
            // What has ended is not cured any more.
            if may_change { line } else { RefusalLine { cure: None, ..line } }
        };
        Self {
            keys: links.keys(),
            id: row.id.to_string(),
            name: row.name.clone(),
            description: row.description.clone(),
            sentence,
            done: parts.done,
            edit: links.key_action(row.id, "edit"),
            csv: (csv("24h"), csv("30d")),
            events: with_query(&links.events(), &[("key", Some(&*subject))]),
            history: parts.may_see_history.then_some(history),
            account: parts.account.map(|name| (name, links.account(&row.account))),
            used: last_use.map(|last| (Moment::ago_briefly(last.at, now), address(last))),
            today: thousands(parts.today),
            month: thousands(parts.month),
            month_since: Moment::month_start(now),
            end: row.expires_at.map(|end| Moment::end(end, now)),
            end_note,
            hours: parts.hours,
            days: parts.days,
            refusals: parts.refusals.iter().map(refused).collect(),
            gauges: parts.gauges,
            plan: capitalised(&parts.plan),
            rights: RightsSummary::of(row, api),
            permissions: row.permissions.iter().map(|name| name.as_str().to_owned()).collect(),
            addresses: row.allowed_addresses.as_ref().map_or_else(Vec::new, crate::dashboard::keys::networks),
            own_limits: row.limits.iter().map(|(name, number)| own_limit(name, *number)).collect(),
            switches: api.catalogue.capabilities().iter().map(switch).collect(),
            switch_action: links.key_action(row.id, "switch"),
            made: Moment::day(row.created_at),
            maker: actors.say(&row.created_by),
            changed: (row.updated_at > row.created_at).then(|| Moment::day(row.updated_at)),
            successor: row.replaced_by.map(|id| (links.key(id), Moment::day(made_at(id)))),
            predecessor: row.replaces.map(|id| (links.key(id), Moment::day(row.created_at))),
            old_key: old_key.map(|(words, id)| (words, links.key(id))),
            renewal: parts.renewal.map(renewal_words),
            docs_limits: frame.docs.as_ref().map(|docs| format!("{docs}#limits")),
            frame: frame.at(Place::Keys),
            face,
            standing,
            actions,
            may_change,
        }
    }

    fn status(&self) -> Status {
        self.standing.status()
    }

    /// The step that cures what the notice tells of, where there is one and it may be taken.
    fn cure(&self) -> Option<(&'static str, &'static str)> {
        let step = match self.standing {
            Standing::Overdue { .. } => ("#rotate", "Rotate it"),
            // What renews itself needs nobody.
            Standing::Expiring { .. } if self.is_renewed() => return None,
            Standing::Expiring { .. } => ("#extend", "Extend it"),
            Standing::Unused { .. } => ("#revoke", "Revoke it"),
            Standing::Replaced { .. } => ("#revoke", "End overlap now"),
            _ => return None,
        };
        self.may_change.then_some(step)
    }

    fn is_warning(&self) -> bool {
        match self.standing {
            Standing::Overdue { .. } => true,
            Standing::Expiring { .. } => !self.is_renewed(),
            _ => false,
        }
    }

    fn is_renewed(&self) -> bool {
        matches!(self.renewal, Some(("Yes", _)))
    }

    fn is_revoked(&self) -> bool {
        matches!(self.standing, Standing::Revoked { .. })
    }

    fn can_rotate(&self) -> bool {
        self.actions.iter().any(|action| action.id == "rotate")
    }
}

/// What the page says first, where something is to be said.
fn sentence(parts: &KeyPageParts<'_>, standing: Standing) -> Option<String> {
    let (row, now) = (parts.row, parts.now);
    let said = standing.sentence(&row.environment, now)?;
    Some(match (standing, parts.renewal) {
        (Standing::Expiring { at }, Some(Ok(renews_at))) => {
            let (end, renewal) = (Moment::full(at), Moment::full(renews_at));
            format!("This key’s term ends {}, on {}. It renews itself on {}.", ahead(at, now), end.words(), renewal.words())
        }
        (Standing::Replaced { .. }, _) => {
            let new = match parts.partner {
                Some((_, Some(last))) => format!(" The new key was last used {}.", used(last, now)),
                Some((_, None)) => " The new key was not used yet.".to_owned(),
                None => String::new(),
            };
            let early = row.end_when_unused_for_s.map_or_else(String::new, |seconds| {
                let idle = lasting(Duration::from_secs(seconds));
                format!(" It ends sooner once the new key is used and nobody has used this one for {idle}.")
            });
            let old = parts.last_use.map_or_else(String::new, |last| format!(" Last use: {}.", used(last, now)));
            format!("{said}{old}{new}{early}")
        }
        _ => said,
    })
}

/// What is to say, on the page of a key, of the old key in whose place it came, while that still works.
fn old_key(parts: &KeyPageParts<'_>) -> Option<(String, KeyId)> {
    let (old, last_use) = parts.partner.filter(|(old, _)| parts.row.replaces == Some(old.id))?;
    let now = parts.now;
    if old.status(now) != KeyStatus::Active {
        return None;
    }
    let end = old.expires_at.map_or_else(String::new, |end| format!(" until {}", Moment::full(end).words()));
    let since = parts.row.created_at;
    let words = match last_use {
        Some(last) if last.at > since => format!("The old key still works{end}, and is still used: {}.", used(last, now)),
        Some(last) => format!("The old key still works{end}. Nothing has used it since: its last use was {}.", used(last, now)),
        None => format!("The old key still works{end}. It was never used."),
    };
    Some((words, old.id))
}

/// When and from where: "4 minutes ago from 203.0.113.5".
fn used(last: &LastUse, now: Timestamp) -> String {
    let from = last.address.map_or_else(String::new, |address| format!(" from {address}"));
    format!("{}{from}", ago(last.at, now))
}

fn renewal_words(renewal: Result<Timestamp, NotRenewed>) -> (&'static str, String) {
    match renewal {
        Ok(at) => ("Yes", format!("on {}, for as long again", Moment::day(at).words())),
        Err(NotRenewed::Off) => ("No", String::new()),
        Err(NotRenewed::Replaced) => ("No", "another key has taken its place".to_owned()),
        Err(NotRenewed::AccountDisabled) => ("No", "its account is suspended".to_owned()),
        Err(NotRenewed::Plan) => ("No", "the plan does not allow it".to_owned()),
    }
}
