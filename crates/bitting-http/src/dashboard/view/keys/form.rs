//! The form for a key: in the dialog over the list, as a page of its own, and for changing a key.

use askama::Template;
use askama::filters::HtmlSafe;
use bitting_core::api::Api;
use bitting_core::limit::Limit;
use bitting_core::rights::PermissionSpec;

use crate::dashboard::keys::{Access, Bounds, Expiry, FieldErrors, KeyDraft, Preset, lasting, limit_field};
use crate::dashboard::view::rights::{capitalised, resource};
use crate::dashboard::view::{Environment, Frame, Moment, Place, limit_words};
use crate::docs::pace_words;

/// What the form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormPurpose {
    /// A new key.
    Create {
        /// What makes a double submission one.
        once: String,
        /// The accounts to choose from, by id and name, where whoever asks runs the API; `None` where the account is their own.
        accounts: Option<Vec<(String, String)>>,
    },
    /// Other values for a key, as somebody has seen it.
    Edit {
        /// The state that they have seen, which the change must find again.
        sequence: u64,
    },
}

/// The fields of the form, as the API has them.
#[derive(Template)]
#[template(path = "dashboard/keys/form.html", whitespace = "minimize")]
pub(crate) struct KeyForm {
    /// Where it is sent.
    action: String,
    /// Where Cancel leads.
    back: String,
    csrf: String,
    purpose: FormPurpose,
    draft: KeyDraft,
    errors: FieldErrors,
    title: String,
    button: String,
    key_name: String,
    environments: Vec<EnvironmentChoice>,
    roles: Vec<RoleChoice>,
    presets: Vec<Preset>,
    groups: Vec<Group>,
    expiries: Vec<ExpiryChoice>,
    /// How it ends now, where a key is changed.
    kept_end: String,
    may_be_never: bool,
    first_date: String,
    limits: Vec<LimitChoice>,
    plan: String,
    addresses_required: bool,
    may_exceed: bool,
    /// How it renews itself, where that is to choose.
    renewal: Option<String>,
}

impl HtmlSafe for KeyForm {}

struct EnvironmentChoice {
    badge: Environment,
    label: String,
    prefix: String,
    /// What it is for, where the configuration says it.
    purpose: String,
}

struct RoleChoice {
    name: String,
    label: String,
    description: String,
}

/// The permissions of one resource.
struct Group {
    label: String,
    permissions: Vec<PermissionChoice>,
    /// Whether these are patterns and aliases, which can do more than they say.
    is_dangerous: bool,
}

struct PermissionChoice {
    name: String,
    description: String,
}

struct ExpiryChoice {
    value: String,
    label: String,
    date: Moment,
}

struct LimitChoice {
    field: String,
    name: String,
    per: String,
    value: String,
}

/// The form as a page of its own: without script, after a mistake, and for changing a key.
#[derive(Template)]
#[template(path = "dashboard/keys/form_page.html", whitespace = "minimize")]
pub(crate) struct KeyFormPage {
    frame: Frame,
    heading: String,
    title: String,
    keys: String,
    key_page: Option<(String, String)>,
    form: KeyForm,
}

impl KeyForm {
    /// The form with what was typed and what is wrong with it. `action` is where it is sent, `back` where it is given up.
    pub(crate) fn new(
        bounds: Bounds<'_>,
        (draft, errors): (KeyDraft, FieldErrors),
        purpose: FormPurpose,
        (action, back): (String, String),
        csrf: &str,
    ) -> Self {
        let Bounds { api, plan, now, row, may_exceed } = bounds;
        let own = row.into_iter().flat_map(|row| row.limits.keys());
        let limits = plan.by_scope().0.iter().map(|limit| LimitChoice::of(limit, &draft));
        // A number for a limit of another plan stays, and can be taken away.
        let foreign = own.filter(|name| !plan.by_scope().0.iter().any(|limit| *limit.name == ***name));
        let limits = limits.chain(foreign.map(|name| LimitChoice::named(name, String::new(), &draft))).collect();
        let button = match purpose {
            FormPurpose::Create { .. } => api.labels.create_key.to_string(),
            FormPurpose::Edit { .. } => "Save changes".to_owned(),
        };
        Self {
            action,
            back,
            csrf: csrf.to_owned(),
            purpose,
            errors,
            title: api.labels.title.to_string(),
            button,
            key_name: api.labels.key_name.to_string(),
            environments: environments(api),
            roles: roles(api, &draft),
            presets: Preset::all(api),
            groups: groups(api, &draft),
            expiries: Expiry::offered(&api.policy)
                .into_iter()
                .map(|time| ExpiryChoice {
                    value: Expiry::In(time).value(),
                    label: format!("In {}", lasting(time)),
                    date: Moment::end(now.plus(time), now),
                })
                .collect(),
            kept_end: row
                .and_then(|row| row.expires_at)
                .map_or("Never".to_owned(), |end| Moment::end(end, now).words().to_owned()),
            may_be_never: Expiry::may_be_never(&api.policy),
            first_date: Moment::date_field(now),
            limits,
            plan: plan_words(plan.by_scope().0, &plan.name),
            may_exceed,
            renewal: renewal_words(bounds),
            addresses_required: api.policy.addresses_required,
            draft,
        }
    }

    /// Whether something is wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The environment that is chosen first.
    pub(crate) fn first_environment(&self) -> String {
        self.draft.environment.clone()
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.get(field)
    }

    /// Which field has the cursor first: the first that is wrong, or the name of a new key.
    fn focuses(&self, field: &str) -> bool {
        let wrong = ["account", "name", "description", "addresses"].into_iter().find(|field| self.error(field).is_some());
        wrong.or((self.is_new() && !self.is_wrong()).then_some("name")) == Some(field)
    }

    fn is_new(&self) -> bool {
        matches!(self.purpose, FormPurpose::Create { .. })
    }

    fn is_ticked(&self, permission: &str) -> bool {
        self.draft.permissions.iter().any(|name| name == permission)
    }

    fn is_expiry(&self, value: &str) -> bool {
        self.draft.expiry.value() == value
    }

    fn has_addresses(&self) -> bool {
        !self.draft.addresses.is_empty() || self.addresses_required
    }

    /// What differs from what most keys have is not folded away.
    fn is_unfolded(&self) -> bool {
        let fields = ["limits", "addresses", "description"];
        !self.is_new()
            || self.draft.has_limits
            || self.has_addresses()
            || fields.iter().any(|field| self.error(field).is_some())
    }
}

impl LimitChoice {
    fn of(limit: &Limit, draft: &KeyDraft) -> Self {
        Self::named(&limit.name, pace_words(&limit.pace), draft)
    }

    fn named(name: &str, per: String, draft: &KeyDraft) -> Self {
        let value = draft.limits.get(name).cloned().unwrap_or_default();
        Self { field: limit_field(name), name: name.to_owned(), per, value }
    }
}

impl KeyFormPage {
    /// The page for a new key.
    pub(crate) fn create(frame: Frame, keys: String, form: KeyForm) -> Self {
        Self::new(frame, "Create a key".to_owned(), keys, None, form)
    }

    /// The page that changes a key of this name.
    pub(crate) fn edit(frame: Frame, keys: String, (name, page): (String, String), form: KeyForm) -> Self {
        Self::new(frame, format!("Edit {name}"), keys, Some((name, page)), form)
    }

    fn new(frame: Frame, heading: String, keys: String, key_page: Option<(String, String)>, form: KeyForm) -> Self {
        let title = if form.is_wrong() { format!("Not yet: {heading}") } else { heading.clone() };
        Self { frame: frame.at(Place::Keys), heading, title, keys, key_page, form }
    }

    fn wrong(&self) -> String {
        if let Some(whole) = self.form.error(FieldErrors::WHOLE) {
            return whole.to_owned();
        }
        let fields = self.form.errors.fields();
        if fields == 1 {
            "One field needs another look. Nothing that you typed is lost.".to_owned()
        } else {
            format!("{fields} fields need another look. Nothing that you typed is lost.")
        }
    }
}

/// What is said beside the box, where the account's plan lets keys renew themselves, or this one says that it does.
fn renewal_words(bounds: Bounds<'_>) -> Option<String> {
    let Bounds { api, plan, row, .. } = bounds;
    if plan.renews_keys() {
        let lead = lasting(api.lifecycle.renew_before);
        return Some(format!("For as long again, {lead} before its end, or a tenth of a short life before."));
    }
    row.filter(|row| row.auto_renew).map(|_| "Not on the present plan.".to_owned())
}

fn environments(api: &Api) -> Vec<EnvironmentChoice> {
    let prefixes = api.format.environments();
    let choice = |environment: &bitting_core::api::Environment| {
        let prefix =
            prefixes.iter().find(|known| known.environment == environment.name).and_then(|known| known.prefixes.first());
        EnvironmentChoice {
            badge: Environment::of(&environment.name, api),
            label: capitalised(&environment.name),
            prefix: prefix.map_or_else(String::new, ToString::to_string),
            purpose: api
                .docs
                .environments
                .iter()
                .find(|(name, _)| *name == environment.name)
                .map_or("", |(_, purpose)| purpose)
                .to_owned(),
        }
    };
    let mut choices: Vec<EnvironmentChoice> = api.environments.iter().map(choice).collect();
    // The one in which a mistake costs less stands first.
    choices.sort_by_key(|choice| choice.badge.is_live());
    choices
}

fn roles(api: &Api, draft: &KeyDraft) -> Vec<RoleChoice> {
    let described = |role: &bitting_core::rights::RoleSpec| {
        if !role.description.is_empty() {
            return role.description.to_string();
        }
        let includes: Vec<String> = role.includes.iter().map(ToString::to_string).collect();
        if includes.is_empty() { String::new() } else { format!("Also whatever {} may do", includes.join(" and ")) }
    };
    let choice = |role: &bitting_core::rights::RoleSpec| RoleChoice {
        name: role.name.to_string(),
        label: capitalised(&role.name),
        description: described(role),
    };
    let known = api.catalogue.roles();
    let mut choices: Vec<RoleChoice> = known.iter().map(choice).collect();
    if !draft.role.is_empty() && !known.iter().any(|role| *role.name == *draft.role) {
        let description = "No longer declared: it grants nothing".to_owned();
        choices.push(RoleChoice { name: draft.role.clone(), label: capitalised(&draft.role), description });
    }
    choices
}

fn groups(api: &Api, draft: &KeyDraft) -> Vec<Group> {
    let declared = api.catalogue.permissions();
    let choice = |spec: &PermissionSpec| PermissionChoice {
        name: spec.name.as_str().to_owned(),
        description: spec.description.to_string(),
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut dangerous = Vec::new();
    for spec in declared {
        if !spec.means.is_empty() || spec.name.is_pattern() {
            dangerous.push(choice(spec));
            continue;
        }
        let label = capitalised(resource(&spec.name));
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.permissions.push(choice(spec)),
            None => groups.push(Group { label, permissions: vec![choice(spec)], is_dangerous: false }),
        }
    }
    if !dangerous.is_empty() {
        groups.push(Group { label: "Everything".to_owned(), permissions: dangerous, is_dangerous: true });
    }
    let is_shown = |name: &String| declared.iter().any(|spec| spec.name.as_str() == name);
    let held = draft.permissions.iter().filter(|name| !declared.is_empty() && !is_shown(name));
    let others: Vec<PermissionChoice> =
        held.map(|name| PermissionChoice { name: name.clone(), description: "As this key has it".to_owned() }).collect();
    if !others.is_empty() {
        groups.push(Group { label: "Other".to_owned(), permissions: others, is_dangerous: false });
    }
    groups
}

/// What a plan allows, in words.
fn plan_words(limits: &[Limit], plan: &str) -> String {
    let each: Vec<String> = limits.iter().map(limit_words).collect();
    let all = each.join(", ");
    if plan == "default" { all } else { format!("{}: {all}", capitalised(plan)) }
}
