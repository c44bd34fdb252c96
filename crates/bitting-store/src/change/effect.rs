//! What a change does to the rows that it touches: the same for every backend.

use bitting_core::account::AccountId;
use bitting_core::key::KeyId;
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::WebhookId;
use serde_json::{Value, json};

use super::leak::note_report;
use super::member::{Sessions, sign_out};
use super::webhook::delete_webhook;
use super::{AccountPatch, Change, Committed, Entry, FoundImports, KeyPatch, NewAccount, NewKey, Refusal, Successor};
use crate::member::{LinkPurpose, LinkRow, SessionRow, StoredMember};
use crate::row::{AccountRow, KeyRow, Provenance, StoredKey};
use crate::webhook::StoredWebhook;

/// What a backend must read before it can say what a change does.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The account that the change names.
    pub(crate) account: Option<AccountRow>,
    /// The key that the change changes.
    pub(crate) key: Option<StoredKey>,
    /// How many keys of the account count, where there may only be so many.
    pub(crate) keys_of_account: u32,
    /// How the keys of an import stand.
    pub(crate) imports: Option<FoundImports>,
    /// The member that the change changes, or one who has what a new one asks for.
    pub(crate) member: Option<StoredMember>,
    /// Whether the key was found before.
    pub(crate) is_reported: bool,
    /// The link that the change uses up.
    pub(crate) link: Option<LinkRow>,
    /// Whether there is another operator who can sign in.
    pub(crate) has_other_operator: bool,
    /// The webhook endpoint that the change changes.
    pub(crate) webhook: Option<StoredWebhook>,
    /// How many endpoints there are of whoever wants another.
    pub(crate) webhooks_of_owner: u32,
}

/// What a change comes to.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Everything is as the change wants it already: no audit row, no event, no new number.
    Unchanged(Committed),
    /// Something to write.
    Write(Write),
}

/// What a backend must write in one transaction.
#[derive(Debug)]
pub(crate) struct Write {
    /// Rows, in an order that satisfies their references.
    pub(crate) rows: Vec<RowWrite>,
    /// The verb of the audit row, and the name of the event if there is one of this name, as in `key.revoked`.
    pub(crate) action: &'static str,
    /// The id of what changed.
    pub(crate) subject: String,
    /// As it was, for the audit row; null if it was not there.
    pub(crate) before: Value,
    /// As it is, for the audit row.
    pub(crate) after: Value,
}

/// One row to write.
#[derive(Debug)]
pub(crate) enum RowWrite {
    NewAccount(AccountRow),
    ChangedAccount(AccountRow),
    NewKey(StoredKey),
    ChangedKey(StoredKey),
    /// Its digest is another one now.
    RehashedKey(StoredKey),
    /// It was found where others can read it, and has ended with that or not.
    LeakedKey {
        key: StoredKey,
        is_revoked: bool,
    },
    NewMember(StoredMember),
    ChangedMember(StoredMember),
    NewLink(LinkRow),
    SpentLink(TokenDigest),
    /// The links of a member, for one purpose or for all.
    WithdrawnLinks(MemberId, Option<LinkPurpose>),
    /// The links that were printed as long as nobody could sign in.
    WithdrawnSetUpLinks,
    NewSession(SessionRow),
    EndedSessions(MemberId, Sessions),
    /// The sessions of a member but for so many, the newest.
    EndedOldSessions(MemberId, u32),
    NewWebhook(StoredWebhook),
    ChangedWebhook(StoredWebhook),
    RemovedWebhook(WebhookId),
}

impl Entry {
    /// What this entry does as commit `sequence`.
    pub(crate) fn effect(&self, found: Found, sequence: Sequence) -> Result<Effect, Refusal> {
        let at = self.at;
        match &self.change {
            Change::CreateAccount(new) => create_account(new, &found, at, sequence),
            Change::UpdateAccount { account, patch, .. } => update_account(account, patch, found, at, sequence),
            Change::CreateKey(new) => self.create_key(new, &found, sequence),
            Change::UpdateKey { key, patch, .. } => {
                let old = unrevoked(*key, found)?;
                Ok(changed_key("key.updated", old, |row| patch.apply(row, at), at, sequence))
            }
            Change::RotateKey { key, successor, old_ends_at, end_when_unused_for_s, .. } => {
                let overlap = (*old_ends_at, *end_when_unused_for_s);
                self.rotate(&unrevoked(*key, found)?, successor, overlap, sequence)
            }
            Change::RenewKey { key, plan, ends_at, begins_at, until, .. } => {
                let old = renewing(*key, plan.as_deref(), *ends_at, found)?;
                let renew = |row: &mut KeyRow| (row.expires_at, row.term_began_at) = (Some(*until), Some(*begins_at));
                Ok(changed_key("key.renewed", old, renew, at, sequence))
            }
            Change::RevokeKey { key, .. } => {
                let old = found.key.ok_or(Refusal::NoSuchKey(*key))?;
                Ok(changed_key("key.revoked", old, |row| row.revoked_at = row.revoked_at.or(Some(at)), at, sequence))
            }
            Change::ImportKeys { api, import, keys } => {
                let unread = || Refusal::Damaged("the keys of the import were not looked up".to_owned());
                self.import_keys(api, import, keys, found.imports.ok_or_else(unread)?, sequence)
            }
            Change::RehashKey { key, digest, .. } => self.rehash_key(*key, *digest, found, sequence),
            Change::ReportLeak { key, leak, revoke, .. } => self.report_leak(*key, leak, *revoke, found, sequence),
            Change::NoteLeakReport { report, .. } => Ok(note_report(report)),
            Change::CreateMember(new) => self.create_member(new, &found, sequence),
            Change::UpdateMember { member, patch, .. } => self.update_member(*member, patch, found, sequence),
            Change::SignIn { member, session, .. } => self.sign_in(*member, session, found),
            Change::SignOut { member, sessions, .. } => sign_out(*member, *sessions, &found),
            Change::CreateWebhook(new) => self.create_webhook(new, &found, sequence),
            Change::UpdateWebhook { webhook, patch, .. } => self.update_webhook(*webhook, patch, found, sequence),
            Change::RotateWebhookSecret { webhook, secret, old_ends_at, .. } => {
                self.rotate_webhook_secret(*webhook, secret, *old_ends_at, found, sequence)
            }
            Change::DisableWebhook { webhook, epoch, because, .. } => {
                self.disable_webhook(*webhook, *epoch, *because, found, sequence)
            }
            Change::DeleteWebhook { webhook, .. } => delete_webhook(*webhook, found),
            Change::LiftBan { address, since, until, .. } => Ok(Effect::Write(Write {
                rows: Vec::new(),
                action: "ban.lifted",
                subject: address.clone(),
                before: json!({"since": since, "until": until}),
                after: Value::Null,
            })),
        }
    }

    fn create_key(&self, new: &NewKey, found: &Found, sequence: Sequence) -> Result<Effect, Refusal> {
        let mut rows = Vec::new();
        if let Some(most) = new.account_limit.filter(|&most| found.keys_of_account >= most) {
            return Err(Refusal::TooManyKeys(new.account.clone(), most));
        }
        if found.account.is_none() {
            if !new.create_account {
                return Err(Refusal::NoSuchAccount(new.account.clone()));
            }
            let account = NewAccount { api: new.api.clone(), id: new.account.clone(), name: String::new(), plan: None };
            rows.push(RowWrite::NewAccount(account_row(&account, self.at, sequence)));
        }
        let row = KeyRow {
            id: new.id,
            api: new.api.clone(),
            account: new.account.clone(),
            name: new.name.clone(),
            description: new.description.clone(),
            prefix: new.prefix.clone(),
            environment: new.environment.clone(),
            role: new.role.clone(),
            permissions: new.permissions.clone(),
            capabilities: new.capabilities.clone(),
            allowed_addresses: new.allowed_addresses.clone(),
            limits: new.limits.clone(),
            metadata: new.metadata.clone(),
            enabled: true,
            created_at: self.at,
            created_by: self.origin.actor.to_string(),
            updated_at: self.at,
            expires_at: new.expires_at,
            revoked_at: None,
            replaced_by: None,
            replaces: None,
            auto_renew: new.auto_renew,
            term_began_at: None,
            end_when_unused_for_s: None,
            sequence,
        };
        let (subject, after) = (row.id.to_string(), json!(row));
        rows.push(RowWrite::NewKey(StoredKey { digest: new.digest, provenance: Provenance::Issued, row }));
        Ok(Effect::Write(Write { rows, action: "key.created", subject, before: Value::Null, after }))
    }

    fn rotate(
        &self,
        old: &StoredKey,
        successor: &Successor,
        (old_ends_at, end_when_unused_for_s): (Option<Timestamp>, Option<u64>),
        sequence: Sequence,
    ) -> Result<Effect, Refusal> {
        if let Some(next) = old.row.replaced_by {
            return Err(Refusal::AlreadyRotated(old.row.id, next));
        }
        let new = KeyRow {
            id: successor.id,
            prefix: successor.prefix.clone(),
            created_at: self.at,
            created_by: self.origin.actor.to_string(),
            updated_at: self.at,
            expires_at: successor.expires_at,
            replaces: Some(old.row.id),
            term_began_at: None,
            end_when_unused_for_s: None,
            sequence,
            ..old.row.clone()
        };
        let mut ending = old.clone();
        ending.row.replaced_by = Some(successor.id);
        (ending.row.updated_at, ending.row.sequence) = (self.at, sequence);
        match old_ends_at {
            Some(end) => {
                ending.row.expires_at = Some(ending.row.expires_at.map_or(end, |before| before.min(end)));
                ending.row.end_when_unused_for_s = end_when_unused_for_s;
            }
            None => ending.row.revoked_at = Some(self.at),
        }
        Ok(Effect::Write(Write {
            action: "key.rotated",
            subject: old.row.id.to_string(),
            before: json!(old.row),
            after: json!({"old": ending.row, "new": new}),
            rows: vec![
                RowWrite::NewKey(StoredKey { digest: successor.digest, provenance: Provenance::Issued, row: new }),
                RowWrite::ChangedKey(ending),
            ],
        }))
    }
}

impl Write {
    /// The rows as a caller is told of them.
    pub(crate) fn committed(self, sequence: Sequence) -> Committed {
        let mut committed = Committed::empty(sequence);
        for row in self.rows {
            match row {
                RowWrite::NewAccount(account) | RowWrite::ChangedAccount(account) => committed.accounts.push(account),
                RowWrite::NewKey(key)
                | RowWrite::ChangedKey(key)
                | RowWrite::RehashedKey(key)
                | RowWrite::LeakedKey { key, .. } => committed.keys.push(key),
                RowWrite::NewMember(member) | RowWrite::ChangedMember(member) => committed.members.push(member.row),
                RowWrite::NewWebhook(webhook) | RowWrite::ChangedWebhook(webhook) => committed.webhooks.push(webhook.row),
                RowWrite::NewLink(_)
                | RowWrite::SpentLink(_)
                | RowWrite::WithdrawnLinks(..)
                | RowWrite::WithdrawnSetUpLinks
                | RowWrite::NewSession(_)
                | RowWrite::EndedSessions(..)
                | RowWrite::EndedOldSessions(..)
                | RowWrite::RemovedWebhook(_) => {}
            }
        }
        committed
    }
}

fn create_account(new: &NewAccount, found: &Found, at: Timestamp, sequence: Sequence) -> Result<Effect, Refusal> {
    if found.account.is_some() {
        return Err(Refusal::AccountExists(new.id.clone()));
    }
    let row = account_row(new, at, sequence);
    Ok(Effect::Write(Write {
        action: "account.created",
        subject: row.id.to_string(),
        before: Value::Null,
        after: json!(row),
        rows: vec![RowWrite::NewAccount(row)],
    }))
}

fn update_account(
    id: &AccountId,
    patch: &AccountPatch,
    found: Found,
    at: Timestamp,
    sequence: Sequence,
) -> Result<Effect, Refusal> {
    let old = found.account.ok_or_else(|| Refusal::NoSuchAccount(id.clone()))?;
    let mut new = old.clone();
    set(&mut new.name, patch.name.as_ref());
    set(&mut new.plan, patch.plan.as_ref());
    set(&mut new.enabled, patch.enabled.as_ref());
    if new == old {
        return Ok(Effect::Unchanged(Committed { accounts: vec![old.clone()], ..Committed::empty(old.sequence) }));
    }
    (new.updated_at, new.sequence) = (at, sequence);
    Ok(Effect::Write(Write {
        action: "account.updated",
        subject: new.id.to_string(),
        before: json!(old),
        after: json!(new),
        rows: vec![RowWrite::ChangedAccount(new)],
    }))
}

pub(super) fn account_row(new: &NewAccount, at: Timestamp, sequence: Sequence) -> AccountRow {
    AccountRow {
        api: new.api.clone(),
        id: new.id.clone(),
        name: new.name.clone(),
        plan: new.plan.clone(),
        enabled: true,
        created_at: at,
        updated_at: at,
        sequence,
    }
}

fn unrevoked(id: KeyId, found: Found) -> Result<StoredKey, Refusal> {
    let key = found.key.ok_or(Refusal::NoSuchKey(id))?;
    if key.row.revoked_at.is_some() { Err(Refusal::KeyRevoked(id)) } else { Ok(key) }
}

/// A key that renews itself, if it stands as was decided on.
fn renewing(id: KeyId, plan: Option<&str>, ends_at: Timestamp, found: Found) -> Result<StoredKey, Refusal> {
    let account_allows = found.account.as_ref().is_some_and(|account| account.enabled && account.plan.as_deref() == plan);
    let key = unrevoked(id, found)?;
    let KeyRow { auto_renew, enabled, replaced_by, expires_at, .. } = &key.row;
    let is_so = *auto_renew && *enabled && replaced_by.is_none() && *expires_at == Some(ends_at);
    if is_so && account_allows { Ok(key) } else { Err(Refusal::NotRenewed(id)) }
}

fn changed_key(
    action: &'static str,
    old: StoredKey,
    change: impl FnOnce(&mut KeyRow),
    at: Timestamp,
    sequence: Sequence,
) -> Effect {
    let mut new = old.clone();
    change(&mut new.row);
    if new == old {
        return Effect::Unchanged(Committed { sequence: old.row.sequence, keys: vec![old], ..Committed::empty(sequence) });
    }
    (new.row.updated_at, new.row.sequence) = (at, sequence);
    Effect::Write(Write {
        action,
        subject: new.row.id.to_string(),
        before: json!(old.row),
        after: json!(new.row),
        rows: vec![RowWrite::ChangedKey(new)],
    })
}

impl KeyPatch {
    /// Gives a key the new values at a time.
    pub fn apply(&self, row: &mut KeyRow, at: Timestamp) {
        set(&mut row.name, self.name.as_ref());
        set(&mut row.description, self.description.as_ref());
        set(&mut row.role, self.role.as_ref());
        set(&mut row.permissions, self.permissions.as_ref());
        set(&mut row.allowed_addresses, self.allowed_addresses.as_ref());
        set(&mut row.limits, self.limits.as_ref());
        set(&mut row.metadata, self.metadata.as_ref());
        set(&mut row.enabled, self.enabled.as_ref());
        set(&mut row.auto_renew, self.auto_renew.as_ref());
        if let Some(end) = self.expires_at.filter(|end| *end != row.expires_at) {
            // Whoever gives a key an end says how long it shall live from now on, and it is renewed for that.
            (row.expires_at, row.term_began_at) = (end, Some(at));
        }
        row.capabilities.retain(|capability| !self.capabilities.off.contains(capability));
        for capability in &self.capabilities.on {
            if !row.capabilities.contains(capability) {
                row.capabilities.push(capability.clone());
            }
        }
    }
}

pub(super) fn set<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}
