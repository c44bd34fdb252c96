//! `bitting keys …`

mod advice;
mod shown;

use bitting_core::account::AccountId;
use bitting_core::rights::Permission;
use bitting_engine::{Clock as _, Issued, KeySpec, Overlap, ServedApi, WallClock};
use bitting_store::{Change, KeyCursor, KeyFilter, KeyPatch, KeyStatus, Page, StatusFilter, SwitchPatch};

use self::advice::opens_nothing;
use self::shown::{show_changed, show_issued, show_list, show_used};
use super::context::{Context, addresses, limits, metadata, when};
use super::options::{CreateKey, KeysCommand, ListKeys, RotateKey, Shared, Status, UpdateKey};
use super::output::{note, second};
use super::{export, import};
use crate::failure::{Failure, FailureKind};

/// Runs one of the commands.
pub(super) async fn run(command: KeysCommand, shared: &Shared) -> Result<(), Failure> {
    let context = Context::new(shared).await?;
    match command {
        KeysCommand::Create(options) => create(&context, options, shared.json).await,
        KeysCommand::List(options) => list(&context, options, shared.json).await,
        KeysCommand::Show { api, key } => {
            let (_, row) = context.key(api.api.as_deref(), key).await?;
            show_used(&row, context.owner.last_use(key).await?, shared.json)
        }
        KeysCommand::Update(options) => update(&context, *options, shared.json).await,
        KeysCommand::Rotate(options) => rotate(&context, options, shared.json).await,
        KeysCommand::Revoke { api, key } => {
            let (api, _) = context.key(api.api.as_deref(), key).await?;
            let change = Change::RevokeKey { api: api.name.to_string(), key };
            let done = context.owner.commit(change).await?;
            show_changed(&done, shared.json)
        }
        KeysCommand::Import(options) => import::run(&context, options, shared.json).await,
        KeysCommand::Export { api, hashes } => export::keys(&context, &api, hashes).await,
    }
}

async fn create(context: &Context, options: CreateKey, json: bool) -> Result<(), Failure> {
    let api = context.api(options.api.api.as_deref())?;
    let now = WallClock.now();
    let account = options.account.clone();
    let spec = KeySpec {
        account: options.account,
        name: options.name,
        description: options.description,
        environment: options.environment,
        role: options.role,
        permissions: (!options.permissions.is_empty()).then_some(options.permissions),
        capabilities: options.capabilities,
        allowed_addresses: addresses(&options.addresses)?,
        limits: limits(&options.limits)?,
        metadata: metadata(&options.metadata)?,
        expires_at: when(&options.expires, now)?,
        auto_renew: options.auto_renew,
    };
    let Issued { key, change } = spec.issue(&api, now)?;
    let done = context.owner.commit(change).await;
    let done = done.map_err(|failure| explain(failure, account.as_ref(), context, &api))?;
    if done.keys.first().is_some_and(|row| opens_nothing(&api, row)) {
        note("warning: it has no role and no permission, so it opens only routes that need none");
    }
    show_issued(&key, &done, json)
}

async fn rotate(context: &Context, options: RotateKey, json: bool) -> Result<(), Failure> {
    let duration = |option: &str, text: &str| {
        let read = bitting_core::duration::parse(text);
        read.map_err(|error| Failure::of(FailureKind::Refused, format!("{option}: {error}")))
    };
    let idle = options.end_when_unused_for.as_deref().map(|text| match text {
        "" => Ok(None),
        text => duration("end-when-unused-for", text).map(Some),
    });
    let overlap = Overlap { length: duration("overlap", &options.overlap)?, end_when_unused_for: idle.transpose()? };
    let now = WallClock.now();
    let expires_at = options.expires.as_deref().map(|text| when(text, now)).transpose()?;
    let (api, old) = context.key(options.api.api.as_deref(), options.key).await?;
    let Issued { key, change } = Issued::successor(&api, &old, overlap, expires_at, now)?;
    let done = context.owner.commit(change).await?;
    if let (false, [_, old]) = (json, &done.keys[..]) {
        let ends = old.expires_at.filter(|_| old.revoked_at.is_none());
        note(&match ends {
            Some(end) => format!("the old key {} works until {}", old.id, second(end)),
            None => format!("the old key {} is revoked", old.id),
        });
    }
    show_issued(&key, &done, json)
}

async fn update(context: &Context, options: UpdateKey, json: bool) -> Result<(), Failure> {
    let permissions = options.permissions.iter().filter(|text| !text.is_empty()).map(|text| text.parse());
    let permissions: Result<Vec<Permission>, _> = permissions.collect();
    let permissions = permissions.map_err(|error| Failure::of(FailureKind::Refused, format!("permission: {error}")))?;
    let allowed = addresses(&options.addresses)?;
    let now = WallClock.now();
    let own_limits = options.limits.no_limits || !options.limits.numbers.is_empty();
    let patch = KeyPatch {
        name: options.name,
        description: options.description,
        role: options.role.map(|role| Some(role).filter(|role| !role.is_empty())),
        permissions: (!options.permissions.is_empty()).then_some(permissions),
        capabilities: SwitchPatch { on: options.capabilities_on, off: options.capabilities_off },
        allowed_addresses: if options.any_address { Some(None) } else { allowed.map(Some) },
        limits: own_limits.then(|| limits(&options.limits.numbers)).transpose()?,
        metadata: (!options.metadata.is_empty()).then(|| metadata(&options.metadata)).transpose()?,
        enabled: (options.enable || options.disable).then_some(options.enable),
        expires_at: options.expires.as_deref().map(|text| when(text, now)).transpose()?,
        auto_renew: options.auto_renew,
    };
    if patch == KeyPatch::default() {
        return Err(Failure::of(
            FailureKind::Refused,
            "there is nothing to change\n`bitting keys update --help` lists what can be",
        ));
    }
    let (api, _) = context.key(options.api.api.as_deref(), options.key).await?;
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
    let filter = KeyFilter {
        account: options.account,
        environment: options.environment,
        status,
        creator_removed: options.creator_removed,
        ..KeyFilter::default()
    };
    let after = options.after.map(|id| KeyCursor { id, text: None });
    let page = Page { after, limit: options.page.limit };
    let rows = context.owner.keys(&api.name, filter, page).await?;
    show_list(&rows, &api, options.page.limit, json)
}

/// An account that does not exist is the first thing that goes wrong for a newcomer.
fn explain(failure: Failure, account: Option<&AccountId>, context: &Context, api: &ServedApi) -> Failure {
    let Some(account) = account.filter(|_| failure.kind() == FailureKind::NotFound) else { return failure };
    let choice = if context.takes_for_granted(api) { String::new() } else { format!("--api {} ", api.name) };
    Failure::of(FailureKind::NotFound, format!("{failure}\nmake it first: bitting accounts create {choice}{account}"))
}
