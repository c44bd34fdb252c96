//! How keys manage keys over HTTP.

mod faults;

use bitting_core::api::Api;
use bitting_core::limit::{LimitScope, Plan};
use bitting_core::rights::Need;
use bitting_core::route::{Access, Target};
use bitting_core::time::Timestamp;
use serde_json::{Map, Value, json};

use super::refusal::grouped;
use super::snippet::{Call, Request, Snippet, request};
use super::subject::Subject;
use super::text::Text;
use super::{Block, Section, Table, rights};
use crate::management::sample_of_keys as sample;
use crate::page;

/// The section's heading.
pub(super) const TITLE: &str = "Manage keys over HTTP";

/// `None` if keys do not manage keys.
pub(super) fn section(subject: &Subject<'_>) -> Option<Section> {
    let base = subject.api.management_path.as_deref()?;
    let (read, write) = needs(subject.api)?;
    let desk = Desk { subject, base };
    let mut blocks = vec![Block::Paragraph(who_may(subject, read, write))];
    blocks.extend(desk.create());
    blocks.extend(desk.list());
    blocks.extend(desk.show());
    blocks.extend(desk.update());
    blocks.extend(desk.rotate());
    blocks.extend(desk.revoke());
    blocks.push(Block::Heading("When it is refused".to_owned()));
    blocks.push(Block::Paragraph(Text::say(
        "Beside the errors of every call there are these. What is said in them is about the one request; these are examples.",
    )));
    blocks.push(Block::Refusals(grouped(faults::of_management(subject))));
    Some(Section::new(TITLE, blocks))
}

/// What reading keys needs, and changing them.
fn needs(api: &Api) -> Option<(&Need, &Need)> {
    let mut rules = api.routes.rules().filter(|(_, _, route)| route.target == Target::Management);
    let mut next = || match rules.next() {
        Some((_, _, route)) => {
            if let Access::Key(need) = &route.access {
                Some(need)
            } else {
                None
            }
        }
        None => None,
    };
    Some((next()?, next()?))
}

fn who_may(subject: &Subject<'_>, read: &Need, write: &Need) -> Text {
    let catalogue = &subject.api.catalogue;
    Text::paragraph([
        Text::say("A key with ")
            .then(rights::rights(read, catalogue))
            .and(" lists keys; one with ")
            .then(rights::rights(write, catalogue))
            .and(" makes, changes, rotates and revokes them."),
        Text::say("It sees the keys of its own account and environment; all others are not there for it."),
        Text::say(
            "It makes and changes none that exceeds it, in rights, networks, end or limits, but may revoke any that it sees.",
        ),
    ])
}

/// Where keys are managed, and what is asked there.
struct Desk<'d, 'a> {
    subject: &'d Subject<'a>,
    base: &'d str,
}

impl Desk<'_, '_> {
    fn request(&self, method: &str, below: &str, body: Option<&Value>) -> Block {
        let url = format!("{}{}{below}", self.subject.base, self.base);
        let call = Call { url: &url, ..self.subject.call() };
        Block::Code(request(&Request { method, call, body: body.map(Value::to_string) }))
    }

    fn create(&self) -> Vec<Block> {
        let api = self.subject.api;
        let end = api.policy.max_lifetime.is_none().then(|| Timestamp::from_millis(sample::END_MS));
        let mut body = Map::from_iter([("name".to_owned(), json!(sample::NAME))]);
        if let Some(role) = &api.new_key.role {
            body.insert("role".to_owned(), json!(role));
        }
        if !api.new_key.permissions.is_empty() {
            body.insert("permissions".to_owned(), json!(api.new_key.permissions));
        }
        if api.policy.addresses_required {
            body.insert("allowed_addresses".to_owned(), json!(["192.0.2.0/24"]));
        }
        if let Some(end) = end {
            body.insert("expires_at".to_owned(), json!(end));
        }
        vec![
            Block::Heading("Create a key".to_owned()),
            self.request("POST", "", Some(&Value::from(body))),
            Block::Code(Snippet::new("Answer, 201", "json", sample::created(api, end))),
            Block::Paragraph(Text::say(
                "`key` is the key itself, this once. With an `Idempotency-Key` header, the same request sent again within a day \
                 makes no second key: the answer is the first one, with `\"key\": null` and `Idempotency-Replayed: true`.",
            )),
            Block::Table(Table::new(["Field", "What it says"], fields(api))),
        ]
    }

    fn list(&self) -> Vec<Block> {
        let (usual, most) = (page::USUAL, page::MOST);
        let pages = format!(
            "Newest first, {usual} at a time, or up to {most} with `limit`; `next_cursor` is the `cursor` of the next page. Filters \
             are `status`, `created_by`, `permission`, and the beginning of a `name` or a `prefix`. Revoked keys are listed \
             with `status=revoked` only."
        );
        vec![
            Block::Heading("List keys".to_owned()),
            self.request("GET", "", None),
            Block::Code(Snippet::new("Answer", "json", sample::listed(self.subject.api))),
            Block::Paragraph(Text::say(&pages)),
        ]
    }

    fn show(&self) -> Vec<Block> {
        let text = "It adds what the key was used for, by days and months of UTC:";
        vec![
            Block::Heading("Show a key".to_owned()),
            self.request("GET", &below(""), None),
            Block::Paragraph(Text::say(text)),
            Block::Code(Snippet::new("Answer", "json", sample::shown(self.subject.api))),
        ]
    }

    fn update(&self) -> Vec<Block> {
        let end = Timestamp::from_millis(sample::END_MS);
        let body = match self.subject.api.policy.max_lifetime {
            None => json!({ "name": "Production App (updated)", "expires_at": end }),
            Some(_) => json!({ "name": "Production App (updated)" }),
        };
        vec![
            Block::Heading("Change or extend a key".to_owned()),
            self.request("PATCH", &below(""), Some(&body)),
            Block::Paragraph(Text::say(
                "What is left out stays, and null removes what can be absent. The next request with the key feels it. With \
                 `If-Match` and the `ETag` of an answer, nothing is changed if somebody else has changed the key since.",
            )),
        ]
    }

    fn rotate(&self) -> Vec<Block> {
        vec![
            Block::Heading("Rotate a key".to_owned()),
            self.request("POST", &below("/rotate"), Some(&json!({ "overlap": "24h" }))),
            Block::Paragraph(Text::say(
                "The answer, 201, is a new key with the name and the rights of the old one, which goes on working for the \
                 `overlap`. Without one it ends at once.",
            )),
        ]
    }

    fn revoke(&self) -> Vec<Block> {
        vec![
            Block::Heading("Revoke a key".to_owned()),
            self.request("DELETE", &below(""), None),
            Block::Paragraph(Text::say(
                "The answer, 200, is the key as it ended, and the next request with it is refused. With `?descendants=true` the \
                 keys that it has made end too.",
            )),
        ]
    }
}

fn below(rest: &str) -> String {
    format!("/{}{rest}", sample::ID)
}

/// What can be said of a new key, as far as the API has it.
fn fields(api: &Api) -> Vec<[Text; 2]> {
    let own_limit = api.plans.iter().flat_map(Plan::limits).find(|limit| limit.scope == LimitScope::Key);
    let catalogue = &api.catalogue;
    let field = |name: &str, words: &str| Some([Text::of_code(name), Text::say(words)]);
    let only = |is_there: bool, name: &str, words: &str| if is_there { field(name, words) } else { None };
    let all = [
        field("name", "What will use the key. It must be there."),
        field("description", "What it is for."),
        only(!catalogue.roles().is_empty(), "role", "One of the roles."),
        only(!catalogue.permissions().is_empty(), "permissions", "A list of permissions."),
        only(!catalogue.capabilities().is_empty(), "capabilities", "A list of capabilities to switch on."),
        field("allowed_addresses", "Networks that it may be used from, as in `[\"192.0.2.0/24\"]`."),
        own_limit
            .and_then(|limit| field("limits", &format!("Numbers of its own for limits, as in `{{\"{}\": 50}}`.", limit.name))),
        field("metadata", "Notes of your own, as an object."),
        field("expires_at", "When it ends, as in `2099-12-31T23:59:59Z`."),
    ];
    all.into_iter().flatten().collect()
}
