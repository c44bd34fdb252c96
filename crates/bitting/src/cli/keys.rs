//! `bitting keys …`

use bitting_core::key::{KeyId, PlaintextKey};
use bitting_core::rights::Permission;
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Issued, KeySpec, ServedApi, WallClock};
use bitting_store::{Change, KeyCursor, KeyFilter, KeyPatch, KeyRow, KeyStatus, Page, StatusFilter, SwitchPatch};
use serde_json::{Value, json};

use super::context::{Context, addresses, metadata, when};
use super::options::{CreateKey, KeysCommand, ListKeys, RotateKey, Shared, Status, UpdateKey};
use super::output::{facts, note, say, say_json, say_once, table, to_json};
use super::{export, import};
use crate::failure::{Failure, FailureKind};
use crate::owner::Done;

/// Runs one of the commands.
pub(super) async fn run(command: KeysCommand, shared: &Shared) -> Result<(), Failure> {
    let context = Context::new(shared).await?;
    match command {
        KeysCommand::Create(options) => create(&context, options, shared.json).await,
        KeysCommand::List(options) => list(&context, options, shared.json).await,
        KeysCommand::Show { api, key } => {
            let api = context.api(api.api.as_deref())?;
            show(&find(&context, &api, key).await?, shared.json)
        }
        KeysCommand::Update(options) => update(&context, *options, shared.json).await,
        KeysCommand::Rotate(options) => rotate(&context, options, shared.json).await,
        KeysCommand::Revoke { api, key } => {
            let api = context.api(api.api.as_deref())?.name.to_string();
            let done = context.owner.commit(Change::RevokeKey { api, key }).await?;
            show_changed(&done, shared.json)
        }
        KeysCommand::Import(options) => import::run(&context, options, shared.json).await,
        KeysCommand::Export { api, hashes } => export::keys(&context, &api, hashes).await,
    }
}

async fn create(context: &Context, options: CreateKey, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let now = WallClock.now();
    let spec = KeySpec {
        account: options.account,
        name: options.name,
        description: options.description,
        environment: options.environment,
        role: options.role,
        permissions: (!options.permissions.is_empty()).then_some(options.permissions),
        capabilities: options.capabilities,
        allowed_addresses: addresses(&options.addresses)?,
        metadata: metadata(&options.metadata)?,
        expires_at: when(&options.expires, now)?,
    };
    let Issued { key, change } = spec.issue(&api, now)?;
    let done = context.owner.commit(change).await.map_err(|failure| explain(failure, &api))?;
    show_issued(&key, &done, json)
}

async fn rotate(context: &Context, options: RotateKey, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let overlap = crate::duration::parse(&options.overlap)
        .map_err(|error| Failure::of(FailureKind::Refused, format!("overlap: {error}")))?;
    let now = WallClock.now();
    let expires_at = options.expires.as_deref().map(|text| when(text, now)).transpose()?;
    let old = find(context, &api, options.key).await?;
    let Issued { key, change } = Issued::successor(&api, &old, overlap, expires_at, now)?;
    let done = context.owner.commit(change).await?;
    if let (false, [_, old]) = (json, &done.keys[..]) {
        let ends = old.expires_at.filter(|_| old.revoked_at.is_none());
        note(&match ends {
            Some(end) => format!("the old key {} works until {end}", old.id),
            None => format!("the old key {} is revoked", old.id),
        });
    }
    show_issued(&key, &done, json)
}

async fn update(context: &Context, options: UpdateKey, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let permissions = options.permissions.iter().filter(|text| !text.is_empty()).map(|text| text.parse());
    let permissions: Result<Vec<Permission>, _> = permissions.collect();
    let permissions = permissions.map_err(|error| Failure::of(FailureKind::Refused, format!("permission: {error}")))?;
    let allowed = addresses(&options.addresses)?;
    let now = WallClock.now();
    let patch = KeyPatch {
        name: options.name,
        description: options.description,
        role: options.role.map(|role| Some(role).filter(|role| !role.is_empty())),
        permissions: (!options.permissions.is_empty()).then_some(permissions),
        capabilities: SwitchPatch { on: options.capabilities_on, off: options.capabilities_off },
        allowed_addresses: if options.any_address { Some(None) } else { allowed.map(Some) },
        metadata: (!options.metadata.is_empty()).then(|| metadata(&options.metadata)).transpose()?,
        enabled: (options.enable || options.disable).then_some(options.enable),
        expires_at: options.expires.as_deref().map(|text| when(text, now)).transpose()?,
    };
    if patch == KeyPatch::default() {
        return Err(Failure::of(
            FailureKind::Refused,
            "there is nothing to change\n`bitting keys update --help` lists what can be",
        ));
    }
    let change = Change::UpdateKey { api: api.name.to_string(), key: options.key, patch: Box::new(patch) };
    show_changed(&context.owner.commit(change).await?, json)
}

async fn list(context: &Context, options: ListKeys, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let now = WallClock.now();
    let status = options.status.map(|status| {
        let status = match status {
            Status::Active => KeyStatus::Active,
            Status::Disabled => KeyStatus::Disabled,
            Status::Expired => KeyStatus::Expired,
            Status::Revoked => KeyStatus::Revoked,
        };
        (StatusFilter::Is(status), now)
    });
    let filter = KeyFilter { account: options.account, environment: options.environment, status, ..KeyFilter::default() };
    let after = options.page.after.map(|id| KeyCursor { id, text: None });
    let page = Page { after, limit: options.page.limit };
    let rows = context.owner.keys(&api.name, filter, page).await?;
    if json {
        return say_json(&rows.iter().map(|row| view(row, now)).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        note("no keys");
        return Ok(());
    }
    let cells = |row: &KeyRow| {
        vec![
            row.id.to_string(),
            row.name.clone(),
            format!("{}...", row.prefix),
            row.account.to_string(),
            row.environment.clone(),
            row.status(now).name().to_owned(),
            row.created_at.to_string(),
            row.expires_at.map_or("never".to_owned(), |end| end.to_string()),
        ]
    };
    let head = ["KEY", "NAME", "PREFIX", "ACCOUNT", "ENVIRONMENT", "STATUS", "CREATED", "EXPIRES"];
    say(&table(&head, &rows.iter().map(cells).collect::<Vec<_>>()))?;
    if rows.len() == options.page.limit
        && let Some(last) = rows.last()
    {
        note(&format!("there may be more: --after {}", last.id));
    }
    Ok(())
}

async fn find(context: &Context, api: &ServedApi, id: KeyId) -> Result<KeyRow, Failure> {
    let row = context.owner.key(&api.name, id).await?;
    row.ok_or_else(|| Failure::of(FailureKind::NotFound, format!("{} has no key {id}", api.name)))
}

/// The key alone on standard output, so that it can be caught in a variable; everything else beside it.
fn show_issued(key: &PlaintextKey, done: &Done, json: bool) -> Result<(), Failure> {
    let Some(row) = done.keys.first() else { return Err(Failure::new("the store gave no key back")) };
    let now = row.created_at;
    let id = row.id;
    let lost = format!("the key {id} was made and cannot be shown again: revoke it and make another");
    if json {
        let mut view = view(row, now);
        view["key"] = Value::from(key.expose());
        return say_once(&to_json(&view)?, &lost);
    }
    note(&describe(row, now));
    note("This is the key. It is shown only now, so keep it somewhere safe.");
    say_once(key.expose(), &lost)
}

fn show_changed(done: &Done, json: bool) -> Result<(), Failure> {
    done.keys.first().map_or(Ok(()), |row| show(row, json))
}

fn show(row: &KeyRow, json: bool) -> Result<(), Failure> {
    let now = WallClock.now();
    if json {
        return say_json(&view(row, now));
    }
    say(&describe(row, now))
}

/// The row as programs see it, with its state in a word and its prefix as people know it.
fn view(row: &KeyRow, now: Timestamp) -> Value {
    let mut view = json!(row);
    view["prefix"] = Value::from(format!("{}...", row.prefix));
    view["status"] = Value::from(row.status(now).name());
    view
}

fn describe(row: &KeyRow, now: Timestamp) -> String {
    let joined = |texts: Vec<String>| texts.join(", ");
    let mut lines = vec![
        ("id", row.id.to_string()),
        ("api", row.api.clone()),
        ("name", row.name.clone()),
        ("description", row.description.clone()),
        ("prefix", format!("{}...", row.prefix)),
        ("account", row.account.to_string()),
        ("environment", row.environment.clone()),
        ("status", row.status(now).name().to_owned()),
        ("role", row.role.clone().unwrap_or_default()),
        ("permissions", joined(row.permissions.iter().map(ToString::to_string).collect())),
        ("capabilities", joined(row.capabilities.clone())),
        ("addresses", row.allowed_addresses.as_ref().map_or("anywhere".to_owned(), ToString::to_string)),
        ("created", format!("{} by {}", row.created_at, row.created_by)),
        ("expires", row.expires_at.map_or("never".to_owned(), |end| end.to_string())),
        ("revoked", row.revoked_at.map(|at| at.to_string()).unwrap_or_default()),
        ("replaced by", row.replaced_by.map(|id| id.to_string()).unwrap_or_default()),
        ("replaces", row.replaces.map(|id| id.to_string()).unwrap_or_default()),
    ];
    lines.retain(|(_, value)| !value.is_empty());
    facts(&lines)
}

/// An account that does not exist is the first thing that goes wrong for a newcomer.
fn explain(failure: Failure, api: &ServedApi) -> Failure {
    if failure.kind() != FailureKind::NotFound {
        return failure;
    }
    let cure = format!("make it first: bitting accounts create --api {} ID", api.name);
    Failure::of(FailureKind::NotFound, format!("{failure}\n{cure}"))
}
