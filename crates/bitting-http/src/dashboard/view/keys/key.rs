//! The page of one key.

use askama::Template;
use bitting_core::api::Api;
use bitting_core::time::Timestamp;
use bitting_store::{Ages, KeyRow, LastUse};

use super::action::{ActionForm, ActionOn, KeyAction};
use crate::dashboard::keys::FieldErrors;
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
        let KeyPageParts { api, row, last_use, now, actors, .. } = parts;
        let links = ApiLinks::new(&api.name);
        let face = KeyFace::of(row, api);
        let used_at = last_use.map(|last| last.at);
        let standing = Standing::of(row, used_at, parts.is_account_enabled, parts.ages, now);
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
            sentence: standing.sentence(&row.environment, now),
            done: parts.done,
            edit: links.key_action(row.id, "edit"),
            csv: (csv("24h"), csv("30d")),
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
            Standing::Expiring { .. } => ("#extend", "Extend it"),
            Standing::Unused { .. } => ("#revoke", "Revoke it"),
            Standing::Replaced { .. } => ("#revoke", "End it now"),
            _ => return None,
        };
        self.may_change.then_some(step)
    }

    fn is_warning(&self) -> bool {
        matches!(self.standing, Standing::Overdue { .. } | Standing::Expiring { .. })
    }

    fn is_revoked(&self) -> bool {
        matches!(self.standing, Standing::Revoked { .. })
    }

    fn can_rotate(&self) -> bool {
        self.actions.iter().any(|action| action.id == "rotate")
    }
}
